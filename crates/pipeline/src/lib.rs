//! Everything a queue stage needs: see [`Stage`] to write one, [`Worker`] to run one.

#[cfg(feature = "amqp")]
mod amqp;
mod crash;
mod envelope;
mod error;
mod lent;
mod memory;
mod observe;
mod queue;
mod runs;
mod stage;
mod worker;

pub use crate::{
    crash::crash_point,
    envelope::Envelope,
    error::{BoxError, ResultExt, StageError, Verdict},
    lent::lend_secrets,
    memory::MemoryQueue,
    observe::publish_span,
    queue::{Queue, QueueError, REASON, Received, Receiver, Settle, dead_letters},
    runs::{RunContext, Runs},
    stage::{Completion, Stage, queue_of},
    worker::Worker,
};

#[cfg(feature = "amqp")]
pub use crate::amqp::{AmqpError, AmqpQueue, AmqpSettings};

use chatkeep_proto::v1::ledger_client;
use chatkeep_runtime::{GrpcChannel, LARGEST_MESSAGE};

/// The stages' way to the ledger.
pub type LedgerClient = ledger_client::LedgerClient<GrpcChannel>;

/// The ledger at the other end of a channel.
pub fn ledger(channel: GrpcChannel) -> LedgerClient {
    LedgerClient::new(channel)
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE)
}
