use serde::{Deserialize, Serialize};

use crate::{
    identity::{ConversationKey, ItemId, RecordId, ThreadKey},
    time::UtcTime,
};

/// What kind of conversation it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A session of two.
    #[serde(rename = "p2p")]
    PeerToPeer,
    /// Anything that went through a conference, ad hoc or scheduled.
    Conference,
    /// A persistent chat room on one UTC day.
    Room,
}

impl Kind {
    /// The word that stands in headers and ledger: `p2p`, `conference` or `room`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PeerToPeer => "p2p",
            Self::Conference => "conference",
            Self::Room => "room",
        }
    }
}

/// What one run captured of one conversation: the input of conversion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// The item it becomes.
    pub id: ItemId,
    /// What kind it was.
    pub kind: Kind,
    /// Identity of the conversation.
    pub key: ConversationKey,
    /// Identity of the thread: the same for all days of a room.
    pub thread: ThreadKey,
    /// Subject of a conference, name of a room.
    pub subject: Option<String>,
    /// Everybody in it. The first one opened it.
    pub participants: Vec<Participant>,
    /// First chat message, or the time the source gives the conversation.
    pub start: UtcTime,
    /// Last chat message, or `start` where the source does not tell.
    pub end: UtcTime,
    /// What was said.
    pub content: Content,
    /// Files, stored in staging.
    pub attachments: Vec<Attachment>,
    /// The records it was made of, sorted.
    pub records: Vec<RecordId>,
    /// The item it is a revision of.
    pub supersedes: Option<ItemId>,
}

/// Somebody in a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Participant {
    /// Normalised address (see [`normalize`](crate::address::normalize)); may be a telephone number or
    /// an anonymous joiner's GUID.
    pub address: String,
    /// Name to show, when the source has one.
    pub name: Option<String>,
    /// The source's own e-mail evidence, normalised.
    pub email: Option<String>,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// One by one, in order of time.
    Events(Vec<Event>),
    /// As a transcript that the source had already rendered.
    Transcript(Transcript),
}

/// A transcript as the source rendered it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The text/plain part.
    pub text: Option<String>,
    /// The text/html part, unsanitised.
    pub html: Option<String>,
}

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: UtcTime,
    /// Who, by position in [`Conversation::participants`]; `None` where the source does not tell.
    pub sender: Option<u32>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Somebody typed this.
    Said(Body),
    /// Somebody typed this into the back channel of an auditorium room.
    SaidInBackchat(Body),
    /// Somebody came.
    Joined,
    /// Somebody left.
    Left,
    /// A file was put into the room; the name is the one it is stored under, with its own name before it
    /// where the source tells both.
    FileUploaded(String),
    /// A file was fetched from the room.
    FileDownloaded(String),
    /// Something the source has a word for that we have not.
    Other {
        /// The source's word.
        name: String,
        /// The source's content.
        content: String,
    },
}

/// The body of a chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// MIME type as the source gives it, with parameters, e.g. `text/plain` or `text/rtf`. The parameter
    /// `importance=high` marks what was sent as an alert.
    pub media_type: String,
    /// The text as the source stores it; binary formats as the source's own text encoding.
    pub text: String,
}

impl Body {
    /// True for what was sent as an alert.
    pub fn is_important(&self) -> bool {
        let mut parameters = self.media_type.split(';').skip(1);
        parameters.any(|one| one.trim().eq_ignore_ascii_case("importance=high"))
    }
}

/// A file of a conversation, its bytes in staging.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name, as the source gives it.
    pub name: String,
    /// MIME type.
    pub media_type: String,
    /// Key of the blob in staging.
    pub key: String,
    /// SHA-256 over the bytes.
    pub sha256: [u8; 32],
    /// Size in bytes.
    pub size: u64,
}
