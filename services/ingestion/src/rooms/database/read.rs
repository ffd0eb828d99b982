use std::time::Duration;

use chatkeep_model::{Participant, connector::DatabaseSource};

use super::{
    row::{ChatRow, Room},
    statements::{self, MOST_PRINCIPALS, fill},
    tables::{OPTIONAL, TABLES},
};
use crate::database::{Connection, DatabaseError, Identity, Pace, Parameter, Row, Schema};

/// How often a page is asked for, and the pause before it is asked for again: deadlocks pass, and a
/// database moves to its mirror.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Rows held at once, whatever the page: each may have a long text.
const MOST_ROWS: u32 = 1_000;

/// A room and the number of its last chat message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundRoom {
    pub(super) room: Room,
    pub(super) last: i64,
}

/// Which chat messages of a room are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// `channelId`.
    pub(super) room: i32,
    /// `chatId`: behind this one, up to that one.
    pub(super) after: i64,
    pub(super) last: i64,
    /// `chatDate`, in ticks: from this one on, up to that one.
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A Persistent Chat database whose tables are known.
pub(super) struct RoomDatabase {
    source: DatabaseSource,
    connection: Connection,
    messages: String,
    principals: String,
    /// Rows asked for at once.
    page: u32,
    pace: Pace,
    pub(super) identity: Identity,
    /// Columns it could have and has not.
    pub(super) absent: Vec<String>,
}

impl RoomDatabase {
    /// Connects and looks whether everything is there.
    pub(super) async fn open(source: &DatabaseSource) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(source).await?;
        let schema = Schema::of(&mut connection).await?;
        schema.require(&TABLES)?;
        let has = |table: &str, column: &str| schema.has(table, column);
        let absent = OPTIONAL
            .iter()
            .filter(|(table, column)| !has(table, column));
        let absent = absent.map(|(table, column)| format!("{table}.{column}"));
        Ok(Self {
            messages: fill(statements::MESSAGES, has),
            principals: fill(statements::PRINCIPALS, has),
            page: source.page_size.min(MOST_ROWS),
            pace: Pace::new(source.rows_per_second),
            identity: Identity::of(&mut connection).await?,
            absent: absent.collect(),
            source: source.clone(),
            connection,
        })
    }

    /// Asks for so few rows at once.
    pub(super) fn limit(&mut self, rows: u32) {
        self.page = rows;
    }

    /// Connects again, to the same database.
    async fn reopen(&mut self) -> Result<(), DatabaseError> {
        let again = Self::open(&self.source).await?;
        again.identity.expect(&self.identity.id)?;
        self.connection = again.connection;
        Ok(())
    }

    /// A page of rooms, in the order of their numbers.
    pub(super) async fn rooms(&mut self, after: i32) -> Result<Vec<FoundRoom>, DatabaseError> {
        let parameters = vec![Parameter::BigInt(self.page.into()), Parameter::Int(after)];
        let domain = self.source.domain.as_deref().unwrap_or_default();
        let mut rooms = Vec::new();
        let take = |row: Row| {
            let guid = row.guid(1, "nodeGuid")?;
            let guid = guid.ok_or_else(|| row.wrong("nodeGuid"))?;
            let room = Room {
                uri: Room::uri(domain, &guid),
                number: number(&row, 0, "nodeID")?,
                name: text(&row, 2, "nodeName")?,
            };
            let last = row.int(3, "lastChatID")?.unwrap_or(0);
            rooms.push(FoundRoom { room, last });
            Ok(())
        };
        self.connection
            .rows(statements::ROOMS, parameters, take)
            .await?;
        Ok(rooms)
    }

    /// A page of chat messages, in the order of their numbers; empty at the end. Asks again where that may
    /// help: on a new connection.
    pub(super) async fn messages(&mut self, range: Range) -> Result<Vec<ChatRow>, DatabaseError> {
        let mut attempt = 1;
        loop {
            let error = match self.try_messages(range, attempt > 1).await {
                Ok(rows) => {
                    self.pace.keep(rows.len() as u64).await;
                    return Ok(rows);
                }
                Err(error) => error,
            };
            if attempt == ATTEMPTS || !error.is_passing() {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_messages(
        &mut self,
        range: Range,
        is_again: bool,
    ) -> Result<Vec<ChatRow>, DatabaseError> {
        if is_again {
            self.reopen().await?;
        }
        let parameters = vec![
            Parameter::BigInt(self.page.into()),
            Parameter::Int(range.room),
            Parameter::BigInt(range.after),
            Parameter::BigInt(range.last),
            Parameter::BigInt(range.from),
            Parameter::BigInt(range.until),
        ];
        let mut rows = Vec::new();
        let take = |row: Row| {
            rows.push(chat_row(row)?);
            Ok(())
        };
        self.connection
            .rows(&self.messages, parameters, take)
            .await?;
        Ok(rows)
    }

    /// Chat messages of all rooms, from these ticks on and up to those.
    pub(super) async fn count(&mut self, from: i64, until: i64) -> Result<u64, DatabaseError> {
        let parameters = vec![Parameter::BigInt(from), Parameter::BigInt(until)];
        let mut messages = 0;
        let take = |row: Row| {
            let of_room = row.int(1, "RowCount64")?.unwrap_or_default();
            messages += u64::try_from(of_room).unwrap_or_default();
            Ok(())
        };
        self.connection
            .rows(statements::COUNT, parameters, take)
            .await?;
        Ok(messages)
    }

    /// The number of a room's first chat message behind `after` that is later than these ticks.
    pub(super) async fn first_behind(
        &mut self,
        room: i32,
        after: i64,
        ticks: i64,
    ) -> Result<Option<i64>, DatabaseError> {
        let parameters = vec![
            Parameter::Int(room),
            Parameter::BigInt(after),
            Parameter::BigInt(ticks),
        ];
        let mut first = None;
        let take = |row: Row| {
            first = row.int(0, "chatId")?;
            Ok(())
        };
        self.connection
            .rows(statements::FIRST_BEHIND, parameters, take)
            .await?;
        Ok(first)
    }

    /// Participants by the numbers of their principals, as far as there are any.
    pub(super) async fn principals(
        &mut self,
        ids: &[i32],
    ) -> Result<Vec<(i32, Participant)>, DatabaseError> {
        let mut found = Vec::new();
        for ids in ids.chunks(MOST_PRINCIPALS) {
            let padded = ids.iter().chain(ids.last().into_iter().cycle());
            let parameters = padded.take(MOST_PRINCIPALS);
            let parameters = parameters.map(|id| Parameter::Int(*id)).collect();
            let take = |row: Row| {
                let principal = ChatRow {
                    user: number(&row, 0, "prinID")?,
                    uri: text(&row, 1, "prinUri")?,
                    name: text(&row, 2, "prinDisplayName")?,
                    email: text(&row, 3, "prinEmail")?,
                    ..ChatRow::default()
                };
                found.extend(principal.sender().map(|sender| (principal.user, sender)));
                Ok(())
            };
            self.connection
                .rows(&self.principals, parameters, take)
                .await?;
        }
        Ok(found)
    }
}

fn chat_row(mut row: Row) -> Result<ChatRow, DatabaseError> {
    let content = row.take_bytes(4, "content")?;
    let content = content.ok_or_else(|| row.wrong("content"))?;
    Ok(ChatRow {
        chat: row.int(0, "chatId")?.ok_or_else(|| row.wrong("chatId"))?,
        ticks: row
            .int(1, "chatDate")?
            .ok_or_else(|| row.wrong("chatDate"))?,
        user: number(&row, 2, "userId")?,
        is_alert: row.int(3, "isAlert")? == Some(1),
        content: utf16(&content),
        rtf: row.take_bytes(5, "rtf")?.map(|rtf| utf16(&rtf)),
        uri: text(&row, 6, "prinUri")?,
        name: text(&row, 7, "prinDisplayName")?,
        email: text(&row, 8, "prinEmail")?,
    })
}

fn number(row: &Row, at: usize, column: &'static str) -> Result<i32, DatabaseError> {
    let number = row
        .int(at, column)?
        .and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| row.wrong(column))
}

/// A text, empty for NULL.
fn text(row: &Row, at: usize, column: &'static str) -> Result<String, DatabaseError> {
    Ok(row.text(at, column)?.unwrap_or_default().to_owned())
}

/// Text of SQL Server, UTF-16 of any units; half a surrogate pair becomes U+FFFD.
fn utf16(bytes: &[u8]) -> String {
    let units: Vec<_> = bytes
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_costs_one_letter_and_not_the_message() {
        let units: [u16; 4] = [0x68, 0xD83D, 0x69, 0x21];
        let bytes: Vec<_> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();

        assert_eq!(utf16(&bytes), "h\u{FFFD}i!");
    }
}
