//! Rows as their tables have them, with all columns in the order of the schema's.

use super::rows::{ConferenceMessage, Message, Session};
use crate::tds::{Row, Value};

fn body(body: Option<Vec<u16>>) -> Value {
    let bytes = |body: Vec<u16>| body.into_iter().flat_map(u16::to_le_bytes).collect();
    body.map_or(Value::Null, |body| Value::Bytes(bytes(body)))
}

/// A row of `Users`: enterprise, and a person.
pub(super) fn user((id, uri): (&i32, &String)) -> Row {
    let mut row = named((id, uri));
    row.extend([Value::Int(1), Value::Int(0)]);
    row
}

/// A row of a table of names.
pub(super) fn named((id, name): (&i32, &String)) -> Row {
    vec![Value::Int(*id), Value::Text(name.clone())]
}

/// A row of `Messages`.
pub(super) fn message(message: Message) -> Row {
    vec![
        Value::DateTime(message.time),
        Value::Int(message.seq),
        Value::DateTime(message.session.time),
        Value::Int(message.session.seq),
        Value::Int(message.from),
        Value::Int(message.to),
        Value::Int(message.content_type),
        body(message.body),
        Value::Bit(message.toast),
        Value::Bit(false),
        Value::Bit(false),
    ]
}

/// A row of `Dialogs`.
pub(super) fn dialog((session, id): (&Session, &Vec<u8>)) -> Row {
    vec![
        Value::DateTime(session.time),
        Value::Int(session.seq),
        Value::Int(0),
        Value::Bytes(id.clone()),
    ]
}

/// A row of `ConferenceMessages`.
pub(super) fn conference_message(message: &ConferenceMessage) -> Row {
    vec![
        Value::DateTime(message.time),
        Value::BigInt(message.id),
        Value::DateTime(message.session.time),
        Value::Int(message.session.seq),
        Value::Int(message.from),
        Value::Int(message.content_type),
        body(message.body.clone()),
    ]
}

/// A row of `ConferenceMessageRecipientList`.
pub(super) fn recipient((id, user, session): &(i64, i32, Session)) -> Row {
    vec![
        Value::BigInt(*id),
        Value::Int(*user),
        Value::DateTime(session.time),
        Value::Int(session.seq),
    ]
}
