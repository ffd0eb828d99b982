use chatkeep_model::{Body, RecordId};
use chatkeep_pipeline::{ResultExt as _, StageError};

use super::{
    plain::{looks_like, words},
    range::Stream,
    record::{Entry, Key, Message, Part, To},
};
use crate::sorting::Merge;

/// A client sends the text of its invitation again when the other one has accepted; within so many
/// seconds, or the invitation has lapsed.
const TOAST_LASTS: i64 = 120;

/// The rows of one session that one task has read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) rows: Vec<Row>,
    /// Records that a join has multiplied.
    pub(super) multiplied: Vec<RecordId>,
}

/// A row with everybody who got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: RecordId,
    pub(super) key: Key,
    pub(super) message: Message,
    pub(super) recipients: Vec<String>,
}

/// A row that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) id: RecordId,
    pub(super) key: Key,
    pub(super) from: String,
    pub(super) body: Body,
    pub(super) to: To,
    pub(super) recipients: Vec<String>,
}

/// What the rows of a group come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SortedOut {
    pub(super) said: Vec<Said>,
    /// Texts of invitations that were sent again.
    pub(super) toasts: Vec<Row>,
    /// Rows that are no text.
    pub(super) unreadable: Vec<Row>,
    /// Records that were captured before, or stand twice.
    pub(super) repeated: Vec<RecordId>,
}

impl Group {
    /// Bytes it holds, about.
    pub(super) fn weight(&self) -> usize {
        let weight = |row: &Row| {
            let names: usize = row.recipients.iter().map(String::len).sum();
            size_of::<Row>() + row.message.body.len() + names
        };
        self.rows.iter().map(weight).sum()
    }

    /// Sorts the rows out; `known` says of each whether it was captured before.
    pub(super) fn sort_out(self, known: &[bool]) -> SortedOut {
        let texts: Vec<_> = self.rows.iter().map(|row| body(&row.message)).collect();
        let is_sent_again = sent_again(&self.rows, &texts);
        let mut sorted = SortedOut {
            repeated: self.multiplied,
            ..SortedOut::default()
        };
        let rows = self.rows.into_iter().zip(texts).enumerate();
        for (index, (row, text)) in rows {
            if known.get(index).copied().unwrap_or(false) {
                sorted.repeated.push(row.id);
            } else if is_sent_again[index] {
                sorted.toasts.push(row);
            } else if let Some(body) = text {
                sorted.said.push(Said {
                    id: row.id,
                    key: row.key,
                    from: row.message.from,
                    body,
                    to: row.message.to,
                    recipients: row.recipients,
                });
            } else {
                sorted.unreadable.push(row);
            }
        }
        sorted
    }

    fn push(&mut self, entry: Entry, identity: &str, stream: Stream) {
        let Entry { key, part } = entry;
        match (part, self.rows.last_mut()) {
            (Part::Message(_), Some(last)) if last.key == key => self.multiplied.push(last.id),
            (Part::Message(message), _) => self.rows.push(Row {
                id: key.record_id(identity, stream),
                key,
                message,
                recipients: Vec::new(),
            }),
            (Part::Recipient(address), Some(last)) if last.key == key => {
                if last.recipients.last() != Some(&address) {
                    last.recipients.push(address);
                }
            }
            (Part::Recipient(_), _) => {}
        }
    }
}

/// The groups of sorted entries, one after the other.
pub(super) struct Groups {
    merge: Merge<Entry>,
    /// The first entry of the next group.
    ahead: Option<Entry>,
    identity: String,
    stream: Stream,
}

impl Groups {
    pub(super) fn new(merge: Merge<Entry>, identity: &str, stream: Stream) -> Self {
        Self {
            merge,
            ahead: None,
            identity: identity.to_owned(),
            stream,
        }
    }

    /// The next group; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Group>, StageError> {
        let mut group = Group::default();
        loop {
            let next = match self.ahead.take() {
                Some(entry) => Some(entry),
                None => self.merge.next().or_retry("sort records")?,
            };
            let Some(entry) = next else {
                return Ok((!group.rows.is_empty()).then_some(group));
            };
            let session = group.rows.first().map(|row| row.key.session);
            if session.is_some_and(|session| session != entry.key.session) {
                self.ahead = Some(entry);
                return Ok(Some(group));
            }
            group.push(entry, &self.identity, self.stream);
        }
    }
}

/// The body as text; `None` where the bytes are none.
fn body(message: &Message) -> Option<Body> {
    let (units, rest) = message.body.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units: Vec<_> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    let text = String::from_utf16(&units).ok()?;
    let media_type = match message.media_type.as_str() {
        "" => looks_like(&text).to_owned(),
        known => known.to_owned(),
    };
    Some(Body { media_type, text })
}

/// Which rows are texts of invitations that their sender has sent again: each once, in the same session,
/// with the same words. Any other one may be the only copy there is.
fn sent_again(rows: &[Row], texts: &[Option<Body>]) -> Vec<bool> {
    let mut is_sent_again = vec![false; rows.len()];
    let mut is_taken = vec![false; rows.len()];
    for (index, row) in rows.iter().enumerate() {
        let Some(invitation) = texts[index].as_ref().filter(|_| is_toast(row)) else {
            continue;
        };
        let invitation = words(invitation);
        let again = (0..rows.len()).find(|&other| {
            let seconds = |row: &Row| row.key.at.time().seconds();
            !is_taken[other]
                && !is_toast(&rows[other])
                && rows[other].message.from == row.message.from
                && seconds(&rows[other]).abs_diff(seconds(row)) <= TOAST_LASTS.unsigned_abs()
                && texts[other]
                    .as_ref()
                    .is_some_and(|text| words(text) == invitation)
        });
        if let Some(again) = again {
            is_taken[again] = true;
            is_sent_again[index] = true;
        }
    }
    is_sent_again
}

fn is_toast(row: &Row) -> bool {
    matches!(row.message.to, To::One { is_toast: true, .. })
}
