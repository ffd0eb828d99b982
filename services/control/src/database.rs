//! The ledger's database. SQLite: one writer, several readers, a lock on its folder. PostgreSQL: as many
//! transactions as there are connectors at work, from several processes.

mod connection;
mod dialect;
#[cfg(test)]
pub(crate) mod effort;
mod error;
mod lend;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod schema;
mod settings;
mod sqlite;
mod statement;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::lend::{Readers, Writer};
use crate::error::{During as _, LedgerError};

pub(crate) use self::{
    connection::{Connection, Lent as Reader, Tx},
    dialect::Dialect,
    row::Row,
    statement::{Cell, LIST, Statement, chunks, insert, insert_into, query},
};
pub use self::{error::DatabaseError, settings::PostgresSettings};

/// Format of the ledger that this program writes: its tables, counted from 1.
pub const LEDGER_FORMAT: i64 = schema::FORMAT;

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
    /// The settings of the server cannot be used.
    #[error("use {key}: {problem}")]
    Settings {
        /// The setting.
        key: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The database on a server cannot be opened.
    #[error("open ledger {database} on {host}:{port}")]
    Server {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// The database.
        database: String,
        /// The server's reason.
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

impl OpenError {
    /// True when the server does not answer: it may later.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Server { source, .. } if source.is_away())
    }
}

/// The ledger's database.
#[derive(Clone, Debug)]
pub(crate) struct Database(Store);

#[derive(Clone, Debug)]
enum Store {
    Sqlite {
        writer: Writer,
        readers: Readers,
        // Held as long as the database is open: two processes would publish everything twice.
        _lock: Arc<File>,
    },
    #[cfg(feature = "postgres")]
    Postgres(postgres::Pool),
}

impl Database {
    /// Opens or creates the ledger in `folder`.
    pub(crate) async fn open(folder: &Path) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let path = folder.join("ledger.sqlite");
        let failed = |source: DatabaseError| {
            let path = path.clone();
            if source.is_full_disk() {
                OpenError::Full { path, source }
            } else {
                OpenError::Database { path, source }
            }
        };
        let database = Self(Store::Sqlite {
            writer: Writer::open(&path).map_err(failed)?,
            readers: Readers::open(&path).map_err(failed)?,
            _lock: Arc::new(lock),
        });
        database.migrate(failed).await?;
        Ok(database)
    }

    /// Opens the ledger on a server, or creates its tables there.
    #[cfg(feature = "postgres")]
    pub(crate) async fn connect(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let options = settings.options()?;
        let failed = |source| OpenError::Server {
            host: options.get_host().to_owned(),
            port: options.get_port(),
            database: options.get_database().unwrap_or_default().to_owned(),
            source,
        };
        let limits = (settings.connections, settings.statement_timeout);
        let pool = postgres::Pool::open(options.clone(), limits).await;
        let database = Self(Store::Postgres(pool.map_err(failed)?));
        database.migrate(failed).await?;
        Ok(database)
    }

    /// Says that this program was built without it.
    #[cfg(not(feature = "postgres"))]
    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    pub(crate) async fn connect(_settings: &PostgresSettings) -> Result<Self, OpenError> {
        Err(OpenError::Settings {
            key: "postgres",
            problem: "this program was built without the feature `postgres`".to_owned(),
        })
    }

    /// Brings the tables up to date, or refuses those of a newer program.
    async fn migrate(&self, failed: impl Fn(DatabaseError) -> OpenError) -> Result<(), OpenError> {
        let mut tx = self.begin_transaction().await.map_err(&failed)?;
        let found = schema::migrate(&mut tx).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)?;
        if found > schema::FORMAT {
            return Err(OpenError::Newer {
                found,
                known: schema::FORMAT,
            });
        }
        Ok(())
    }

    /// True when other processes work with it, too.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.0, Store::Sqlite { .. })
    }

    async fn begin_transaction(&self) -> Result<Tx, DatabaseError> {
        match &self.0 {
            Store::Sqlite { writer, .. } => writer.begin().await,
            #[cfg(feature = "postgres")]
            Store::Postgres(pool) => pool.begin().await,
        }
    }

    /// Begins a transaction. What it decides upon must be locked first: see [`Connection::lock`].
    pub(crate) async fn begin(&self) -> Result<Tx, LedgerError> {
        self.begin_transaction().await.during("begin transaction")
    }

    /// A connection for reading what is committed.
    pub(crate) async fn read(&self) -> Result<Reader, LedgerError> {
        match &self.0 {
            Store::Sqlite { readers, .. } => Ok(readers.get().await),
            #[cfg(feature = "postgres")]
            Store::Postgres(pool) => pool.read().await.during("take connection"),
        }
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
