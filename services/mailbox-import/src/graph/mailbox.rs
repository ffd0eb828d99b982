//! The folder of one mailbox, open.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream::FuturesUnordered};

use super::{
    budget::CONCURRENT,
    client::{Client, encode},
    folder, listing, reading,
    sending::Sender,
    tenant::Place,
    trouble::Trouble,
};
use crate::{
    exchange::{self, Form, Halt},
    target::{
        Appended, Copy, CopyKey, Gate, Mailbox, Message, Outcome, Position, Stored, TargetError,
    },
};

/// A folder that was found or made.
pub(super) struct Folder {
    client: Client,
    form: Arc<Form>,
    id: String,
    position: Position,
    /// Every request so far that creates something was answered.
    is_clean: bool,
}

impl Folder {
    /// Finds the folder, or makes it.
    pub(super) async fn open(client: Client, form: Arc<Form>) -> Result<Self, TargetError> {
        let mut folder = Self {
            client,
            form,
            id: String::new(),
            position: Position::default(),
            is_clean: true,
        };
        folder.find().await?;
        Ok(folder)
    }

    async fn find(&mut self) -> Result<(), TargetError> {
        if let Some(known) = self.client.tenant().folder(self.client.mailbox()) {
            self.client = self.client.at(known.root);
            self.id = known.folder;
        } else {
            self.id = self.look_for().await.map_err(Trouble::at_folder)?;
            let place = Place {
                root: self.client.root(),
                folder: self.id.clone(),
            };
            let mailbox = self.client.mailbox();
            self.client.tenant().remember(mailbox, place);
        }
        self.position = exchange::folder::position(&self.id, self.client.tenant().time());
        Ok(())
    }

    /// The folder's id. A mailbox that is not known by its address is looked for by its owner's.
    async fn look_for(&mut self) -> Result<String, Trouble> {
        let path = &self.form.folder;
        let found = folder::open(&self.client, path).await;
        let Some(trouble) = found.as_ref().err() else {
            return found;
        };
        if !trouble.is_unknown_name() {
            return found;
        }
        let Some(client) = self.client.by_owner().await? else {
            return found;
        };
        self.client = client;
        folder::open(&self.client, path).await
    }

    /// Finds the folder anew after its owner has removed it, or makes another one.
    async fn find_again(&mut self) -> Result<(), TargetError> {
        self.client.tenant().forget(self.client.mailbox());
        self.is_clean = false;
        self.find().await
    }

    /// Sends these messages, a few at a time. Stops with the first trouble, after what is on its way was
    /// answered.
    async fn send(
        &mut self,
        messages: &[Message],
        wanted: &[usize],
        gate: &dyn Gate,
        outcomes: &mut [Outcome],
    ) -> Result<(), Halt> {
        let sender = Sender {
            client: &self.client,
            form: &self.form,
            folder: &self.id,
            gate,
        };
        let mut waiting = wanted.iter().copied();
        let mut flying = FuturesUnordered::new();
        let mut halted: Option<Halt> = None;
        loop {
            while halted.is_none() && flying.len() < CONCURRENT {
                let Some(index) = waiting.next() else { break };
                let sender = &sender;
                flying.push(async move { (index, sender.send(&messages[index]).await) });
            }
            let Some((index, sent)) = flying.next().await else {
                break;
            };
            outcomes[index] = sent.outcome;
            if let Some(halt) = sent.halt {
                halt.note(&mut halted);
            }
        }
        drop(flying);
        self.is_clean &= !outcomes.contains(&Outcome::Unknown);
        halted.map_or(Ok(()), Err)
    }

    /// Lets the first message of the process go ahead alone, and looks at what became of it.
    async fn send_canary(
        &mut self,
        messages: &[Message],
        gate: &dyn Gate,
        outcomes: &mut [Outcome],
    ) -> Result<(), Halt> {
        let sender = Sender {
            client: &self.client,
            form: &self.form,
            folder: &self.id,
            gate,
        };
        let sent = sender.send_canary(messages, outcomes).await;
        self.is_clean &= !outcomes.contains(&Outcome::Unknown);
        sent
    }
}

#[async_trait]
impl Mailbox for Folder {
    fn position(&self) -> Position {
        self.position
    }

    async fn append(&mut self, messages: &[Message], gate: &dyn Gate) -> Appended {
        let mut outcomes = vec![Outcome::NotStored; messages.len()];
        let mut was_missing = false;
        let stopped = loop {
            let mut sent = self.send_canary(messages, gate, &mut outcomes).await;
            if sent.is_ok() {
                let waits = |index: &usize| outcomes[*index] == Outcome::NotStored;
                let wanted: Vec<_> = (0..messages.len()).filter(waits).collect();
                sent = self.send(messages, &wanted, gate, &mut outcomes).await;
            }
            match sent {
                Ok(()) => break None,
                Err(Halt::NoFolder) if !was_missing => {
                    was_missing = true;
                    if let Err(error) = self.find_again().await {
                        break Some(error);
                    }
                }
                Err(Halt::NoFolder) => {
                    let source = "it is gone as soon as it was made".into();
                    break Some(TargetError::Folder { source });
                }
                Err(Halt::Target(error)) => break Some(error),
            }
        };
        Appended { outcomes, stopped }
    }

    async fn list(&mut self, since: Position) -> Result<Vec<Copy>, TargetError> {
        let since = exchange::folder::since(since, self.position);
        match listing::list(&self.client, &self.id, since).await {
            Err(trouble) if trouble.is_missing() => {
                self.find_again().await?;
                let listed = listing::list(&self.client, &self.id, 0).await;
                listed.map_err(Trouble::in_folder)
            }
            listed => listed.map_err(Trouble::in_folder),
        }
    }

    /// Nobody but a holder of the lease puts in messages of ours, and every request of this one was
    /// answered: what others had on its way has arrived before they were replaced, or is removed by
    /// them.
    fn is_proven_clean(&self) -> bool {
        self.is_clean
    }

    async fn read(&mut self, copy: &Copy) -> Result<Stored, TargetError> {
        let CopyKey::Id(id) = &copy.key else {
            let source = "not a message of this folder".into();
            return Err(TargetError::Lost { source });
        };
        let read = reading::read(&self.client, id).await;
        read.map_err(Trouble::in_folder)
    }

    async fn remove(&mut self, copies: &[Copy]) -> Result<(), TargetError> {
        for copy in copies {
            if let CopyKey::Id(id) = &copy.key {
                let removed = self.client.remove(id).await;
                removed.map_err(Trouble::in_folder)?;
            }
        }
        Ok(())
    }

    async fn close(self: Box<Self>) {}
}

/// The path of a message.
pub(super) fn message(client: &Client, id: &str) -> String {
    client.path(&format!("messages/{}", encode(id)))
}
