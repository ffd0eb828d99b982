//! The folder of one mailbox, open.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Server, client::Client, failure::Failure, folder, listing, reading, sending::Sender};
use crate::{
    exchange::{self, Form, Halt},
    target::{
        Appended, Copy, CopyKey, Gate, Mailbox, Message, Outcome, Position, Stored, TargetError,
    },
};

/// A folder that was found or made.
pub(super) struct Folder {
    client: Client,
    server: Arc<Server>,
    form: Arc<Form>,
    /// The element that names it.
    id: String,
    position: Position,
    /// Every request so far that creates something was answered.
    is_clean: bool,
}

impl Folder {
    /// Finds the folder, or makes it.
    pub(super) async fn open(
        client: Client,
        server: Arc<Server>,
        form: Arc<Form>,
    ) -> Result<Self, TargetError> {
        let mut folder = Self {
            client,
            server,
            form,
            id: String::new(),
            position: Position::default(),
            is_clean: true,
        };
        folder.find().await?;
        Ok(folder)
    }

    async fn find(&mut self) -> Result<(), TargetError> {
        let place = folder::open(&self.client, &self.form.folder).await;
        let place = place.map_err(Failure::at_folder)?;
        self.position = exchange::folder::position(&place.folder, place.time);
        self.id = place.folder;
        Ok(())
    }

    /// Finds the folder anew after its owner has removed it, or makes another one.
    async fn find_again(&mut self) -> Result<(), TargetError> {
        self.is_clean = false;
        self.find().await
    }

    async fn send(
        &mut self,
        messages: &[Message],
        gate: &dyn Gate,
        outcomes: &mut [Outcome],
    ) -> Result<(), Halt> {
        let sender = Sender {
            client: &self.client,
            server: &self.server,
            form: &self.form,
            folder: &self.id,
            gate,
        };
        let sent = sender.send(messages, outcomes).await;
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
            match self.send(messages, gate, &mut outcomes).await {
                Ok(()) => break None,
                Err(Halt::NoFolder) if !was_missing => {
                    was_missing = true;
                    if let Err(error) = self.find_again().await {
                        break Some(error);
                    }
                }
                Err(Halt::NoFolder) => break Some(Failure::Missing.in_folder()),
                Err(Halt::Target(error)) => break Some(error),
            }
        };
        Appended { outcomes, stopped }
    }

    async fn list(&mut self, since: Position) -> Result<Vec<Copy>, TargetError> {
        let since = exchange::folder::since(since, self.position);
        match listing::list(&self.client, &self.id, since).await {
            Err(Failure::Missing) => {
                self.find_again().await?;
                let listed = listing::list(&self.client, &self.id, 0).await;
                listed.map_err(Failure::in_folder)
            }
            listed => listed.map_err(Failure::in_folder),
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
        read.map_err(Failure::in_folder)
    }

    async fn remove(&mut self, copies: &[Copy]) -> Result<(), TargetError> {
        for copy in copies {
            if let CopyKey::Id(id) = &copy.key {
                let removed = reading::remove(&self.client, id).await;
                removed.map_err(Failure::in_folder)?;
            }
        }
        Ok(())
    }

    async fn close(self: Box<Self>) {}
}
