//! How one message goes out.

use std::time::Duration;

use chatkeep_microsoft365::Request;
use chatkeep_pipeline::crash_point;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use serde::Deserialize;

use super::{
    client::{Client, PATIENCE, encode},
    item::Item,
    reading,
    trouble::Trouble,
    upload,
};
use crate::{
    exchange::{Form, Halt, canary::Canary},
    target::{Gate, Message, Outcome, Refusal, TargetError},
};

/// Messages of this size are taken apart on a thread of their own.
const LARGE: usize = 256 << 10;

/// Sends messages to one folder.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) form: &'a Form,
    pub(super) folder: &'a str,
    pub(super) gate: &'a dyn Gate,
}

/// What became of a message, and why no other one should follow.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) outcome: Outcome,
    pub(super) halt: Option<Halt>,
}

/// What Graph answers when it has made a message.
#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) id: String,
}

/// The request that makes a message in a folder, not as a draft and not in the drafts folder: neither could
/// be mended later.
pub(super) fn creation(client: &Client, folder: &str, item: &Item) -> Request {
    let path = format!("mailFolders/{}/messages", encode(folder));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Request {
        method: Method::POST,
        path: client.path(&path),
        headers,
        body: Some(item.create.clone()),
    }
}

impl Sent {
    fn stopped(outcome: Outcome, halt: TargetError) -> Self {
        Self {
            outcome,
            halt: Some(Halt::Target(halt)),
        }
    }

    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            halt: None,
        }
    }
}

impl Sender<'_> {
    /// Sends a message.
    pub(super) async fn send(&self, message: &Message) -> Sent {
        if self.client.tenant().stumbles.is_given_up(&message.id) {
            return Sent::of(Outcome::Refused(Refusal::Item));
        }
        let Some(item) = self.take_apart(message).await else {
            return Sent::of(Outcome::Refused(Refusal::Item));
        };
        match self.create(&item).await {
            Err(sent) => self.noted(message, sent),
            Ok(id) => self.finish(message, &id, &item).await,
        }
    }

    /// Sends messages one after the other until one stands, and looks at it; not where that was done
    /// before in this process, with the same retention tag.
    pub(super) async fn send_canary(
        &self,
        messages: &[Message],
        outcomes: &mut [Outcome],
    ) -> Result<(), Halt> {
        let mut canary = self.client.tenant().canary.lock().await;
        for (message, outcome) in messages.iter().zip(outcomes) {
            if canary.is_over(self.form.marks.tag).map_err(Halt::Target)? {
                break;
            }
            if *outcome != Outcome::NotStored {
                continue;
            }
            let item = self.take_apart(message).await;
            let created = match &item {
                Some(item) => self.create(item).await,
                None => Err(Sent::of(Outcome::Refused(Refusal::Item))),
            };
            let sent = match (created, &item) {
                (Ok(id), Some(item)) => self.examine(&mut canary, &id, message, item).await,
                (Ok(_), None) => Sent::of(Outcome::Unknown),
                (Err(sent), _) => self.noted(message, sent),
            };
            *outcome = sent.outcome;
            if let Some(halt) = sent.halt {
                return Err(halt);
            }
        }
        Ok(())
    }

    /// Looks at the first message. One that came out wrong does not stay.
    async fn examine(&self, canary: &mut Canary, id: &str, message: &Message, item: &Item) -> Sent {
        let tag = self.form.marks.tag;
        let looked = reading::look(self.client, id, tag).await;
        let looked = looked.map_err(Trouble::in_folder);
        match looked.and_then(|looked| canary.judge(looked, message.date, tag)) {
            Ok(()) => self.finish(message, id, item).await,
            Err(error) => {
                let removed = self.client.remove(id).await;
                let outcome = removed.map_or(Outcome::Unknown, |()| Outcome::NotStored);
                Sent::stopped(outcome, error)
            }
        }
    }

    async fn take_apart(&self, message: &Message) -> Option<Item> {
        if message.bytes.len() < LARGE {
            return Item::of(message, &self.form.marks);
        }
        let (message, marks) = (message.clone(), self.form.marks.clone());
        let apart = tokio::task::spawn_blocking(move || Item::of(&message, &marks));
        apart.await.ok().flatten()
    }

    /// Creates the message in the folder.
    async fn create(&self, item: &Item) -> Result<String, Sent> {
        let not_stored = |trouble: Trouble| Sent::stopped(Outcome::NotStored, trouble.in_folder());
        let size = item.create.len();
        self.client
            .admitted(size, PATIENCE)
            .await
            .map_err(not_stored)?;
        let closed = |error| Sent::stopped(Outcome::NotStored, error);
        self.gate.pass().await.map_err(closed)?;
        let answer = self.client.send(creation(self.client, self.folder, item));
        let answer = answer.await;
        crash_point("sent");
        let created = answer.map_err(refused)?.json::<Created>();
        // It stands, but under what id?
        let lost = |source| {
            refused(Trouble::Doubtful {
                after: None,
                source,
            })
        };
        created.map(|created| created.id).map_err(lost)
    }

    /// Adds the files that did not go with the message. When that fails, the message is taken back, so that
    /// nobody sees a part of it; a part that stays is found by the look-up, and removed then.
    async fn finish(&self, message: &Message, id: &str, item: &Item) -> Sent {
        let added = upload::all(self.client, id, &item.later, self.gate).await;
        let Err(interrupted) = added else {
            return self.noted(message, Sent::of(Outcome::Stored));
        };
        let mut sent = self.noted(message, interrupted.into_sent());
        let is_refused = matches!(sent.outcome, Outcome::Refused(_));
        match self.client.remove(id).await {
            Err(_) => sent.outcome = Outcome::Unknown,
            Ok(()) if !is_refused => sent.outcome = Outcome::NotStored,
            Ok(()) => {}
        }
        sent
    }

    /// Remembers messages of which nobody knows what became of them: their mailbox is left alone until the
    /// answer would have come, and longer from time to time.
    fn noted(&self, message: &Message, mut sent: Sent) -> Sent {
        let tenant = self.client.tenant();
        match sent.outcome {
            Outcome::Unknown => {
                let pause = tenant
                    .stumbles
                    .stumbled(&message.id, self.form.timeouts.answer);
                sent.halt = Some(match sent.halt.take() {
                    Some(Halt::Target(TargetError::Busy { after })) => busy(after.max(pause)),
                    Some(halt) => halt,
                    None => busy(pause),
                });
            }
            Outcome::Stored => tenant.stumbles.arrived(&message.id),
            _ => {}
        }
        sent
    }
}

fn busy(after: Duration) -> Halt {
    Halt::Target(TargetError::Busy { after })
}

/// What a request that creates or adds something came to, when it was not answered as asked.
pub(super) fn refused(trouble: Trouble) -> Sent {
    if trouble.is_no_mailbox() {
        return Sent::stopped(Outcome::NotStored, TargetError::NoMailbox);
    }
    if trouble.is_missing() {
        return Sent {
            outcome: Outcome::NotStored,
            halt: Some(Halt::NoFolder),
        };
    }
    match trouble {
        Trouble::Doubtful { after, .. } => {
            let after = after.unwrap_or_default();
            Sent::stopped(Outcome::Unknown, TargetError::Busy { after })
        }
        Trouble::Refused { status: 413, .. } => Sent::of(Outcome::Refused(Refusal::TooLarge)),
        Trouble::Refused { status, code } => match code.as_str() {
            "ErrorQuotaExceeded" | "ErrorMailboxQuotaExceeded" => {
                Sent::of(Outcome::Refused(Refusal::Quota))
            }
            "ErrorMessageSizeExceeded" | "ErrorAttachmentSizeLimitExceeded" => {
                Sent::of(Outcome::Refused(Refusal::TooLarge))
            }
            _ if status == 507 => Sent::of(Outcome::Refused(Refusal::Quota)),
            _ if status == 403 => {
                let trouble = Trouble::Refused { status, code };
                Sent::stopped(Outcome::NotStored, trouble.at_folder())
            }
            _ => Sent::of(Outcome::Refused(Refusal::Item)),
        },
        trouble => Sent::stopped(Outcome::NotStored, trouble.in_folder()),
    }
}
