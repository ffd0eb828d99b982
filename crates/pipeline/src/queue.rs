use std::time::Duration;

use async_trait::async_trait;

use crate::{BoxError, Envelope};

/// Why a queue could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue did not take the message.
    #[error("publish to {queue}")]
    Publish {
        /// The queue.
        queue: String,
        /// The reason.
        source: BoxError,
    },
    /// Messages cannot be received.
    #[error("consume from {queue}")]
    Consume {
        /// The queue.
        queue: String,
        /// The reason.
        source: BoxError,
    },
    /// Nobody knows how much waits.
    #[error("count what waits in {queue}")]
    Count {
        /// The queue.
        queue: String,
        /// The reason.
        source: BoxError,
    },
    /// A message could not be settled: it will come again.
    #[error("settle message")]
    Settle(#[source] BoxError),
}

/// Header of a dead letter: why it was buried.
pub const REASON: &str = "x-reason";

/// Where the dead letters of `queue` are.
pub fn dead_letters(queue: &str) -> String {
    format!("{queue}.dead")
}

/// A queue of work messages. Durable or not: what is lost, control publishes again.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Returns once the queue has taken responsibility for the envelope.
    async fn publish(&self, queue: &str, envelope: Envelope) -> Result<(), QueueError>;

    /// How many messages wait in a queue and its waiting rooms, those not counted that somebody holds.
    /// `None` where nothing can be lost as long as this process lives.
    async fn waiting(&self, queue: &str) -> Result<Option<u64>, QueueError>;

    /// Receives messages, at most `prefetch` of them unsettled at a time.
    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Box<dyn Receiver>, QueueError>;
}

/// One consumer of one queue.
#[async_trait]
pub trait Receiver: Send {
    /// The next message. Waits until there is one; dropping the future loses nothing.
    async fn receive(&mut self) -> Result<Received, QueueError>;
}

/// A received envelope that must be settled exactly once. Dropping it unsettled gives the message back
/// to the queue.
pub struct Received {
    /// The message.
    pub envelope: Envelope,
    settle: Box<dyn Settle>,
}

impl Received {
    /// Joins a message with the way to settle it.
    pub fn new(envelope: Envelope, settle: impl Settle + 'static) -> Self {
        Self {
            envelope,
            settle: Box::new(settle),
        }
    }

    /// Done: the queue may forget the message.
    pub async fn ack(self) -> Result<(), QueueError> {
        self.settle.ack().await
    }

    /// Comes back with `attempt + 1` after `delay`, which the queue may round up to its next step.
    pub async fn retry(mut self, delay: Duration) -> Result<(), QueueError> {
        self.envelope.attempt += 1;
        self.settle.postpone(self.envelope, delay).await
    }

    /// Comes back as it is after `delay`: it was not its fault that nothing came of it.
    pub async fn defer(self, delay: Duration) -> Result<(), QueueError> {
        self.settle.postpone(self.envelope, delay).await
    }

    /// Moves to the dead letters, with a static reason in its headers.
    pub async fn bury(mut self, reason: &'static str) -> Result<(), QueueError> {
        let headers = &mut self.envelope.headers;
        headers.insert(REASON.to_owned(), reason.to_owned());
        self.settle.bury(self.envelope).await
    }
}

/// How an implementation of [`Queue`] settles a message.
#[async_trait]
pub trait Settle: Send + Sync {
    /// The queue may forget the message.
    async fn ack(self: Box<Self>) -> Result<(), QueueError>;
    /// The message comes back later, as this envelope.
    async fn postpone(
        self: Box<Self>,
        envelope: Envelope,
        delay: Duration,
    ) -> Result<(), QueueError>;
    /// The message moves to the dead letters, as this envelope.
    async fn bury(self: Box<Self>, envelope: Envelope) -> Result<(), QueueError>;
}
