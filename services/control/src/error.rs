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
    /// A file or blob was not read to its end: the process shuts down.
    #[error("reading was interrupted")]
    Interrupted,
    /// The task is closed, its lease was taken over, or the run is not in a state for this.
    #[error("{0}")]
    Closed(&'static str),
    /// Somebody else has stored another version since.
    #[error("another version was stored since; read it again")]
    Changed,
    /// There is one already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The task has no business with it, or somebody has no right to it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Another process directs the connector by now.
    #[error("direct connector")]
    Superseded,
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
        match self {
            Self::Database { source, .. } => source.outage(),
            Self::Interrupted => Some("control shuts down"),
            _ => None,
        }
    }

    /// Whether the request was understood and not done, and will not be if it is repeated as it is.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Closed(_)
                | Self::Changed
                | Self::Exists(_)
                | Self::Forbidden(_)
                | Self::Unknown(_)
                | Self::Malformed(_)
                | Self::Refused { .. }
        )
    }

    /// True when another transaction came in the way: the whole call may succeed if it is repeated.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Database { source, .. } if source.is_conflict())
    }
}

/// Reads what blocks on a thread where it holds nobody up.
pub(crate) async fn read_aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or(Err(LedgerError::Interrupted))
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
