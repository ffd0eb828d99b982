//! How messages go out: several in one request, each with an answer of its own.

use std::time::Duration;

use chatkeep_pipeline::crash_point;

use super::{
    Server,
    batches::batches,
    client::Client,
    failure::{EwsError, Failure},
    item, reading,
    xml::Element,
};
use crate::{
    exchange::{Form, Halt},
    target::{Gate, Message, Outcome, Refusal, TargetError},
};

/// Sends messages to one folder.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) server: &'a Server,
    pub(super) form: &'a Form,
    pub(super) folder: &'a str,
    pub(super) gate: &'a dyn Gate,
}

/// What became of a request.
enum Sent {
    /// It was answered. The ids of what was created.
    Answered(Vec<String>),
    /// It was refused as a whole, where a part of it may be taken.
    TooMuch,
}

impl Sender<'_> {
    /// Sends all messages whose outcome is still open.
    pub(super) async fn send(
        &self,
        messages: &[Message],
        outcomes: &mut [Outcome],
    ) -> Result<(), Halt> {
        for (message, outcome) in messages.iter().zip(outcomes.iter_mut()) {
            let is_open = *outcome == Outcome::NotStored;
            if is_open && self.server.stumbles.is_given_up(&message.id) {
                *outcome = Outcome::Refused(Refusal::Item);
            }
        }
        self.send_canary(messages, outcomes).await?;
        let is_open =
            |(index, outcome): (usize, &Outcome)| (*outcome == Outcome::NotStored).then_some(index);
        let open = outcomes.iter().enumerate().filter_map(is_open);
        let mut batches = batches(messages, open, &self.server.stumbles);
        while let Some(batch) = batches.pop_front() {
            if let Sent::TooMuch = self.send_batch(messages, &batch, outcomes).await? {
                let (one, other) = batch.split_at(batch.len() / 2);
                batches.push_front(other.to_vec());
                batches.push_front(one.to_vec());
            }
        }
        Ok(())
    }

    /// Sends messages one after the other until one stands, and looks at it; not where that was done
    /// before in this process, with the same retention tag. One that came out wrong does not stay.
    async fn send_canary(
        &self,
        messages: &[Message],
        outcomes: &mut [Outcome],
    ) -> Result<(), Halt> {
        let tag = self.form.marks.tag;
        let mut canary = self.server.canary.lock().await;
        for (index, message) in messages.iter().enumerate() {
            if canary.is_over(tag).map_err(Halt::Target)? {
                break;
            }
            if outcomes[index] != Outcome::NotStored {
                continue;
            }
            let Sent::Answered(ids) = self.send_batch(messages, &[index], outcomes).await? else {
                continue;
            };
            let Some(id) = ids.first() else { continue };
            let looked = reading::look(self.client, id, tag).await;
            let looked = looked.map_err(Failure::in_folder);
            if let Err(error) = looked.and_then(|looked| canary.judge(looked, message.date, tag)) {
                let removed = reading::remove(self.client, id).await;
                outcomes[index] = removed.map_or(Outcome::Unknown, |()| Outcome::NotStored);
                return Err(Halt::Target(error));
            }
        }
        Ok(())
    }

    async fn send_batch(
        &self,
        messages: &[Message],
        batch: &[usize],
        outcomes: &mut [Outcome],
    ) -> Result<Sent, Halt> {
        let elements = self.elements(messages, batch).await;
        let mut wanted = Vec::with_capacity(batch.len());
        let mut items = String::new();
        for (&index, element) in batch.iter().zip(elements) {
            match element {
                Some(element) => {
                    wanted.push(index);
                    items.push_str(&element);
                }
                None => outcomes[index] = Outcome::Refused(Refusal::Item),
            }
        }
        if wanted.is_empty() {
            return Ok(Sent::Answered(Vec::new()));
        }
        self.gate.pass().await.map_err(Halt::Target)?;
        let created = self.create(&items, wanted.len()).await;
        if wanted.len() > 1 && matches!(created, Err(Failure::Refusal(_))) {
            return Ok(Sent::TooMuch);
        }
        self.note(messages, &wanted, created, outcomes)
    }

    /// The elements of messages; `None` for what is not MIME.
    async fn elements(&self, messages: &[Message], batch: &[usize]) -> Vec<Option<String>> {
        let batch: Vec<_> = batch.iter().map(|&index| messages[index].clone()).collect();
        let (marks, count) = (self.form.marks.clone(), batch.len());
        let made = tokio::task::spawn_blocking(move || {
            let elements = batch.iter().map(|message| item::element(message, &marks));
            elements.collect()
        });
        made.await.unwrap_or_else(|_| vec![None; count])
    }

    /// Creates items in the folder, not as drafts and not in the drafts folder: neither could be mended
    /// later. The ids, one for each.
    async fn create(
        &self,
        items: &str,
        count: usize,
    ) -> Result<Vec<Result<String, Failure>>, Failure> {
        let request = format!(
            "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:SavedItemFolderId>{}</m:SavedItemFolderId>\
             <m:Items>{items}</m:Items></m:CreateItem>",
            self.folder
        );
        let answer = self.client.send(&request).await;
        crash_point("sent");
        let replies = answer?.replies;
        if replies.len() != count {
            return Err(Failure::Doubtful(EwsError::Invalid));
        }
        let id = |created: &Element| {
            let id = created.find("ItemId").and_then(|id| id.attribute("Id"));
            // It stands, but under what id?
            id.map(str::to_owned)
                .ok_or(Failure::Doubtful(EwsError::Invalid))
        };
        let created = replies.iter().map(|reply| reply.content().and_then(id));
        Ok(created.collect())
    }

    /// Notes what became of each message of a request.
    fn note(
        &self,
        messages: &[Message],
        wanted: &[usize],
        created: Result<Vec<Result<String, Failure>>, Failure>,
        outcomes: &mut [Outcome],
    ) -> Result<Sent, Halt> {
        let mut ids = Vec::new();
        let mut halted: Option<Halt> = None;
        let mut halts = |halt: Option<Halt>| {
            if let Some(halt) = halt {
                halt.note(&mut halted);
            }
        };
        match created {
            Ok(created) => {
                for (&index, created) in wanted.iter().zip(created) {
                    let message = &messages[index];
                    outcomes[index] = match created {
                        Ok(id) => {
                            self.server.stumbles.arrived(&message.id);
                            ids.push(id);
                            Outcome::Stored
                        }
                        Err(failure) => {
                            let (outcome, halt) = verdict(failure);
                            halts(halt);
                            outcome
                        }
                    };
                }
            }
            Err(failure) => {
                let (outcome, halt) = verdict(failure);
                halts(halt);
                for &index in wanted {
                    outcomes[index] = outcome;
                }
            }
        }
        for &index in wanted {
            if outcomes[index] == Outcome::Unknown {
                halts(Some(busy(self.stumbled(&messages[index]))));
            }
        }
        halted.map_or(Ok(Sent::Answered(ids)), Err)
    }

    /// How long to leave the mailbox alone after an answer was lost: until it would have come, and longer
    /// from time to time.
    fn stumbled(&self, message: &Message) -> Duration {
        let stumbles = &self.server.stumbles;
        stumbles.stumbled(&message.id, self.form.timeouts.answer)
    }
}

fn busy(after: Duration) -> Halt {
    Halt::Target(TargetError::Busy { after })
}

/// What became of a message that was not answered as asked, and why no other one should follow.
fn verdict(failure: Failure) -> (Outcome, Option<Halt>) {
    match failure {
        Failure::Doubtful(_) | Failure::Exists => (Outcome::Unknown, None),
        Failure::Refusal(refusal) => (Outcome::Refused(refusal), None),
        Failure::Missing => (Outcome::NotStored, Some(Halt::NoFolder)),
        failure => {
            let halt = Halt::Target(failure.in_folder());
            (Outcome::NotStored, Some(halt))
        }
    }
}
