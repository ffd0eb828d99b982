//! Rows of the answers, as they are sorted.

use chatkeep_model::address::normalize;

use super::{
    range::Stream,
    record::{Entry, Key, Message, Part, To},
    statements,
};
use crate::database::{DatabaseError, Moment, Row};

/// A row of a page.
pub(super) fn entry(mut row: Row, stream: Stream) -> Result<Entry, DatabaseError> {
    let moment = |row: &Row, at, column| {
        let moment = row.moment(at, column)?;
        moment.ok_or_else(|| row.wrong(column))
    };
    let number = |row: &Row, at, column| row.int(at, column)?.ok_or_else(|| row.wrong(column));
    let key = Key {
        session: (
            moment(&row, statements::SESSION_TIME, "SessionIdTime")?,
            number(&row, statements::SESSION_SEQ, "SessionIdSeq")?,
        ),
        at: moment(&row, statements::AT, "time of the message")?,
        number: number(&row, statements::NUMBER, "number of the message")?,
    };
    let address = |row: &Row, at| Ok::<_, DatabaseError>(row.text(at, "UserUri")?.map(normalize));
    let to = match stream {
        Stream::Messages => To::One {
            address: user(&row, (statements::TO_ID, statements::TO_URI))?,
            is_toast: row.int(statements::TOAST, "Toast")? == Some(1),
        },
        Stream::Conferences => To::Conference {
            uri: address(&row, statements::CONFERENCE_URI)?.filter(|uri| !uri.is_empty()),
            organizer: address(&row, statements::ORGANIZER_URI)?.filter(|uri| !uri.is_empty()),
        },
    };
    let media_type = row.text(statements::CONTENT_TYPE, "ContentType")?;
    let media_type = media_type.unwrap_or_default().trim().to_lowercase();
    let from = user(&row, (statements::FROM_ID, statements::FROM_URI))?;
    let body = row
        .take_bytes(statements::BODY, "Body")?
        .unwrap_or_default();
    Ok(Entry {
        key,
        part: Part::Message(Message {
            from,
            media_type,
            body,
            to,
        }),
    })
}

/// A row of recipients: the message's number, the session's time where the database tells it, the address.
pub(super) fn recipient(row: &Row) -> Result<(i64, Option<Moment>, String), DatabaseError> {
    let number = row.int(0, "MessageId")?;
    let number = number.ok_or_else(|| row.wrong("MessageId"))?;
    let session = row.moment(1, "SessionIdTime")?;
    Ok((number, session, user(row, (2, 3))?))
}

/// The address of a user; of one that `Users` has lost, or knows without one, the number stands for it.
fn user(row: &Row, (id, uri): (usize, usize)) -> Result<String, DatabaseError> {
    let address = row.text(uri, "UserUri")?.map(normalize);
    match address.filter(|address| !address.is_empty()) {
        Some(address) => Ok(address),
        None => Ok(match row.int(id, "UserId")? {
            Some(id) => format!("user {id}"),
            None => "unknown user".to_owned(),
        }),
    }
}
