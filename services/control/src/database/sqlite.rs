//! SQLite, in this process. Statements run where they are called: a hop to another thread costs more
//! than most of them do. What waits for the disk or reads a whole run makes room for others first.

use std::path::Path;

use rusqlite::{
    Connection, OpenFlags, Statement as Prepared,
    config::DbConfig,
    types::{ToSqlOutput, Value, ValueRef},
};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Cell, DatabaseError, Dialect, Row, Statement};

/// What every connection starts with. A commit is on disk when it returns.
const SETUP: &str = "PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 30000;
PRAGMA foreign_keys = OFF;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;";

/// KiB of pages the writer keeps in memory; readers mostly look at what was written last.
pub(super) const WRITER_CACHE: u32 = 8192;
/// KiB of pages a reader keeps in memory.
pub(super) const READER_CACHE: u32 = 1024;

/// Statements that stay prepared, per connection: more than the ledger has.
const PREPARED: usize = 256;

/// Opens a connection that keeps at most `cache` KiB of pages in memory.
pub(super) fn connect(path: &Path, cache: u32) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(refused)?;
    run(&connection, SETUP)?;
    // Without it SQLite prepares a statement anew whenever other values are bound.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(refused)?;
    run(&connection, &format!("PRAGMA cache_size = -{cache}"))?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

/// Runs constant text.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<(), DatabaseError> {
    connection.execute_batch(sql).map_err(refused)
}

/// Undoes what was not committed.
pub(super) fn roll_back(connection: &Connection) {
    if connection.is_autocommit() {
        return;
    }
    if let Err(error) = run(connection, "ROLLBACK") {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "transaction not rolled back"
        );
    }
}

fn refused(source: rusqlite::Error) -> DatabaseError {
    DatabaseError::Sqlite { source }
}

/// Runs a statement; returns the number of rows it touched.
pub(super) fn execute(
    connection: &Connection,
    statement: &Statement<'_>,
) -> Result<u64, DatabaseError> {
    with(connection, statement, |prepared| {
        Ok(prepared.raw_execute().map_err(refused)? as u64)
    })
}

/// Runs a statement; returns its rows.
pub(super) fn fetch(
    connection: &Connection,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, DatabaseError> {
    let read = || {
        with(connection, statement, |prepared| {
            let columns = prepared.column_count();
            let mut found = Vec::new();
            let mut rows = prepared.raw_query();
            while let Some(row) = rows.next().map_err(refused)? {
                let cells = (0..columns).map(|column| cell(row.get(column).map_err(refused)?));
                found.push(Row(cells.collect::<Result<_, _>>()?));
            }
            Ok(found)
        })
    };
    if statement.is_long {
        make_room(read)
    } else {
        read()
    }
}

/// Runs something long here while others go on elsewhere, where there is an elsewhere.
fn make_room<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

fn with<T>(
    connection: &Connection,
    statement: &Statement<'_>,
    run: impl FnOnce(&mut Prepared<'_>) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    let text = Dialect::Sqlite.text(statement);
    if statement.is_kept {
        let mut prepared = connection.prepare_cached(&text).map_err(refused)?;
        bind(&mut prepared, &statement.values)?;
        run(&mut prepared)
    } else {
        let mut prepared = connection.prepare(&text).map_err(refused)?;
        bind(&mut prepared, &statement.values)?;
        run(&mut prepared)
    }
}

/// Places are numbered by their first use in the text: `$2` before `$1` is SQLite's first.
fn bind(prepared: &mut Prepared<'_>, values: &[Cell<'_>]) -> Result<(), DatabaseError> {
    for place in 1..=prepared.parameter_count() {
        let number = prepared
            .parameter_name(place)
            .and_then(|name| name.get(1..)?.parse().ok());
        let number: usize = number.unwrap_or(place);
        let value = values.get(number - 1);
        let value = value.ok_or(DatabaseError::Unbound { number })?;
        let value = match value {
            Cell::Null => ValueRef::Null,
            Cell::Int(value) => ValueRef::Integer(*value),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
            Cell::Bytes(bytes) => ValueRef::Blob(bytes),
        };
        prepared
            .raw_bind_parameter(place, ToSqlOutput::Borrowed(value))
            .map_err(refused)?;
    }
    Ok(())
}

fn cell(value: Value) -> Result<Cell<'static>, DatabaseError> {
    Ok(match value {
        Value::Null => Cell::Null,
        Value::Integer(value) => Cell::Int(value),
        Value::Text(text) => Cell::from(text),
        Value::Blob(bytes) => Cell::from(bytes),
        // The schema has no column of such numbers.
        Value::Real(_) => return Err(DatabaseError::Real),
    })
}
