use std::time::Duration;

use lapin::{
    Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::sync::Mutex;

use super::{
    AmqpError,
    broker::within,
    link::{Link, Open},
    message,
    topology::{self, Names},
};
use crate::Envelope;

const PUBLISH: &str = "publish message";

/// Publishes with confirms, one message at a time: with several in flight, lapin can take the return of
/// one message for that of another.
pub(super) struct Publisher {
    link: Link,
    limit: Duration,
    channel: Mutex<Option<Open>>,
}

#[derive(PartialEq)]
enum Outcome {
    Taken,
    /// There is no such queue.
    Returned,
}

impl Publisher {
    pub(super) fn new(link: Link, limit: Duration) -> Self {
        Self {
            link,
            limit,
            channel: Mutex::default(),
        }
    }

    /// The connection; nothing is received on it: an alarm stops all that comes from a publisher, its
    /// acknowledgements too.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Returns once the broker has the message on disk. After [`AmqpError::Silent`] it may have it or
    /// not.
    pub(super) async fn publish(
        &self,
        names: &Names,
        queue: &str,
        envelope: &Envelope,
    ) -> Result<(), AmqpError> {
        if self.attempt(queue, envelope).await? == Outcome::Returned {
            topology::declare(&self.link, names).await?;
            if self.attempt(queue, envelope).await? == Outcome::Returned {
                return Err(AmqpError::Unroutable);
            }
        }
        Ok(())
    }

    /// Tries once. Each wait has its limit, the one for those before us too.
    async fn attempt(&self, queue: &str, envelope: &Envelope) -> Result<Outcome, AmqpError> {
        let mut channel = within(self.limit, PUBLISH, self.channel.lock()).await?;
        let open = match channel.take() {
            Some(open) if open.is_usable() => open,
            _ => self.open().await?,
        };
        if let Err(alarm) = self.link.wait_out_alarm(&open.connection).await {
            *channel = Some(open);
            return Err(alarm);
        }
        let sent = within(self.limit, PUBLISH, send(&open, queue, envelope)).await;
        let Ok(confirmation) = sent else {
            return Err(self.unanswered(&open).await);
        };
        let outcome = match confirmation? {
            Confirmation::Ack(None) => Ok(Outcome::Taken),
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Ok(Outcome::Returned),
            Confirmation::Nack(None) | Confirmation::NotRequested => Err(AmqpError::Full),
        };
        // Only after an answer: a late one must not meet another message.
        *channel = Some(open);
        outcome
    }

    /// What it means that a message was sent and nothing came back.
    async fn unanswered(&self, open: &Open) -> AmqpError {
        if open.connection.status().blocked() {
            return AmqpError::Alarm;
        }
        self.link.abandon(&open.connection).await;
        AmqpError::Silent { action: PUBLISH }
    }

    async fn open(&self) -> Result<Open, AmqpError> {
        let open = self.link.open().await?;
        let confirmed = open.channel.confirm_select(ConfirmSelectOptions::default());
        self.link.ask("ask for confirms", confirmed).await?;
        Ok(open)
    }
}

async fn send(open: &Open, queue: &str, envelope: &Envelope) -> Result<Confirmation, AmqpError> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = message::properties(envelope)?;
    let sent =
        open.channel
            .basic_publish("".into(), queue.into(), options, &envelope.body, properties);
    let confirm = sent.await.map_err(AmqpError::broker(PUBLISH))?;
    confirm.await.map_err(AmqpError::broker(PUBLISH))
}
