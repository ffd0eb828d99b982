//! What an earlier holder began and nobody settled.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatkeep_proto::v1::OpenBatch;

use crate::target::Position;

/// What an earlier holder may have sent to a mailbox.
#[derive(Default)]
pub(super) struct Doubt {
    pub(super) since: Position,
    pub(super) deliveries: HashSet<i64>,
}

impl Doubt {
    /// About whatever is sent from here on.
    pub(super) fn since(since: Position) -> Self {
        Self {
            since,
            deliveries: HashSet::new(),
        }
    }
}

/// Joins open batches by their mailboxes.
pub(super) fn by_mailbox(open: Vec<OpenBatch>) -> HashMap<String, Doubt> {
    let mut doubts: HashMap<String, Doubt> = HashMap::new();
    for batch in open {
        let since = Position {
            uid_validity: batch.uid_validity,
            uid_next: batch.uid_next,
        };
        let doubt = doubts.entry(batch.mailbox).or_insert_with(|| Doubt {
            since,
            deliveries: HashSet::new(),
        });
        if doubt.since.uid_validity != since.uid_validity {
            doubt.since = Position::default();
        }
        doubt.since.uid_next = doubt.since.uid_next.min(since.uid_next);
        doubt.deliveries.extend(batch.deliveries);
    }
    doubts
}

/// A time from now on, Unix milliseconds.
pub(super) fn in_millis(after: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let then = now.unwrap_or_default().saturating_add(after);
    i64::try_from(then.as_millis()).unwrap_or(i64::MAX)
}
