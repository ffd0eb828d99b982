//! The ledger's database: one writer, several readers, a lock on its folder.

mod connection;
mod dialect;
mod row;
mod schema;
mod sqlite;
mod statement;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::connection::{Readers, Writer};
use crate::error::{During as _, LedgerError, is_full_disk};

pub use self::connection::DatabaseError;
pub(crate) use self::{
    connection::{Connection, Reader, Tx},
    dialect::INSERT,
    row::Row,
    statement::{Cell, LIST, Statement, chunks, insert, query},
};

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("open ledger folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process has the ledger open.
    #[error(
        "lock ledger in {path}: another chatkeep process works with it; wait for it or stop it"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is no room for the database.
    #[error("open ledger {path}: its disk is full; make room, then call again")]
    Full {
        /// The file.
        path: PathBuf,
        /// The database's reason.
        source: DatabaseError,
    },
    /// The database cannot be opened.
    #[error("open ledger {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The database's reason.
        source: DatabaseError,
    },
    /// A newer program wrote it.
    #[error(
        "open ledger of format {found}: this program knows format {known}; use the newer program"
    )]
    Newer {
        /// The ledger's format.
        found: i64,
        /// This program's format.
        known: i64,
    },
}

/// The ledger's database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writer: Writer,
    readers: Readers,
    // Held as long as the database is open: two processes would publish everything twice.
    _lock: Arc<File>,
}

impl Database {
    /// Opens or creates the ledger in `folder`.
    pub(crate) async fn open(folder: &Path) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let path = folder.join("ledger.sqlite");
        let failed = |source| {
            let path = path.clone();
            if is_full_disk(&source) {
                OpenError::Full { path, source }
            } else {
                OpenError::Database { path, source }
            }
        };
        let writer = Writer::open(&path).map_err(failed)?;
        let mut tx = writer.begin().await.map_err(failed)?;
        let found = schema::create(&mut tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        if found > schema::FORMAT {
            return Err(OpenError::Newer {
                found,
                known: schema::FORMAT,
            });
        }
        Ok(Self {
            writer,
            readers: Readers::open(&path).map_err(failed)?,
            _lock: Arc::new(lock),
        })
    }

    /// Begins a transaction; writers wait for each other here, never for the database.
    pub(crate) async fn begin(&self) -> Result<Tx, LedgerError> {
        self.writer.begin().await.during("begin transaction")
    }

    /// A connection for reading what is committed.
    pub(crate) async fn read(&self) -> Result<Reader, LedgerError> {
        Ok(self.readers.get().await)
    }
}

/// Makes the folder and keeps other processes out of it.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let at = |source| OpenError::Folder {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(at)?;
    let lock = File::create(folder.join("ledger.lock")).map_err(at)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(at(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn add(tx: &mut Tx, room: &str) {
        let add = "INSERT INTO rosters (connector, room, address, participant) \
            VALUES (1, $1, '', x'')";
        assert_eq!(query(add).bind(room).execute(tx).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_follows_a_transaction_that_the_database_ended_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).await.unwrap();
        let mut ended = database.begin().await.unwrap();
        // As SQLite does by itself when the disk is full.
        query("ROLLBACK").execute(&mut ended).await.unwrap();
        drop(ended);
        let mut given_up = database.begin().await.unwrap();
        add(&mut given_up, "given up").await;
        drop(given_up);

        let mut tx = database.begin().await.unwrap();
        add(&mut tx, "committed").await;
        tx.commit().await.unwrap();

        let mut reader = database.read().await.unwrap();
        let rooms = query("SELECT room FROM rosters").fetch(&mut reader).await;
        let rooms = rooms.unwrap();
        assert_eq!(rooms.len(), 1);
        assert_eq!(rooms[0].text(0).unwrap(), "committed");
    }
}
