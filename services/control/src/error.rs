use chatkeep_staging::{FrameError, StagingError};

use crate::{database::DatabaseError, seal::SealError};

/// Why the ledger could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database did not answer as it should.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// The database's reason.
        source: DatabaseError,
    },
    /// A blob could not be read.
    #[error("{action}")]
    Staging {
        /// What was being done.
        action: &'static str,
        /// Staging's reason.
        source: StagingError,
    },
    /// A blob's frames could not be read.
    #[error("{action}")]
    Frames {
        /// What was being done.
        action: &'static str,
        /// The reason.
        source: FrameError,
    },
    /// A manifest could not be written.
    #[error("seal run")]
    Seal {
        /// The reason.
        source: SealError,
    },
    /// The task is closed, its lease was taken over, or the run is not in a state for this.
    #[error("{0}")]
    Closed(&'static str),
    /// There is no such thing.
    #[error("{0} is unknown")]
    Unknown(&'static str),
    /// The request contradicts itself or the contract.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The connector file cannot be used like this.
    #[error("{key}: {problem}")]
    Refused {
        /// The key in the file.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// Says what was being done when the database failed.
pub(crate) trait During<T> {
    fn during(self, action: &'static str) -> Result<T, LedgerError>;
}

impl<T> During<T> for Result<T, DatabaseError> {
    fn during(self, action: &'static str) -> Result<T, LedgerError> {
        self.map_err(|source| LedgerError::Database { action, source })
    }
}

/// SQLite's primary result codes for a database that cannot be used for the time being: busy, locked,
/// read-only, I/O error, full, cannot open.
const OUTAGES: [i32; 6] = [5, 6, 8, 10, 13, 14];
/// Those that a full disk leads to: no room for data, none for the index of what is not checkpointed yet.
const FULL: [i32; 2] = [13, 0x130a];

/// Whether the database has no room.
pub(crate) fn is_full_disk(error: &DatabaseError) -> bool {
    result_code(error).is_some_and(|code| FULL.contains(&code))
}

fn result_code(error: &DatabaseError) -> Option<i32> {
    match error {
        DatabaseError::Sqlite {
            source: rusqlite::Error::SqliteFailure(error, _),
        } => Some(error.extended_code),
        _ => None,
    }
}

impl LedgerError {
    /// Static words when it is the database that is down, not the request that is wrong: the same call
    /// may succeed later.
    pub(crate) fn outage(&self) -> Option<&'static str> {
        let Self::Database { source, .. } = self else {
            return None;
        };
        if is_full_disk(source) {
            return Some("the disk of the ledger is full");
        }
        // The lowest byte of an extended code is its primary one.
        let is_outage = OUTAGES.contains(&(result_code(source)? & 0xff));
        is_outage.then_some("the ledger cannot be written")
    }
}
