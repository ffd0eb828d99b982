//! The ledger's database: one writer, several readers, a lock on its folder.

mod dialect;
mod packed;
mod schema;
mod statement;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{
    Any, AnyConnection, Connection as _, Executor as _, Transaction, any::AnyPoolOptions,
    pool::PoolConnection,
};

use crate::error::{During as _, LedgerError, is_full_disk};

pub(crate) use self::{
    packed::{Column, PackedRow, packed},
    statement::{Cell, Columns, LIST, Statement, chunks, insert},
};

/// Connections that read beside the one that writes.
const READERS: u32 = 3;

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
        source: sqlx::Error,
    },
    /// The database cannot be opened.
    #[error("open ledger {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The database's reason.
        source: sqlx::Error,
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

/// A transaction on the writer.
pub(crate) type Tx = Transaction<'static, Any>;

/// The ledger's database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writer: sqlx::AnyPool,
    readers: sqlx::AnyPool,
    // Held as long as the database is open: two processes would publish everything twice.
    _lock: Arc<File>,
}

impl Database {
    /// Opens or creates the ledger in `folder`.
    pub(crate) async fn open(folder: &Path) -> Result<Self, OpenError> {
        let at = |source| OpenError::Folder {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(at)?;
        let lock = File::create(folder.join("ledger.lock")).map_err(at)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(at(source)),
        }

        let path = folder.join("ledger.sqlite");
        let failed = |source| {
            let path = path.clone();
            if is_full_disk(&source) {
                OpenError::Full { path, source }
            } else {
                OpenError::Database { path, source }
            }
        };
        sqlx::any::install_default_drivers();
        // A pool would try again for half a minute what cannot be set up, and then not say why.
        let mut first = connect(&path).await.map_err(failed)?;
        let found = schema::create(&mut first).await.map_err(failed)?;
        if found > schema::FORMAT {
            return Err(OpenError::Newer {
                found,
                known: schema::FORMAT,
            });
        }
        let writer = pool(&path, 1, dialect::WRITER_CACHE).await;
        let readers = pool(&path, READERS, dialect::READER_CACHE).await;
        let (writer, readers) = (writer.map_err(failed)?, readers.map_err(failed)?);
        first.close().await.map_err(failed)?;
        Ok(Self {
            writer,
            readers,
            _lock: Arc::new(lock),
        })
    }

    /// Begins a transaction; writers wait for each other here, never for the database.
    pub(crate) async fn begin(&self) -> Result<Tx, LedgerError> {
        self.writer.begin().await.during("begin transaction")
    }

    /// A connection for reading what is committed.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>, LedgerError> {
        self.readers.acquire().await.during("get connection")
    }
}

/// A connection like those of the pools.
async fn connect(path: &Path) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect(&dialect::url(path)).await?;
    connection.execute(dialect::SETUP).await?;
    Ok(connection)
}

async fn pool(
    path: &Path,
    connections: u32,
    cache: &'static str,
) -> Result<sqlx::AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .min_connections(1)
        .max_connections(connections)
        // A ping before every statement would double the round trips to SQLite's own thread.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(dialect::SETUP).await?;
                connection.execute(cache).await?;
                Ok(())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                // A transaction that did not end well is being rolled back, and the ping waits for
                // that. SQLite has ended some by itself, on a full disk: then the rollback fails, and
                // whatever came later on the connection would never be committed.
                if connection.is_in_transaction() {
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect(&dialect::url(path))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn add(tx: &mut Tx, room: &str) {
        let add =
            "INSERT INTO rosters (connector, room, address, participant) VALUES (1, $1, '', '')";
        let add = sqlx::query(add).bind(room).execute(&mut **tx).await;
        assert_eq!(add.unwrap().rows_affected(), 1);
    }

    #[tokio::test]
    async fn what_follows_a_transaction_that_the_database_ended_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).await.unwrap();
        let mut ended = database.begin().await.unwrap();
        // As SQLite does by itself when the disk is full.
        sqlx::query("ROLLBACK").execute(&mut *ended).await.unwrap();
        drop(ended);
        let mut given_up = database.begin().await.unwrap();
        add(&mut given_up, "given up").await;
        drop(given_up);

        let mut tx = database.begin().await.unwrap();
        add(&mut tx, "committed").await;
        tx.commit().await.unwrap();

        let mut reader = database.read().await.unwrap();
        let rooms = sqlx::query("SELECT room FROM rosters");
        let rooms = rooms.fetch_all(&mut *reader).await.unwrap();
        assert_eq!(rooms.len(), 1);
        assert_eq!(rooms[0].text(0).unwrap(), "committed");
    }
}
