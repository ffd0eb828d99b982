use std::io;

/// The kind of an [`io::Error`] that stands for storage that does not answer or lets nobody in: nothing
/// is wrong with the blob, and the same call may succeed later.
pub(crate) const OUTAGE: io::ErrorKind = io::ErrorKind::HostUnreachable;

/// Why staging could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// The folder cannot be made or opened, or the container cannot be reached.
    #[error("open staging")]
    Open {
        /// The system's reason.
        source: io::Error,
    },
    /// The settings cannot be used.
    #[error("open staging: {key}: {problem}")]
    Settings {
        /// The key in the section of staging.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The blob cannot be written, e.g. because the disk is full.
    #[error("write blob")]
    Write {
        /// The system's reason.
        source: io::Error,
    },
    /// The blob cannot be read.
    #[error("read blob")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// The blobs cannot be listed.
    #[error("list blobs")]
    List {
        /// The system's reason.
        source: io::Error,
    },
    /// A blob cannot be deleted.
    #[error("delete blob")]
    Delete {
        /// The system's reason.
        source: io::Error,
    },
    /// The blob cannot be copied to what is kept.
    #[error("keep blob")]
    Keep {
        /// The system's reason.
        source: io::Error,
    },
    /// The blob's bytes are not those that were written. They never will be.
    #[error("check blob: its bytes do not have their hash")]
    Altered,
    /// Not a key of ours.
    #[error("check blob key")]
    Key,
}

impl StagingError {
    /// Whether it is the storage that is down, not the blob that is wrong: the same call may succeed
    /// later.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Open { source }
            | Self::Write { source }
            | Self::Read { source }
            | Self::List { source }
            | Self::Delete { source }
            | Self::Keep { source } => source.kind() == OUTAGE,
            Self::Settings { .. } | Self::Altered | Self::Key => false,
        }
    }
}
