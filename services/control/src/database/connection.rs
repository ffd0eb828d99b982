use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Row, Statement,
    dialect::{READER_CACHE, WRITER_CACHE},
    sqlite,
};

/// Connections that read beside the one that writes.
const READERS: usize = 3;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite refused.
    #[error("run statement")]
    Sqlite {
        /// Its reason.
        source: rusqlite::Error,
    },
    /// A column is missing or of another type.
    #[error("read column {column}")]
    Column {
        /// Its position, from 0.
        column: usize,
    },
    /// The text has a place without a value.
    #[error("find value ${number}")]
    Unbound {
        /// The place.
        number: usize,
    },
    /// A number that is no integer.
    #[error("read a number with a fraction")]
    Real,
    /// The query gave no row.
    #[error("find row")]
    NoRow,
    /// The thread that committed is gone.
    #[error("wait for commit")]
    Commit,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection(rusqlite::Connection);

impl Connection {
    pub(super) fn execute(&mut self, statement: &Statement<'_>) -> Result<u64, DatabaseError> {
        sqlite::execute(&self.0, statement)
    }

    pub(super) fn fetch(&mut self, statement: &Statement<'_>) -> Result<Vec<Row>, DatabaseError> {
        sqlite::fetch(&self.0, statement)
    }

    fn roll_back(&mut self) {
        if self.0.is_autocommit() {
            return;
        }
        if let Err(error) = sqlite::run(&self.0, "ROLLBACK") {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "transaction not rolled back"
            );
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        self.0.roll_back();
    }
}

/// The one connection that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Mutex<Connection>>);

impl Writer {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = Connection(sqlite::connect(path, WRITER_CACHE)?);
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(super) async fn begin(&self) -> Result<Tx, DatabaseError> {
        let connection = Arc::clone(&self.0).lock_owned().await;
        sqlite::run(&connection.0, "BEGIN IMMEDIATE")?;
        Ok(Tx(connection))
    }
}

/// A transaction on the writer; undone when it is dropped before it is committed.
#[derive(Debug)]
pub(crate) struct Tx(OwnedMutexGuard<Connection>);

impl Tx {
    /// Makes everything durable. Waits for the disk, on a thread where that holds nobody up.
    pub(crate) async fn commit(self) -> Result<(), DatabaseError> {
        let commit = tokio::task::spawn_blocking(move || sqlite::run(&self.0.0, "COMMIT"));
        commit.await.map_err(|_| DatabaseError::Commit)?
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// The connections that read.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    connections: Arc<[Arc<Mutex<Connection>>]>,
    next: Arc<AtomicUsize>,
}

/// A connection that is lent for reading.
pub(crate) type Reader = OwnedMutexGuard<Connection>;

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connections = (0..READERS).map(|_| {
            let connection = Connection(sqlite::connect(path, READER_CACHE)?);
            Ok(Arc::new(Mutex::new(connection)))
        });
        Ok(Self {
            connections: connections.collect::<Result<_, DatabaseError>>()?,
            next: Arc::default(),
        })
    }

    /// One that is free, or the next that becomes so.
    pub(super) async fn get(&self) -> Reader {
        let free = |connection: &Arc<Mutex<_>>| Arc::clone(connection).try_lock_owned().ok();
        if let Some(connection) = self.connections.iter().find_map(free) {
            return connection;
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        Arc::clone(&self.connections[next]).lock_owned().await
    }
}
