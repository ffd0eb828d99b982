use std::collections::BTreeMap;

use bytes::Bytes;

/// What a queue carries: an id, headers and an encoded work message.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The task's id.
    pub id: String,
    /// How many times this message was already tried.
    pub attempt: u32,
    /// Text headers.
    pub headers: BTreeMap<String, String>,
    /// The encoded `Task`.
    pub body: Bytes,
}

impl Envelope {
    /// A message that was not tried yet.
    pub fn new(id: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            id: id.into(),
            attempt: 0,
            headers: BTreeMap::new(),
            body: body.into(),
        }
    }
}
