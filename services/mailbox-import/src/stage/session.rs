use std::collections::HashSet;

use chatkeep_model::ItemId;

use super::draft::{Draft, PartState};
use crate::target::{Copy, Mailbox, Position, TargetError};

/// A mailbox that is being worked on.
pub(super) struct Session {
    pub(super) name: String,
    pub(super) mailbox: Box<dyn Mailbox>,
    /// Where the folder ended when it was opened.
    start: Position,
    /// A connection broke off, or an earlier holder left something open: copies may come up later.
    had_doubt: bool,
    /// Copies that were found twice and removed.
    removed: usize,
    /// A delivery of this mailbox, for the report of removed copies.
    delivery: Option<i64>,
}

impl Session {
    pub(super) fn new(name: String, mailbox: Box<dyn Mailbox>) -> Self {
        Self {
            name,
            start: mailbox.position(),
            mailbox,
            had_doubt: false,
            removed: 0,
            delivery: None,
        }
    }

    /// Looks which of these messages stand from `since` on; of messages that stand twice, the later
    /// copies are removed.
    pub(super) async fn look_up(
        &mut self,
        drafts: &mut [Draft],
        since: Position,
        domain: &str,
    ) -> Result<(), TargetError> {
        self.had_doubt = true;
        self.delivery = drafts.first().map(|draft| draft.delivery).or(self.delivery);
        self.start = earlier(self.start, since);
        let standing = self.list_once(since, domain, Parts::Remove).await?;
        for part in drafts.iter_mut().flat_map(|draft| &mut draft.parts) {
            let is_open = matches!(part.state, PartState::Waiting | PartState::Unknown);
            if is_open {
                let stands = standing.contains(&part.message.id);
                part.state = if stands {
                    PartState::Found
                } else {
                    PartState::Waiting
                };
            }
        }
        Ok(())
    }

    /// The last look at a mailbox: nothing of ours may stand twice. Not needed where the target has
    /// proved that nothing but our answered messages came in.
    pub(super) async fn reconcile(&mut self, domain: &str) -> Result<(), TargetError> {
        if self.had_doubt || !self.mailbox.is_proven_clean() {
            let listed = self.list_once(self.start, domain, Parts::Remove).await;
            listed.map_err(|error| match error {
                // It is told as if everything was well with the next mailbox's entry, unless all stops.
                TargetError::Busy { .. } => TargetError::Lost {
                    source: error.into(),
                },
                error => error,
            })?;
        }
        Ok(())
    }

    /// Notes a delivery of this mailbox.
    pub(super) fn note(&mut self, delivery: i64) {
        self.delivery = Some(delivery);
    }

    /// How many copies were removed, and a delivery of the mailbox.
    pub(super) fn removed(&self) -> Option<(i64, usize)> {
        let delivery = self.delivery?;
        (self.removed > 0).then_some((delivery, self.removed))
    }

    /// Looks a last time at what was sent from `since` on, by whomever. Returns how many extra copies were
    /// removed.
    pub(super) async fn part(
        mut self,
        since: Position,
        domain: &str,
    ) -> Result<usize, TargetError> {
        self.list_once(since, domain, Parts::Leave).await?;
        self.mailbox.close().await;
        Ok(self.removed)
    }

    async fn list_once(
        &mut self,
        since: Position,
        domain: &str,
        parts: Parts,
    ) -> Result<HashSet<String>, TargetError> {
        let mut copies = self.mailbox.list(since).await?;
        copies.retain(|copy| is_ours(copy, domain));
        let (copies, broken): (Vec<_>, Vec<_>) = copies.into_iter().partition(|copy| copy.is_whole);
        if parts == Parts::Remove && !broken.is_empty() {
            self.mailbox.remove(&broken).await?;
        }
        let mut standing = HashSet::with_capacity(copies.len());
        let mut extra = Vec::new();
        for copy in copies {
            if !standing.insert(copy.id.clone()) {
                extra.push(copy);
            }
        }
        if !extra.is_empty() {
            tracing::warn!(copies = extra.len(), "removing extra copies");
            self.mailbox.remove(&extra).await?;
            self.removed += extra.len();
        }
        Ok(standing)
    }
}

/// What to do with messages that did not arrive whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    /// Nobody but us sends to this mailbox: they are remains.
    Remove,
    /// The new holder of the lease may be sending them just now.
    Leave,
}

/// Whether the Message-ID is of the form we give: nobody else's message is ever removed.
fn is_ours(copy: &Copy, domain: &str) -> bool {
    let inner = copy
        .id
        .strip_prefix('<')
        .and_then(|id| id.strip_suffix('>'));
    let Some((local, host)) = inner.and_then(|id| id.split_once('@')) else {
        return false;
    };
    let Some((item, part)) = local.split_once('.') else {
        return false;
    };
    host == domain
        && item.len() == 52
        && ItemId::parse(item).is_some()
        && part.parse::<u32>().is_ok()
}

/// The position that comes first: the whole folder, where they are of different folders.
fn earlier(one: Position, other: Position) -> Position {
    if one.uid_validity != other.uid_validity {
        return Position::default();
    }
    Position {
        uid_next: one.uid_next.min(other.uid_next),
        ..one
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::CopyKey;

    #[test]
    fn only_messages_of_the_connectors_form_are_ours() {
        let ours = |id: &str| {
            let copy = Copy {
                key: CopyKey::Uid(1),
                id: id.to_owned(),
                is_whole: true,
            };
            is_ours(&copy, "contoso.com")
        };
        let id = ItemId::from_bytes([7; 32]);

        assert!(ours(&id.message_id(2, "contoso.com")));
        assert!(!ours(&id.message_id(2, "fabrikam.com")));
        assert!(!ours("<20190304.1@contoso.com>"));
        assert!(!ours("<>"));
    }
}
