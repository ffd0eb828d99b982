//! Reads ranges page by page, each behind the last row of the one before.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chatkeep_model::{address::normalize, connector::DatabaseSource};
use chatkeep_pipeline::StageError;
use tokio::runtime::Handle;

use super::{
    range::{Range, Stream},
    record::{Entry, Key, Message, Part, To},
    statements::{self, Statements},
    tables,
};
use crate::{
    database::{Connection, DatabaseError, Identity, Moment, Parameter, Row, Schema},
    sorting::Sorter,
};

/// How often a page is asked for, and the pause before it is asked for again: deadlocks pass, and a
/// database moves to its mirror.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Reads the database of a source.
pub(super) struct Reader<'a> {
    source: &'a DatabaseSource,
    /// The identity it must have.
    identity: &'a str,
    open: Option<Open>,
    pace: Pace,
}

/// A connection to a database whose tables are known.
pub(super) struct Open {
    connection: Connection,
    statements: Statements,
}

/// What is behind a page.
struct Page {
    rows: u64,
    /// Time and number of its last row.
    last: Option<(Moment, i64)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a DatabaseSource, identity: &'a str) -> Self {
        Self {
            source,
            identity,
            open: None,
            pace: Pace::new(source.rows_per_second),
        }
    }

    /// Sorts the rows of a range in; returns how many there are. Blocks.
    pub(super) fn read(
        &mut self,
        range: &Range,
        sorter: &mut Sorter<Entry>,
    ) -> Result<u64, StageError> {
        let mut rows = 0;
        let mut after = (Moment::from_seconds(range.from), i64::MIN);
        loop {
            let page = Handle::current().block_on(self.page(range, after, sorter));
            let page = page.map_err(|error| error.into_stage("read database"))?;
            rows += page.rows;
            match page.last {
                Some(last) if page.rows >= u64::from(self.source.page_size) => after = last,
                _ => return Ok(rows),
            }
        }
    }

    /// Reads a page, again where that may help: on a new connection.
    async fn page(
        &mut self,
        range: &Range,
        after: (Moment, i64),
        sorter: &mut Sorter<Entry>,
    ) -> Result<Page, DatabaseError> {
        sorter.begin();
        let mut attempt = 1;
        loop {
            let error = match self.try_page(range, after, sorter).await {
                Ok(page) => {
                    self.pace.keep(page.rows).await;
                    return Ok(page);
                }
                Err(error) => error,
            };
            sorter.roll_back();
            self.open = None;
            if attempt == ATTEMPTS || !error.is_passing() {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_page(
        &mut self,
        range: &Range,
        after: (Moment, i64),
        sorter: &mut Sorter<Entry>,
    ) -> Result<Page, DatabaseError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::new(self.source, self.identity).await?,
        };
        let size = self.source.page_size;
        let open = self.open.insert(open);
        open.page(range, (after, size), |entry| {
            let pushed = sorter.push(entry);
            pushed.map_err(|source| DatabaseError::Keep {
                source: source.into(),
            })
        })
        .await
    }
}

impl Open {
    async fn new(source: &DatabaseSource, identity: &str) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(source).await?;
        Identity::of(&mut connection).await?.expect(identity)?;
        let schema = Schema::of(&mut connection).await?;
        Self::on(connection, &schema)
    }

    /// Uses a connection to a database that has these columns.
    pub(super) fn on(connection: Connection, schema: &Schema) -> Result<Self, DatabaseError> {
        schema.require(&tables::MANDATORY)?;
        Ok(Self {
            connection,
            statements: Statements::of(schema),
        })
    }

    async fn page(
        &mut self,
        range: &Range,
        ((at, number), size): ((Moment, i64), u32),
        mut each: impl FnMut(Entry) -> Result<(), DatabaseError>,
    ) -> Result<Page, DatabaseError> {
        let statement = match range.stream {
            Stream::Messages => &self.statements.messages,
            Stream::Conferences => &self.statements.conference_messages,
        };
        let parameters = vec![
            Parameter::Int(i32::try_from(size).unwrap_or(i32::MAX)),
            Parameter::Moment(at),
            Parameter::BigInt(number),
            Parameter::Moment(Moment::from_seconds(range.to)),
        ];
        let mut last = None;
        let mut keys = Vec::new();
        let take = |row: Row| {
            let entry = entry(row, range.stream)?;
            last = Some((entry.key.at, entry.key.number));
            if range.stream == Stream::Conferences {
                keys.push(entry.key);
            }
            each(entry)
        };
        let rows = self.connection.rows(statement, parameters, take).await?;
        self.recipients(&keys, each).await?;
        Ok(Page { rows, last })
    }

    /// Asks for everybody who got messages.
    async fn recipients(
        &mut self,
        keys: &[Key],
        mut each: impl FnMut(Entry) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        for keys in keys.chunks(statements::RECIPIENTS) {
            let mut of_number: HashMap<i64, Vec<Key>> = HashMap::new();
            for key in keys {
                of_number.entry(key.number).or_default().push(*key);
            }
            let numbers = keys.iter().map(|key| key.number);
            let padding = keys.last().map(|key| key.number).into_iter().cycle();
            let numbers = numbers.chain(padding).take(statements::RECIPIENTS);
            let parameters = numbers.map(Parameter::BigInt).collect();
            let statement = &self.statements.recipients;
            let take = |row: Row| {
                let (number, session, address) = recipient(&row)?;
                for key in of_number.get(&number).into_iter().flatten() {
                    // A number may be given again in another session.
                    if session.is_none_or(|session| session == key.session.0) {
                        each(Entry {
                            key: *key,
                            part: Part::Recipient(address.clone()),
                        })?;
                    }
                }
                Ok(())
            };
            self.connection.rows(statement, parameters, take).await?;
        }
        Ok(())
    }

    /// The first page of a range, as far as it goes.
    pub(super) async fn first_page(
        &mut self,
        range: &Range,
        size: u32,
    ) -> Result<Vec<Entry>, DatabaseError> {
        let after = (Moment::from_seconds(range.from), i64::MIN);
        let mut entries = Vec::new();
        let take = |entry| {
            entries.push(entry);
            Ok(())
        };
        self.page(range, (after, size), take).await?;
        Ok(entries)
    }
}

fn entry(mut row: Row, stream: Stream) -> Result<Entry, DatabaseError> {
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

fn recipient(row: &Row) -> Result<(i64, Option<Moment>, String), DatabaseError> {
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

/// Keeps to so many rows in a second.
struct Pace {
    rows_per_second: Option<u32>,
    began: Option<Instant>,
    rows: u64,
}

impl Pace {
    fn new(rows_per_second: Option<u32>) -> Self {
        Self {
            rows_per_second,
            began: None,
            rows: 0,
        }
    }

    /// Waits until the rows read so far are due.
    async fn keep(&mut self, rows: u64) {
        let Some(rate) = self.rows_per_second else {
            return;
        };
        let began = *self.began.get_or_insert_with(Instant::now);
        self.rows += rows;
        let due = Duration::from_millis(self.rows.saturating_mul(1_000) / u64::from(rate.max(1)));
        let early = due.checked_sub(began.elapsed());
        tokio::time::sleep(early.unwrap_or_default()).await;
    }
}
