//! Reads ranges page by page, each behind the last row of the one before.

use std::{collections::HashMap, time::Duration};

use chatkeep_model::connector::DatabaseSource;
use chatkeep_pipeline::StageError;
use tokio::runtime::Handle;

use super::{
    entry::{entry, recipient},
    range::{Range, Stream},
    record::{Entry, Key, Part},
    statements::{self, Statements},
    tables,
};
use crate::{
    database::{Connection, DatabaseError, Identity, Moment, Pace, Parameter, Row, Schema},
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
