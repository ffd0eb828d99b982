use chatkeep_staging::{FrameError, StagingError};

use crate::seal::SealError;

/// Why the ledger could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database did not answer as it should.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// The database's reason.
        source: sqlx::Error,
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

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, action: &'static str) -> Result<T, LedgerError> {
        self.map_err(|source| LedgerError::Database { action, source })
    }
}

/// SQLite's primary result codes for a database that cannot be used for the time being: busy, locked,
/// read-only, I/O error, full, cannot open.
const OUTAGES: [u32; 6] = [5, 6, 8, 10, 13, 14];
const FULL: u32 = 13;

impl LedgerError {
    /// Static words when it is the database or staging that is down, not the request that is wrong: the
    /// same call may succeed later.
    pub(crate) fn outage(&self) -> Option<&'static str> {
        let is_staging_down = match self {
            Self::Staging { source, .. } => source.is_outage(),
            Self::Frames { source, .. } => source.is_outage(),
            _ => false,
        };
        if is_staging_down {
            return Some("staging does not answer");
        }
        let Self::Database { source, .. } = self else {
            return None;
        };
        match source {
            sqlx::Error::Database(error) => {
                let code: u32 = error.code()?.parse().ok()?;
                // The lowest byte of an extended code is its primary one.
                match code & 0xff {
                    FULL => Some("the disk of the ledger is full"),
                    code if OUTAGES.contains(&code) => Some("the ledger cannot be written"),
                    _ => None,
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Some("the ledger does not answer"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_blob_that_cannot_be_reached_is_an_outage_and_a_damaged_one_is_not() {
        let unreachable = || io::Error::from(io::ErrorKind::HostUnreachable);
        let opening = |source| LedgerError::Staging {
            action: "open input",
            source,
        };
        let reading = |source| LedgerError::Frames {
            action: "read input",
            source: FrameError::Read { source },
        };

        let down = StagingError::Read {
            source: unreachable(),
        };
        assert!(opening(down).outage().is_some());
        assert!(reading(unreachable()).outage().is_some());
        assert!(opening(StagingError::Altered).outage().is_none());
        let broken_off = io::ErrorKind::UnexpectedEof.into();
        assert!(reading(broken_off).outage().is_none());
    }
}
