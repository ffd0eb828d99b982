//! Deliveries on their way: their messages, and what became of them.

use bytes::Bytes;
use chatkeep_model::ItemId;
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::{self, Delivery, DeliveryState};
use chatkeep_staging::{BlobRange, Staging};
use sha2::{Digest as _, Sha256};

use super::journal::{Journal, Settlement};
use crate::target::{Message, Outcome, Refusal};

/// A delivery and the state of its parts.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) delivery: i64,
    /// It was begun before, by us or by an earlier holder: what is found of it is ours.
    pub(super) in_doubt: bool,
    pub(super) parts: Vec<Part>,
}

/// One message of a delivery.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) message: Message,
    pub(super) state: PartState,
}

/// How far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartState {
    /// It must be sent.
    Waiting,
    /// Sent, without an answer.
    Unknown,
    /// It stands in the mailbox, by us.
    Stored,
    /// It stood in the mailbox before.
    Found,
    /// Refused for good.
    Refused(Refusal),
    /// Its bytes in staging are not what conversion wrote.
    Altered,
    /// The server breaks the connection off at this message, again and again.
    Breaking,
}

/// When deliveries that were not stored are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// Not before this time, Unix milliseconds.
    Until(i64),
    /// Not at all.
    Never(&'static str),
}

impl Draft {
    /// Reads the messages of deliveries from staging and checks each by its hash.
    pub(super) async fn load(
        staging: &Staging,
        deliveries: &[Delivery],
        domain: &str,
    ) -> Result<Vec<Self>, StageError> {
        let parts = deliveries.iter().flat_map(|delivery| {
            let parts = delivery.parts.iter();
            parts.map(move |part| range(delivery, part))
        });
        let read = staging.ranges(parts.collect()).await;
        let mut read = read.or_retry("read parts from staging")?.into_iter();
        let mut drafts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let item = ItemId::from_slice(&delivery.item);
            let item = item
                .ok_or("an item id has 32 bytes")
                .or_reject("read delivery")?;
            let mut parts = Vec::with_capacity(delivery.parts.len());
            for (number, part) in (1..).zip(&delivery.parts) {
                let is_whole = |bytes: &Bytes| Sha256::digest(bytes).as_slice() == part.sha256;
                let bytes = read.next().flatten().filter(is_whole);
                let state = match bytes {
                    Some(_) => PartState::Waiting,
                    None => PartState::Altered,
                };
                let message = Message {
                    id: item.message_id(number, domain),
                    date: delivery.date,
                    bytes: bytes.unwrap_or_default(),
                };
                parts.push(Part { message, state });
            }
            drafts.push(Self {
                delivery: delivery.id,
                in_doubt: false,
                parts,
            });
        }
        Ok(drafts)
    }

    /// Whether something of it has yet to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        let waits = |part: &Part| matches!(part.state, PartState::Waiting | PartState::Unknown);
        self.parts.iter().any(waits)
    }

    /// Whether something of it went out without an answer.
    pub(super) fn is_in_flight(&self) -> bool {
        self.parts
            .iter()
            .any(|part| part.state == PartState::Unknown)
    }

    /// Notes that it may stand, when something of it went out without an answer.
    pub(super) fn doubt(&mut self) {
        self.in_doubt |= self.is_in_flight();
    }

    /// What became of it. `aside` says what to do with what could not be tried.
    pub(super) fn settlement(&self, aside: Option<Aside>) -> Settlement {
        let stands = |part: &&Part| matches!(part.state, PartState::Stored | PartState::Found);
        let standing = self.parts.iter().filter(stands).count();
        let refused = self.parts.iter().find_map(|part| match part.state {
            PartState::Refused(refusal) => Some(refusal.reason()),
            PartState::Altered => Some("staged bytes altered"),
            PartState::Breaking => Some("connection breaks off at this item"),
            _ => None,
        });
        let failed = |reason| match standing {
            0 => final_state(DeliveryState::Failed, reason),
            _ => final_state(DeliveryState::PartiallyImported, reason),
        };
        match (refused, aside) {
            (None, _) if standing == self.parts.len() => {
                let found = |part: &Part| part.state == PartState::Found;
                let is_old = !self.in_doubt && self.parts.iter().all(found);
                let state = if is_old {
                    DeliveryState::Skipped
                } else {
                    DeliveryState::Imported
                };
                final_state(state, "")
            }
            (_, Some(Aside::Until(not_before))) if self.is_waiting() => Settlement {
                state: DeliveryState::Waiting,
                reason: "mailbox busy",
                not_before,
            },
            (Some(reason), _) | (None, Some(Aside::Never(reason))) => failed(reason),
            (None, _) => Settlement {
                state: DeliveryState::Waiting,
                reason: "mailbox busy",
                not_before: 0,
            },
        }
    }
}

/// Notes what became of deliveries; `aside` says what to do with what could not be tried.
pub(super) async fn settle(
    journal: &mut Journal,
    drafts: &[Draft],
    aside: Option<Aside>,
) -> Result<(), StageError> {
    for draft in drafts {
        journal
            .settle(draft.delivery, draft.settlement(aside))
            .await?;
    }
    Ok(())
}

/// A state that the delivery keeps.
pub(super) fn final_state(state: DeliveryState, reason: &'static str) -> Settlement {
    Settlement {
        state,
        reason,
        not_before: 0,
    }
}

impl Aside {
    /// For a delivery of which nothing was tried.
    pub(super) fn settlement(self) -> Settlement {
        match self {
            Self::Until(not_before) => Settlement {
                state: DeliveryState::Waiting,
                reason: "mailbox busy",
                not_before,
            },
            Self::Never(reason) => final_state(DeliveryState::Failed, reason),
        }
    }
}

impl From<Outcome> for PartState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Stored => Self::Stored,
            Outcome::AlreadyThere => Self::Found,
            Outcome::Refused(refusal) => Self::Refused(refusal),
            Outcome::NotStored => Self::Waiting,
            Outcome::Unknown => Self::Unknown,
        }
    }
}

fn range(delivery: &Delivery, part: &v1::Part) -> BlobRange {
    BlobRange {
        blob: delivery.blob.clone().unwrap_or_default(),
        offset: part.offset,
        size: part.size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(states: &[PartState], in_doubt: bool) -> Draft {
        let part = |state: &PartState| Part {
            message: Message {
                id: String::new(),
                date: 0,
                bytes: Bytes::new(),
            },
            state: *state,
        };
        Draft {
            delivery: 1,
            in_doubt,
            parts: states.iter().map(part).collect(),
        }
    }

    fn state(states: &[PartState], in_doubt: bool, aside: Option<Aside>) -> DeliveryState {
        draft(states, in_doubt).settlement(aside).state
    }

    #[test]
    fn an_item_is_imported_only_when_all_its_parts_stand() {
        use PartState::{Altered, Found, Refused, Stored, Waiting};
        let too_large = Refused(Refusal::TooLarge);

        assert_eq!(
            state(&[Stored, Found], false, None),
            DeliveryState::Imported
        );
        assert_eq!(
            state(&[Stored, too_large], false, None),
            DeliveryState::PartiallyImported
        );
        assert_eq!(
            state(&[too_large, Altered], false, None),
            DeliveryState::Failed
        );
        let busy = Some(Aside::Until(5));
        assert_eq!(
            state(&[Stored, Waiting], false, busy),
            DeliveryState::Waiting
        );
        assert_eq!(
            state(&[Waiting, too_large], false, busy),
            DeliveryState::Waiting
        );
    }

    #[test]
    fn what_was_there_before_is_skipped_unless_we_may_have_put_it_there() {
        assert_eq!(
            state(&[PartState::Found], false, None),
            DeliveryState::Skipped
        );
        assert_eq!(
            state(&[PartState::Found], true, None),
            DeliveryState::Imported
        );
    }
}
