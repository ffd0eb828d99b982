use std::time::Duration;

use chatkeep_model::connector::DatabaseSource;
use futures::TryStreamExt as _;
use tiberius::{ColumnData, IntoSql, Query, QueryItem, time::DateTime};
use tokio::time::timeout;

use super::{
    DatabaseError, Moment, Row,
    connect::{self, Stream},
    statements,
};

/// A value that a statement is given, `@P1` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Int(i32),
    BigInt(i64),
    Moment(Moment),
}

impl<'a> IntoSql<'a> for Parameter {
    fn into_sql(self) -> ColumnData<'a> {
        match self {
            Self::Int(value) => ColumnData::I32(Some(value)),
            Self::BigInt(value) => ColumnData::I64(Some(value)),
            Self::Moment(Moment { days, ticks }) => {
                ColumnData::DateTime(Some(DateTime::new(days, ticks)))
            }
        }
    }
}

/// A connection to a database. After any error it is of no use any more: open another one.
pub(crate) struct Connection {
    stream: Stream,
    statement_timeout: Duration,
}

impl Connection {
    /// Connects and signs in.
    pub(crate) async fn open(source: &DatabaseSource) -> Result<Self, DatabaseError> {
        let mut connection = Self {
            stream: connect::connect(source).await?,
            statement_timeout: source.statement_timeout,
        };
        connection.begin_session().await?;
        Ok(connection)
    }

    /// Runs a statement and hands its rows over, one by one, as they arrive. Returns how many there were.
    pub(crate) async fn rows(
        &mut self,
        statement: &str,
        parameters: Vec<Parameter>,
        mut each: impl FnMut(Row) -> Result<(), DatabaseError>,
    ) -> Result<u64, DatabaseError> {
        let name = name_of(statement);
        let wait = self.statement_timeout;
        let slow = |_| DatabaseError::Slow {
            statement: name.to_owned(),
            timeout: wait,
        };
        let broken = |error| DatabaseError::running(&error, name);
        let mut query = Query::new(statement);
        query.bind_iter(parameters);
        let asked = timeout(wait, query.query(&mut self.stream)).await;
        let mut answer = asked.map_err(slow)?.map_err(broken)?;
        let mut rows = 0;
        loop {
            let next = timeout(wait, answer.try_next()).await;
            match next.map_err(slow)?.map_err(broken)? {
                Some(QueryItem::Row(row)) => {
                    rows += 1;
                    each(Row::new(name, row))?;
                }
                Some(QueryItem::Metadata(_)) => {}
                None => return Ok(rows),
            }
        }
    }

    /// The only row of a statement that always has one.
    pub(crate) async fn row<T>(
        &mut self,
        statement: &str,
        parameters: Vec<Parameter>,
        read: impl Fn(&Row) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut value = None;
        let take = |row: Row| {
            value = Some(read(&row)?);
            Ok(())
        };
        self.rows(statement, parameters, take).await?;
        value.ok_or_else(|| DatabaseError::NoRow {
            statement: name_of(statement).to_owned(),
        })
    }

    /// Settings of a connection last only when they do not come with parameters.
    async fn begin_session(&mut self) -> Result<(), DatabaseError> {
        let name = name_of(statements::SESSION);
        let begun = async {
            let answer = self.stream.simple_query(statements::SESSION).await?;
            answer.into_results().await
        };
        let begun = timeout(self.statement_timeout, begun).await;
        let begun = begun.map_err(|_| DatabaseError::Slow {
            statement: name.to_owned(),
            timeout: self.statement_timeout,
        })?;
        begun.map_err(|error| DatabaseError::running(&error, name))?;
        Ok(())
    }
}

/// The name a statement gives itself.
fn name_of(statement: &str) -> &str {
    let named = statement.strip_prefix("/* chatkeep:");
    let name = named.and_then(|named| named.split_once(" */"));
    name.map_or("without a name", |(name, _)| name)
}
