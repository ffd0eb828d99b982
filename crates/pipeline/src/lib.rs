//! Everything a queue stage needs: see [`Stage`] to write one, [`Worker`] to run one.

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
    queue::{Queue, QueueError, Received, Receiver, Settle},
    runs::{RunContext, Runs},
    stage::{Completion, Stage, queue_of},
    worker::Worker,
};

use chatkeep_proto::v1::ledger_client;
use chatkeep_runtime::GrpcChannel;

/// The stages' way to the ledger.
pub type LedgerClient = ledger_client::LedgerClient<GrpcChannel>;
