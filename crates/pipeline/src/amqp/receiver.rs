use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt as _;
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::sync::Semaphore;

use super::{
    AmqpError, Shared, message,
    settle::AmqpSettle,
    topology::{self, Names},
};
use crate::{QueueError, Received, Receiver};

/// Pause before the second attempt to consume after a failure, doubled from one to the next.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A consumer that comes back: after lost connections, channels that the broker closed, and queues
/// that somebody deleted. RabbitMQ does not always tell a consumer of the last: it may even hand messages
/// to one that never gets them. Who got nothing for a while, and has nothing to do, consumes anew.
pub(super) struct AmqpReceiver {
    shared: Arc<Shared>,
    queue: String,
    names: Names,
    prefetch: u16,
    /// Messages of a lost channel are still worked on when a new one brings others: together they are no
    /// more than the prefetch.
    slots: Arc<Semaphore>,
    consuming: Option<Consuming>,
    pause: Duration,
}

struct Consuming {
    channel: Channel,
    consumer: Consumer,
}

impl AmqpReceiver {
    /// Starts to consume. A broker that is away is waited for later.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        queue: &str,
        prefetch: u16,
    ) -> Result<Self, QueueError> {
        let prefetch = prefetch.max(1);
        let mut receiver = Self {
            shared: Arc::clone(shared),
            queue: queue.to_owned(),
            names: Names::new(&shared.prefix, queue),
            prefetch,
            slots: Arc::new(Semaphore::new(prefetch.into())),
            consuming: None,
            pause: Duration::ZERO,
        };
        receiver.resume().await?;
        Ok(receiver)
    }

    /// Tries to consume again, after the pause. An error is one that no attempt will heal.
    async fn resume(&mut self) -> Result<(), QueueError> {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        match self.consume().await {
            Ok(consuming) => self.consuming = Some(consuming),
            Err(error) if error.is_permanent() => return Err(self.failed(error)),
            Err(error) => self.lost(&error),
        }
        Ok(())
    }

    async fn consume(&self) -> Result<Consuming, AmqpError> {
        let link = &self.shared.consuming;
        topology::declare(link, &self.names).await?;
        let channel = link.open().await?.channel;
        let prefetch = channel.basic_qos(self.prefetch, BasicQosOptions::default());
        link.ask("set prefetch", prefetch).await?;
        let consumer = channel.basic_consume(
            self.names.queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = link.ask("consume", consumer).await?;
        Ok(Consuming { channel, consumer })
    }

    /// The next message of the present channel and that channel, `None` when there is reason to look at
    /// the channel again.
    async fn next(&mut self) -> Option<(Delivery, Channel)> {
        let Consuming { channel, consumer } = self.consuming.as_mut()?;
        match tokio::time::timeout(self.shared.patrol, consumer.next()).await {
            Ok(Some(Ok(delivery))) => return Some((delivery, channel.clone())),
            Ok(Some(Err(error))) => self.lost(&AmqpError::broker("receive message")(error)),
            Ok(None) => tracing::warn!(queue = self.queue, "consumer cancelled, will try again"),
            Err(_) if self.is_busy() => return None,
            Err(_) => self.pause = Duration::ZERO,
        }
        self.end();
        None
    }

    /// True while messages are worked on, besides the one that is waited for.
    fn is_busy(&self) -> bool {
        self.slots.available_permits() + 1 < self.prefetch.into()
    }

    /// Consumes no more. What was handed to us and not yet received goes back at once; what was received
    /// keeps the channel until it is settled.
    fn end(&mut self) {
        let Some(Consuming {
            channel,
            mut consumer,
        }) = self.consuming.take()
        else {
            return;
        };
        self.shared.in_background(async move {
            let cancelled = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
            cancelled.await?;
            while let Some(delivery) = consumer.next().await {
                let options = BasicNackOptions {
                    requeue: true,
                    ..BasicNackOptions::default()
                };
                delivery?.acker.nack(options).await?;
            }
            Ok(())
        });
    }

    fn lost(&self, error: &AmqpError) {
        tracing::warn!(
            error = error as &dyn Error,
            queue = self.queue,
            "not consuming, will try again"
        );
    }

    fn failed(&self, error: impl Into<crate::BoxError>) -> QueueError {
        QueueError::Consume {
            queue: self.queue.clone(),
            source: error.into(),
        }
    }
}

#[async_trait]
impl Receiver for AmqpReceiver {
    async fn receive(&mut self) -> Result<Received, QueueError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|error| self.failed(error))?;
        loop {
            if self.consuming.is_none() {
                self.resume().await?;
            }
            if let Some((mut delivery, channel)) = self.next().await {
                self.pause = Duration::ZERO;
                let envelope = message::envelope(&mut delivery);
                let unsettled = (delivery.acker, channel);
                let settle = AmqpSettle::new(&self.shared, &self.names, unsettled, slot);
                return Ok(Received::new(envelope, settle));
            }
        }
    }
}

impl Drop for AmqpReceiver {
    fn drop(&mut self) {
        self.end();
    }
}
