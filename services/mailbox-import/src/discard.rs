use async_trait::async_trait;

use crate::target::{
    Appended, Copy, Gate, Mailbox, Message, Outcome, Position, Stored, Target, TargetError,
};

/// Takes everything and keeps nothing.
pub(crate) struct Discard;

#[async_trait]
impl Target for Discard {
    async fn open(&self, _mailbox: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        Ok(Box::new(Self))
    }

    fn needs_fence(&self) -> bool {
        false
    }
}

#[async_trait]
impl Mailbox for Discard {
    fn position(&self) -> Position {
        Position::default()
    }

    async fn append(&mut self, messages: &[Message], _gate: &dyn Gate) -> Appended {
        Appended {
            outcomes: vec![Outcome::Stored; messages.len()],
            stopped: None,
        }
    }

    async fn list(&mut self, _since: Position) -> Result<Vec<Copy>, TargetError> {
        Ok(Vec::new())
    }

    fn is_proven_clean(&self) -> bool {
        true
    }

    async fn read(&mut self, _copy: &Copy) -> Result<Stored, TargetError> {
        let source = "a discarding target holds no messages".into();
        Err(TargetError::Lost { source })
    }

    async fn remove(&mut self, _copies: &[Copy]) -> Result<(), TargetError> {
        Ok(())
    }

    async fn close(self: Box<Self>) {}
}
