use crate::tds::DateTime;

/// `SessionIdTime` and `SessionIdSeq`: the key of a session in all tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// When it began.
    pub time: DateTime,
    /// Tells sessions apart that began at the same time.
    pub seq: i32,
}

/// The body of a message: UTF-16 as it is stored, which nobody checks.
pub type Body = Vec<u16>;

/// A row of `Messages`: what one of two people wrote to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `MessageIdTime`, the first part of its key.
    pub time: DateTime,
    /// `MessageIdSeq`, the second part.
    pub seq: i32,
    /// The session that it belongs to.
    pub session: Session,
    /// `FromId`, a user.
    pub from: i32,
    /// `ToId`, a user.
    pub to: i32,
    /// `ContentTypeId`.
    pub content_type: i32,
    /// `Body`; `None` for NULL.
    pub body: Option<Body>,
    /// `Toast`: came with the invitation.
    pub toast: bool,
}

/// A row of `Conferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conference {
    /// Its key.
    pub session: Session,
    /// Its URI; `None` for NULL.
    pub uri: Option<String>,
    /// `ConferenceStartTime`; `None` for NULL.
    pub start: Option<DateTime>,
    /// `ConferenceEndTime`; `None` for NULL.
    pub end: Option<DateTime>,
    /// `OrganizerId`, a user; `None` for NULL.
    pub organizer: Option<i32>,
}

/// A row of `ConferenceMessages`, with those of `ConferenceMessageRecipientList`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceMessage {
    /// `MessageId`.
    pub id: i64,
    /// `Date`.
    pub time: DateTime,
    /// The session of its conference.
    pub session: Session,
    /// `FromId`, a user.
    pub from: i32,
    /// `ContentTypeId`.
    pub content_type: i32,
    /// `Body`; `None` for NULL.
    pub body: Option<Body>,
    /// `UserId` of everybody who was there.
    pub recipients: Vec<i32>,
}

/// Text as a body.
pub fn body(text: &str) -> Option<Body> {
    Some(text.encode_utf16().collect())
}
