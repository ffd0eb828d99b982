use std::cmp::Ordering;

use chatkeep_model::{RecordId, identity::Fields};
use serde::{Deserialize, Serialize};

use super::range::Stream;
use crate::{database::Moment, sorting::Sortable};

/// Which row: sessions follow each other, in them the rows in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    /// `SessionIdTime` and `SessionIdSeq`.
    pub(super) session: (Moment, i64),
    /// `MessageIdTime`, or `Date`.
    pub(super) at: Moment,
    /// `MessageIdSeq`, or `MessageId`.
    pub(super) number: i64,
}

impl Key {
    /// The record's identity: database, table, primary key. The session belongs to the key in some
    /// versions.
    pub(super) fn record_id(&self, identity: &str, stream: Stream) -> RecordId {
        let fields = Fields::of("archiving-database")
            .text(identity)
            .text(stream.table())
            .number(self.at.number())
            .number(self.number)
            .number(self.session.0.number())
            .number(self.session.1);
        RecordId::from_bytes(fields.digest())
    }
}

/// A row as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// Normalised address of the sender.
    pub(super) from: String,
    /// MIME type, as `ContentTypes` has it; empty where it has none.
    pub(super) media_type: String,
    /// UTF-16, little endian, as SQL Server stores it.
    pub(super) body: Vec<u8>,
    pub(super) to: To,
}

/// Whom a message was for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum To {
    /// The other one of two.
    One {
        address: String,
        /// It came with the invitation; most clients send it again.
        is_toast: bool,
    },
    /// Everybody in a conference at that time; they are entries of their own.
    Conference {
        uri: Option<String>,
        organizer: Option<String>,
    },
}

/// What is sorted: a message, or one of those who got it. Recipients come in an answer of their own and
/// meet their message again in the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) part: Part,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    Message(Message),
    /// Normalised address.
    Recipient(String),
}

impl Entry {
    /// Equal in order are only rows that a join multiplied, and recipients that are listed twice.
    fn order(&self) -> (Key, Option<&str>) {
        let recipient = match &self.part {
            Part::Message(_) => None,
            Part::Recipient(address) => Some(address.as_str()),
        };
        (self.key, recipient)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Sortable for Entry {
    fn weight(&self) -> usize {
        let content = match &self.part {
            Part::Message(message) => message.body.len() + message.from.len() + 128,
            Part::Recipient(address) => address.len(),
        };
        size_of::<Self>() + content
    }
}
