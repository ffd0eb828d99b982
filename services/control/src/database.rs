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

use sqlx::{Any, Executor as _, Transaction, any::AnyPoolOptions, pool::PoolConnection};

use crate::error::{During as _, LedgerError};

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
        let failed = |source| OpenError::Database {
            path: path.clone(),
            source,
        };
        sqlx::any::install_default_drivers();
        let writer = pool(&path, 1, dialect::WRITER_CACHE)
            .await
            .map_err(failed)?;
        let found = schema::create(&writer).await.map_err(failed)?;
        if found > schema::FORMAT {
            return Err(OpenError::Newer {
                found,
                known: schema::FORMAT,
            });
        }
        let readers = pool(&path, READERS, dialect::READER_CACHE)
            .await
            .map_err(failed)?;
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
        .connect(&dialect::url(path))
        .await
}
