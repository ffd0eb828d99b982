use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicNackOptions},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{Shared, topology::Names};
use crate::{Envelope, QueueError, Settle};

/// How long a message is kept that could not be moved. It comes again at once when it is given back; a
/// loop without a pause would burn what the broker allows it.
const HOLD: Duration = Duration::from_secs(1);

/// Settles one message.
pub(super) struct AmqpSettle {
    shared: Arc<Shared>,
    names: Names,
    /// The acknowledger, until the message is settled, and its channel: a channel that nobody holds is
    /// closed, and an acknowledgement on it would change nothing and say nothing.
    unsettled: Option<(Acker, Channel)>,
    _slot: OwnedSemaphorePermit,
}

impl AmqpSettle {
    pub(super) fn new(
        shared: &Arc<Shared>,
        names: &Names,
        unsettled: (Acker, Channel),
        slot: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            names: names.clone(),
            unsettled: Some(unsettled),
            _slot: slot,
        }
    }

    async fn move_to(self: Box<Self>, target: &str, envelope: &Envelope) -> Result<(), QueueError> {
        let publisher = &self.shared.publisher;
        match publisher.publish(&self.names, target, envelope).await {
            Ok(()) => self.ack().await,
            Err(source) => {
                tokio::time::sleep(HOLD).await;
                Err(QueueError::Publish {
                    queue: target.to_owned(),
                    source: source.into(),
                })
            }
        }
    }
}

#[async_trait]
impl Settle for AmqpSettle {
    async fn ack(mut self: Box<Self>) -> Result<(), QueueError> {
        let Some((acker, _channel)) = self.unsettled.take() else {
            return Ok(());
        };
        // A connection that is lost meanwhile may never say so.
        let acknowledged = acker.ack(BasicAckOptions::default());
        match self.shared.consuming.ask("acknowledge", acknowledged).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(QueueError::Settle("the channel is lost".into())),
            Err(error) => Err(QueueError::Settle(error.into())),
        }
    }

    async fn postpone(
        self: Box<Self>,
        envelope: Envelope,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let room = self.names.waiting_room(delay);
        self.move_to(&room, &envelope).await
    }

    async fn bury(self: Box<Self>, envelope: Envelope) -> Result<(), QueueError> {
        let dead = self.names.dead();
        self.move_to(&dead, &envelope).await
    }
}

impl Drop for AmqpSettle {
    fn drop(&mut self) {
        let Some((acker, channel)) = self.unsettled.take() else {
            return;
        };
        self.shared.in_background(async move {
            let options = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            acker.nack(options).await?;
            drop(channel);
            Ok(())
        });
    }
}
