use std::ops::{Deref, DerefMut};

use tokio::sync::OwnedMutexGuard;

#[cfg(feature = "postgres")]
use super::postgres;
use super::{DatabaseError, Dialect, Row, Statement, sqlite};

/// A connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Link),
}

impl Connection {
    /// Which SQL it takes where databases differ.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes every other transaction on this connector wait until this one ends: the connector's
    /// transactions run one after another. To be called before anything is read that is decided upon.
    /// Without a transaction it does nothing; SQLite's have waited for the one writer already.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "SQLite waits for nothing here")
    )]
    pub(crate) async fn lock(&mut self, connector: i64) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(_) => {
                let _ = connector;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(link) => link.lock(connector).await,
        }
    }

    /// Lets the statements of this transaction take as long as they do.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            clippy::unused_async,
            reason = "SQLite lets every statement take its time"
        )
    )]
    pub(super) async fn take_time(&mut self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(link) => link.take_time().await,
        }
    }

    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "SQLite waits for nothing here")
    )]
    pub(super) async fn execute(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<u64, DatabaseError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, statement),
            #[cfg(feature = "postgres")]
            Self::Postgres(link) => link.execute(statement).await,
        }
    }

    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "SQLite waits for nothing here")
    )]
    pub(super) async fn fetch(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Sqlite(connection) => sqlite::fetch(connection, statement),
            #[cfg(feature = "postgres")]
            Self::Postgres(link) => link.fetch(statement).await,
        }
    }
}

/// A connection that is lent: one of a few that stay open, or one of its own from a pool.
#[derive(Debug)]
pub(crate) enum Lent {
    Shared(OwnedMutexGuard<Connection>),
    #[cfg(feature = "postgres")]
    Own(Box<Connection>),
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Shared(connection) => connection,
            #[cfg(feature = "postgres")]
            Self::Own(connection) => connection,
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Connection {
        match self {
            Self::Shared(connection) => connection,
            #[cfg(feature = "postgres")]
            Self::Own(connection) => connection,
        }
    }
}

/// A transaction; undone when it is dropped before it is committed.
#[derive(Debug)]
pub(crate) struct Tx(Lent);

impl Tx {
    /// Takes over a connection on which a transaction has begun.
    pub(super) fn begun(connection: Lent) -> Self {
        Self(connection)
    }

    /// Makes everything durable. Waits for the disk where that holds nobody up.
    pub(crate) async fn commit(mut self) -> Result<(), DatabaseError> {
        match &mut *self.0 {
            Connection::Sqlite(_) => {
                let commit = tokio::task::spawn_blocking(move || match &*self.0 {
                    Connection::Sqlite(connection) => sqlite::run(connection, "COMMIT"),
                    #[cfg(feature = "postgres")]
                    Connection::Postgres(_) => Ok(()),
                });
                commit.await.map_err(|_| DatabaseError::Commit)?
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(link) => link.end("COMMIT").await,
        }
    }

    /// Undoes everything, and keeps the connection.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "SQLite waits for nothing here")
    )]
    pub(crate) async fn roll_back(mut self) -> Result<(), DatabaseError> {
        match &mut *self.0 {
            // Done when it is dropped.
            Connection::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Connection::Postgres(link) => link.end("ROLLBACK").await,
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        match &*self.0 {
            Connection::Sqlite(connection) => sqlite::roll_back(connection),
            // Closed instead of lent again: the server undoes what was not committed.
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => {}
        }
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
