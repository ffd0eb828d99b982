use std::collections::BTreeMap;

use bytes::Bytes;

/// What a queue carries: an id, headers and an encoded work message.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The task's id.
    pub id: String,
    /// How many times this message was already tried.
    pub attempt: u32,
    /// How many times it was handed out and came back unsettled, as far as the queue can tell: whoever
    /// had it lost its connection, or its life.
    pub returned: u32,
    /// Text headers, among them the W3C trace context (`traceparent`, `tracestate`). Queues pass them on
    /// as they are.
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
            returned: 0,
            headers: BTreeMap::new(),
            body: body.into(),
        }
    }
}
