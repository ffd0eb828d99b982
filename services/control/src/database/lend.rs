use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Mutex;

use super::{
    Connection, DatabaseError,
    connection::{Lent, Tx},
    sqlite::{self, READER_CACHE, WRITER_CACHE},
};

/// Connections that read beside the one that writes.
const READERS: usize = 3;

/// SQLite's one connection that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Mutex<Connection>>);

impl Writer {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = Connection::Sqlite(sqlite::connect(path, WRITER_CACHE)?);
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Writers wait for each other here, never for the database.
    pub(super) async fn begin(&self) -> Result<Tx, DatabaseError> {
        let connection = Lent::Shared(Arc::clone(&self.0).lock_owned().await);
        match &*connection {
            Connection::Sqlite(connection) => sqlite::run(connection, "BEGIN IMMEDIATE")?,
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => {}
        }
        Ok(Tx::begun(connection))
    }
}

/// SQLite's connections that read.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    connections: Arc<[Arc<Mutex<Connection>>]>,
    next: Arc<AtomicUsize>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connections = (0..READERS).map(|_| {
            let connection = Connection::Sqlite(sqlite::connect(path, READER_CACHE)?);
            Ok(Arc::new(Mutex::new(connection)))
        });
        Ok(Self {
            connections: connections.collect::<Result<_, DatabaseError>>()?,
            next: Arc::default(),
        })
    }

    /// One that is free, or the next that becomes so.
    pub(super) async fn get(&self) -> Lent {
        let free = |connection: &Arc<Mutex<_>>| Arc::clone(connection).try_lock_owned().ok();
        if let Some(connection) = self.connections.iter().find_map(free) {
            return Lent::Shared(connection);
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        Lent::Shared(Arc::clone(&self.connections[next]).lock_owned().await)
    }
}
