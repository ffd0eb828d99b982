//! RabbitMQ.

mod broker;
mod error;
mod link;
mod message;
mod publisher;
mod receiver;
mod settings;
mod settle;
mod socket;
mod topology;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use self::{
    broker::Broker, link::Link, publisher::Publisher, receiver::AmqpReceiver, topology::Names,
};
pub use self::{error::AmqpError, settings::AmqpSettings};
use crate::{Envelope, Queue, QueueError, Receiver};

/// The queue of the distributed form: RabbitMQ, from 3.10 on.
///
/// A stage's queues are made where they are missing. Publishing to a broker that is away, raised an
/// alarm, or does not answer is an error after [`AmqpSettings::timeout`] or sooner; receivers wait for
/// it, as long as it takes.
#[derive(Clone)]
pub struct AmqpQueue(Arc<Shared>);

/// What publisher, receivers and received messages share.
struct Shared {
    prefix: String,
    timeout: Duration,
    /// How long a receiver gets nothing before it consumes anew.
    patrol: Duration,
    publisher: Publisher,
    consuming: Link,
    /// Where messages are given back that were dropped.
    runtime: Handle,
    giving_back: TaskTracker,
}

impl AmqpQueue {
    /// Connects. An error is one that somebody must see to; a broker that is merely away is not.
    pub async fn open(settings: &AmqpSettings) -> Result<Self, AmqpError> {
        settings.check()?;
        let prefix = settings.prefix.clone();
        let broker = Arc::new(Broker::new(settings)?);
        let publishing = Link::new(Arc::clone(&broker), "chatkeep publish");
        let shared = Shared {
            prefix,
            timeout: settings.timeout,
            patrol: settings.heartbeat * 3,
            publisher: Publisher::new(publishing, settings.timeout),
            consuming: Link::new(broker, "chatkeep consume"),
            runtime: Handle::current(),
            giving_back: TaskTracker::new(),
        };
        match shared.publisher.link().open().await {
            Err(error) if error.is_permanent() => Err(error),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "RabbitMQ is away, will try again");
                Ok(Self(Arc::new(shared)))
            }
            Ok(_) => Ok(Self(Arc::new(shared))),
        }
    }

    /// Asks the broker for a sign of life.
    pub async fn check(&self) -> Result<(), AmqpError> {
        self.0.publisher.link().open().await.map(drop)
    }

    /// Gives back what was dropped, and closes the connections. To be called when everything that uses
    /// the queue has stopped.
    pub async fn close(&self) {
        let shared = &self.0;
        shared.giving_back.close();
        let given_back = tokio::time::timeout(shared.timeout, shared.giving_back.wait()).await;
        if given_back.is_err() {
            tracing::debug!("messages not given back: the broker takes them when we are gone");
        }
        shared.consuming.close().await;
        shared.publisher.link().close().await;
    }
}

impl Shared {
    /// Gives messages back. When that fails, the broker has taken them back already.
    fn in_background(&self, work: impl Future<Output = lapin::Result<()>> + Send + 'static) {
        let work = tokio::time::timeout(self.timeout, work);
        let work = async move {
            if !matches!(work.await, Ok(Ok(()))) {
                tracing::debug!("messages not given back: the broker has them already");
            }
        };
        self.giving_back.spawn_on(work, &self.runtime);
    }
}

#[async_trait]
impl Queue for AmqpQueue {
    async fn publish(&self, queue: &str, envelope: Envelope) -> Result<(), QueueError> {
        let names = Names::new(&self.0.prefix, queue);
        let published = self.0.publisher.publish(&names, &names.queue, &envelope);
        published.await.map_err(|source| QueueError::Publish {
            queue: queue.to_owned(),
            source: source.into(),
        })
    }

    async fn waiting(&self, queue: &str) -> Result<Option<u64>, QueueError> {
        let names = Names::new(&self.0.prefix, queue);
        let counted = topology::declare(self.0.publisher.link(), &names).await;
        counted.map(Some).map_err(|source| QueueError::Count {
            queue: queue.to_owned(),
            source: source.into(),
        })
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Box<dyn Receiver>, QueueError> {
        let receiver = AmqpReceiver::start(&self.0, queue, prefetch).await?;
        Ok(Box::new(receiver))
    }
}
