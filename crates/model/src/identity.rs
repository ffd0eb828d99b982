//! Identities. They end up in mailboxes: their test vectors stand in `docs/formats.md` and never change.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    conversation::Kind,
    time::{UtcDay, UtcTime},
};

/// SHA-256 over fields, each preceded by its length in bytes as a 32-bit big-endian number, so that no
/// two lists of fields give the same bytes.
#[derive(Clone, Debug)]
pub struct Fields(Sha256);

impl Fields {
    /// Starts with the name of what is identified, the first field.
    pub fn of(what: &str) -> Self {
        Self(Sha256::new()).text(what)
    }

    /// Adds a text field.
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// Adds a number, as decimal text.
    pub fn number(self, field: i64) -> Self {
        self.text(&field.to_string())
    }

    /// Adds a field of bytes.
    pub fn bytes(mut self, field: &[u8]) -> Self {
        // Fields beyond 4 GiB do not exist: sources bound a record at far less.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.update(length.to_be_bytes());
        self.0.update(field);
        self
    }

    /// The digest.
    pub fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps a digest that was computed or stored before.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// From a slice of 32 bytes; `None` for any other length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_bytes(BytesVisitor).map(Self)
            }
        }
    };
}

digest_id! {
    /// Identity of a record: SHA-256 of the source's own key, never a path, run or window.
    RecordId
}
digest_id! {
    /// Identity of an item.
    ItemId
}

struct BytesVisitor;

impl<'de> serde::de::Visitor<'de> for BytesVisitor {
    type Value = [u8; 32];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let next = seq.next_element()?;
            *byte = next.ok_or_else(|| serde::de::Error::invalid_length(index, &self))?;
        }
        Ok(bytes)
    }
}

/// Identity of a conversation within its connector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationKey(String);

/// Identity of a thread: the conversation, for rooms the room without the day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreadKey(String);

impl ConversationKey {
    /// A session of two (or of however many the source names): sorted, de-duplicated, normalised
    /// addresses and the start to the second.
    pub fn peer_to_peer<'a>(
        participants: impl IntoIterator<Item = &'a str>,
        start: UtcTime,
    ) -> Self {
        let mut sorted: Vec<_> = participants.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let start = UtcTime::from_seconds(start.seconds());
        Self(format!(
            "{}:{}@{start}",
            Kind::PeerToPeer.as_str(),
            sorted.join(",")
        ))
    }

    /// A conference known by its URI.
    pub fn conference(uri: &str) -> Self {
        Self(format!("{}:{uri}", Kind::Conference.as_str()))
    }

    /// A conference known by its organizer and start only.
    pub fn organized(organizer: &str, start: UtcTime) -> Self {
        let start = UtcTime::from_seconds(start.seconds());
        Self(format!("{}:{organizer}@{start}", Kind::Conference.as_str()))
    }

    /// A persistent chat room on one UTC day.
    pub fn room(uri: &str, day: UtcDay) -> Self {
        Self(format!("{}:{uri}@{day}", Kind::Room.as_str()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 over the key: what the ledger carries, since the key names people.
    pub fn digest(&self) -> [u8; 32] {
        Fields::of("conversation").text(&self.0).digest()
    }

    /// The thread of a conversation that is its own thread.
    pub fn thread(&self) -> ThreadKey {
        ThreadKey(self.0.clone())
    }
}

impl ThreadKey {
    /// The thread of all days of a room.
    pub fn room(uri: &str) -> Self {
        Self(format!("{}:{uri}", Kind::Room.as_str()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 over the key.
    pub fn digest(&self) -> [u8; 32] {
        Fields::of("thread").text(&self.0).digest()
    }

    /// The synthetic root that all items of the thread refer to, `<{hash}@{domain}>`.
    pub fn root_message_id(&self, domain: &str) -> String {
        format!("<{}@{domain}>", base32(&self.digest()))
    }
}

impl ItemId {
    /// The item made of these records of this conversation. Records may come in any order.
    pub fn of(connector: &str, key: &ConversationKey, records: &[RecordId]) -> Self {
        let mut sorted = records.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let fields = Fields::of("item").text(connector).text(key.as_str());
        let fields = sorted
            .iter()
            .fold(fields, |fields, record| fields.bytes(record.as_bytes()));
        Self(fields.digest())
    }

    /// Message-ID of a part, from 1: `<{item id}.{part}@{domain}>`. The only import key.
    pub fn message_id(&self, part: u32, domain: &str) -> String {
        format!("<{}.{part}@{domain}>", self.base32())
    }

    /// The id in lower-case base32, 52 characters.
    pub fn base32(&self) -> String {
        base32(&self.0)
    }

    /// Reads base32 or hexadecimal, any case, also as `<...>` of a Message-ID; the part and domain
    /// behind it are passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('<');
        let id = text.split(['.', '@', '>']).next()?;
        let bytes = match id.len() {
            52 => BASE32_NOPAD.decode(id.to_ascii_uppercase().as_bytes()),
            64 => HEXLOWER.decode(id.to_ascii_lowercase().as_bytes()),
            _ => return None,
        };
        Self::from_slice(&bytes.ok()?)
    }
}

/// A connector's id when its file does not name one: from its name, so that the same file gives the
/// same items on another machine.
pub fn connector_id(name: &str) -> String {
    let digest = Fields::of("connector").text(name).digest();
    base32(&digest[..10])
}

fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}
