use super::{
    rows::{Conference, ConferenceMessage, Message, Session, body},
    store::Store,
};
use crate::{
    tds::Row,
    tsql::{Cells, Fill, SqlError},
};

/// Rows come with all columns of the newer layout, in the order of the schema's.
impl Fill for Store {
    fn insert(&mut self, table: &str, row: Row) -> Result<(), SqlError> {
        let unknown = || SqlError::Unknown(format!("rows of table {table}"));
        let name = self.schema.spell(table).ok_or_else(unknown)?;
        let mut cells = Cells::of(name, row);
        let is_new = match name {
            "Users" => self.users.insert(cells.int()?, cells.text()?).is_none(),
            "ContentTypes" => {
                let (id, name) = (cells.int()?, cells.text()?);
                self.content_types.insert(id, name).is_none()
            }
            "ConferenceUris" => {
                let (id, uri) = (cells.int()?, cells.text()?);
                self.conference_uris.insert(id, uri).is_none()
            }
            "Messages" => {
                let message = message(&mut cells)?;
                let key = (message.time, message.seq);
                self.messages.insert(key, message).is_none()
            }
            "Conferences" => {
                let conference = self.filled_conference(&mut cells)?;
                let session = conference.session;
                self.conferences.insert(session, conference).is_none()
            }
            "ConferenceMessages" => {
                let message = conference_message(&mut cells)?;
                let key = (message.time, message.id);
                self.conference_messages.insert(key, message).is_none()
            }
            "ConferenceMessageRecipientList" => {
                let (id, user) = (cells.big()?, cells.int()?);
                self.recipients.insert((id, user, session(&mut cells)?))
            }
            _ => return Err(unknown()),
        };
        if is_new {
            Ok(())
        } else {
            Err(SqlError::Duplicate(name.to_owned()))
        }
    }
}

impl Store {
    fn filled_conference(&self, cells: &mut Cells<'_>) -> Result<Conference, SqlError> {
        let session = session(cells)?;
        let (start, end) = (cells.time_or_null()?, cells.time_or_null()?);
        let organizer = cells.int_or_null()?;
        let uri = cells.int_or_null()?;
        Ok(Conference {
            session,
            uri: uri.and_then(|uri| self.conference_uris.get(&uri).cloned()),
            start,
            end,
            organizer,
        })
    }
}

fn message(cells: &mut Cells<'_>) -> Result<Message, SqlError> {
    let (time, seq) = (cells.time()?, cells.int()?);
    let session = session(cells)?;
    let (from, to, content_type) = (cells.int()?, cells.int()?, cells.int()?);
    let text = cells.text_or_null()?;
    Ok(Message {
        time,
        seq,
        session,
        from,
        to,
        content_type,
        body: text.and_then(|text| body(&text)),
        toast: cells.number_or_null()? == Some(1),
    })
}

fn conference_message(cells: &mut Cells<'_>) -> Result<ConferenceMessage, SqlError> {
    let (time, id) = (cells.time()?, cells.big()?);
    let session = session(cells)?;
    let (from, content_type) = (cells.int()?, cells.int()?);
    let text = cells.text_or_null()?;
    Ok(ConferenceMessage {
        id,
        time,
        session,
        from,
        content_type,
        body: text.and_then(|text| body(&text)),
        recipients: Vec::new(),
    })
}

fn session(cells: &mut Cells<'_>) -> Result<Session, SqlError> {
    Ok(Session {
        time: cells.time()?,
        seq: cells.int()?,
    })
}
