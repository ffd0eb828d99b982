//! Everything a queue stage needs: see [`Stage`] to write one, [`Worker`] to run one.

#[cfg(feature = "amqp")]
mod amqp;
mod crash;
mod envelope;
mod error;
mod memory;
mod queue;
mod runs;
mod stage;
mod worker;

pub use crate::{
    crash::crash_point,
    envelope::Envelope,
    error::{BoxError, ResultExt, StageError, Verdict},
    memory::MemoryQueue,
    queue::{Queue, QueueError, REASON, Received, Receiver, Settle, dead_letters},
    runs::{RunContext, Runs},
    stage::{Completion, Stage, queue_of},
    worker::Worker,
};

#[cfg(feature = "amqp")]
pub use crate::amqp::{AmqpError, AmqpQueue, AmqpSettings};

use chatkeep_proto::v1::ledger_client;
use chatkeep_runtime::GrpcChannel;

/// The stages' way to the ledger.
pub type LedgerClient = ledger_client::LedgerClient<GrpcChannel>;
