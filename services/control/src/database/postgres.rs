//! PostgreSQL, over the network: a pool of connections, one per transaction.

use std::{fmt, time::Duration};

use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Postgres,
    Row as _, TypeInfo as _, ValueRef as _,
    error::BoxDynError,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgConnection, PgPoolOptions, PgRow, PgValueRef},
};

use super::{
    Cell, Connection, DatabaseError, Dialect, Row, Statement,
    connection::{Lent, Tx},
    query,
    statement::Piece,
};

/// Statements that stay prepared, per connection: more than the ledger has.
const PREPARED: usize = 256;
/// Longest wait for a connection, to the server or to one of the pool's.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that nobody used for so long may be dead: it is asked first.
const FRESH: Duration = Duration::from_secs(1);
/// What an answer may take on its way, beside the statement's own time.
const TRAVEL: Duration = Duration::from_secs(5);
/// First half of this ledger's advisory locks, the second is the connector: another ledger in the same
/// database has another schema.
const LOCKS: &str = "SELECT hashtext(COALESCE(current_schema(), ''))";
/// A transaction that does nothing for so long has lost its process.
const DEAD: &str = "10s";

/// Connections to one database.
#[derive(Clone)]
pub(super) struct Pool {
    connections: sqlx::Pool<Postgres>,
    patience: Duration,
    locks: i32,
}

impl fmt::Debug for Pool {
    // The pool's own form shows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    /// Connects once, so that what is wrong with the address or the password is found at once.
    pub(super) async fn open(
        options: PgConnectOptions,
        (connections, statement_timeout): (u32, Duration),
    ) -> Result<Self, DatabaseError> {
        let millis = statement_timeout.as_millis().to_string();
        let options = options
            .application_name("chatkeep")
            .statement_cache_capacity(PREPARED)
            .options([
                ("statement_timeout", &*millis),
                ("idle_in_transaction_session_timeout", DEAD),
                // Few rows of many, always by an index: what is planned while tables are empty or not
                // analysed yet would read them as a whole.
                ("enable_seqscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                ("jit", "off"),
            ])
            .disable_statement_logging();
        let first = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
        let first = first.map_err(|_| DatabaseError::Silent)?;
        let mut first = first.map_err(refused)?;
        let locks = sqlx::query_scalar(LOCKS).fetch_one(&mut first).await;
        let locks = locks.map_err(refused)?;
        first.close().await.map_err(refused)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(2))
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self {
            connections: pool,
            patience: statement_timeout + TRAVEL,
            locks,
        })
    }

    /// A connection for reading.
    pub(super) async fn read(&self) -> Result<Lent, DatabaseError> {
        let link = self.get().await?;
        Ok(Lent::Own(Box::new(Connection::Postgres(link))))
    }

    /// A connection without a transaction.
    async fn get(&self) -> Result<Link, DatabaseError> {
        Ok(Link {
            connection: self.connections.acquire().await.map_err(refused)?,
            state: State::Idle,
            patience: self.patience,
            locks: self.locks,
        })
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<Tx, DatabaseError> {
        let mut link = self.get().await?;
        link.run("BEGIN").await?;
        link.state = State::Transaction;
        Ok(Tx::begun(Lent::Own(Box::new(Connection::Postgres(link)))))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Transaction,
    /// A statement of the transaction failed: it cannot be committed.
    Failed,
}

/// A connection that goes back into the pool, or is closed when its transaction did not end.
pub(crate) struct Link {
    connection: PoolConnection<Postgres>,
    state: State,
    patience: Duration,
    locks: i32,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.state).finish()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.state != State::Idle {
            self.connection.close_on_drop();
        }
    }
}

impl Link {
    /// Takes the lock of a connector until the transaction ends.
    pub(super) async fn lock(&mut self, connector: i64) -> Result<(), DatabaseError> {
        if self.state == State::Idle {
            return Ok(());
        }
        // Two connectors whose keys differ by 2^32 would share a lock, which is slow, not wrong.
        let statement = query("SELECT pg_advisory_xact_lock($1::INTEGER, $2::INTEGER)");
        let key = connector.rem_euclid(i64::from(i32::MAX));
        let statement = statement.bind(i64::from(self.locks)).bind(key);
        self.execute(&statement).await.map(drop)
    }

    /// Lets the statements of this transaction take as long as they do.
    pub(super) async fn take_time(&mut self) -> Result<(), DatabaseError> {
        self.run("SET LOCAL statement_timeout = 0").await?;
        self.patience = Duration::MAX;
        Ok(())
    }

    /// Commits or rolls back.
    pub(super) async fn end(&mut self, how: &'static str) -> Result<(), DatabaseError> {
        if self.state == State::Failed && how == "COMMIT" {
            return Err(DatabaseError::Commit);
        }
        self.run(how).await?;
        self.state = State::Idle;
        Ok(())
    }

    /// Runs constant text.
    async fn run(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        let run = self.connection.execute(sqlx::raw_sql(sql));
        let done = tokio::time::timeout(self.patience, run).await;
        self.check(done).map(drop)
    }

    /// Runs a statement; returns the number of rows it touched.
    pub(super) async fn execute(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<u64, DatabaseError> {
        let query = prepared(statement)?;
        let run = query.execute(&mut *self.connection);
        let done = tokio::time::timeout(self.patience, run).await;
        Ok(self.check(done)?.rows_affected())
    }

    /// Runs a statement; returns its rows.
    pub(super) async fn fetch(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        if statement.is_long && self.state == State::Idle {
            return self.fetch_long(statement).await;
        }
        let query = prepared(statement)?;
        let run = query.fetch_all(&mut *self.connection);
        let rows = tokio::time::timeout(self.patience, run).await;
        self.check(rows)?.iter().map(read).collect()
    }

    /// Reads as many rows as a run has, for as long as that takes.
    async fn fetch_long(&mut self, statement: &Statement<'_>) -> Result<Vec<Row>, DatabaseError> {
        self.run("BEGIN; SET LOCAL statement_timeout = 0").await?;
        self.state = State::Transaction;
        let query = prepared(statement)?;
        let rows = query.fetch_all(&mut *self.connection).await;
        let rows = self.check(Ok(rows))?;
        self.end("COMMIT").await?;
        rows.iter().map(read).collect()
    }

    /// Notes what a failure means for the connection.
    fn check<T>(
        &mut self,
        done: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, DatabaseError> {
        let failed = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => refused(error),
            Err(_) => DatabaseError::Silent,
        };
        // Whether the server still works on it is not known: this connection is not used again.
        let is_lost = !matches!(failed, DatabaseError::Postgres { .. });
        if is_lost || self.state == State::Transaction {
            self.state = State::Failed;
        }
        Err(failed)
    }
}

/// The failure, without what could quote a value.
fn refused(error: sqlx::Error) -> DatabaseError {
    match error {
        sqlx::Error::Database(error) => DatabaseError::Postgres {
            state: error.code().unwrap_or_default().into_owned(),
            message: error.message().to_owned(),
        },
        sqlx::Error::Io(source) => DatabaseError::Unreachable {
            source: source.into(),
        },
        sqlx::Error::Tls(source) => DatabaseError::Unreachable { source },
        other => DatabaseError::Unreachable {
            source: other.into(),
        },
    }
}

type Prepared<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

fn prepared<'q>(statement: &Statement<'_>) -> Result<Prepared<'q>, DatabaseError> {
    let text = AssertSqlSafe(Dialect::Postgres.text(statement).into_owned());
    let arguments = arguments(statement).map_err(|source| DatabaseError::Encode { source })?;
    Ok(sqlx::query_with(text, arguments))
}

fn arguments(statement: &Statement<'_>) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    let mut values = &statement.values[..];
    if let [Piece::Text(_)] = &statement.pieces[..] {
        values
            .iter()
            .try_for_each(|cell| add_one(&mut arguments, cell))?;
        return Ok(arguments);
    }
    for piece in &statement.pieces {
        let (cells, rest) = values.split_at(piece.values());
        values = rest;
        match piece {
            Piece::Text(_) | Piece::Insert => {}
            Piece::One => cells
                .iter()
                .try_for_each(|cell| add_one(&mut arguments, cell))?,
            Piece::List { .. } => add_array(&mut arguments, cells.iter())?,
            Piece::Rows { columns, .. } => {
                for column in 0..*columns {
                    let column = cells.iter().skip(column).step_by(*columns);
                    add_array(&mut arguments, column)?;
                }
            }
        }
    }
    Ok(arguments)
}

fn add_one(arguments: &mut PgArguments, cell: &Cell<'_>) -> Result<(), BoxDynError> {
    match cell {
        // Only integers can be absent.
        Cell::Null => arguments.add(None::<i64>),
        Cell::Int(value) => arguments.add(*value),
        Cell::Text(text) => arguments.add(&**text),
        Cell::Bytes(bytes) => arguments.add(&**bytes),
    }
}

/// Adds a column of values, all of the type of the first.
fn add_array<'a>(
    arguments: &mut PgArguments,
    cells: impl Iterator<Item = &'a Cell<'a>> + Clone,
) -> Result<(), BoxDynError> {
    match cells.clone().next() {
        None | Some(Cell::Null | Cell::Int(_)) => {
            let values = cells.map(|cell| match cell {
                Cell::Int(value) => Some(*value),
                _ => None,
            });
            arguments.add(values.collect::<Vec<_>>())
        }
        Some(Cell::Text(_)) => {
            let texts = cells.map(|cell| match cell {
                Cell::Text(text) => Some(&**text),
                _ => None,
            });
            arguments.add(texts.collect::<Vec<_>>())
        }
        Some(Cell::Bytes(_)) => {
            let bytes = cells.map(|cell| match cell {
                Cell::Bytes(bytes) => Some(&**bytes),
                _ => None,
            });
            arguments.add(bytes.collect::<Vec<_>>())
        }
    }
}

fn read(row: &PgRow) -> Result<Row, DatabaseError> {
    let cells = (0..row.len()).map(|column| {
        let value = row.try_get_raw(column).map_err(refused)?;
        cell(&value).ok_or(DatabaseError::Column { column })
    });
    Ok(Row(cells.collect::<Result<_, _>>()?))
}

/// A value as it came over the network, in binary.
fn cell(value: &PgValueRef<'_>) -> Option<Cell<'static>> {
    if value.is_null() {
        return Some(Cell::Null);
    }
    let bytes = value.as_bytes().ok()?;
    Some(match value.type_info().name() {
        "INT8" => Cell::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        "INT4" => Cell::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        "TEXT" => Cell::from(String::from_utf8(bytes.to_vec()).ok()?),
        "BYTEA" => Cell::from(bytes.to_vec()),
        _ => return None,
    })
}
