//! A source's folder: its files in a fixed order, and the way to read one that may be changing.

mod count;
mod file;
mod walk;

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

pub(crate) use self::{
    count::{Count, count},
    file::{HashedFile, Reading, read_settled},
    walk::{Found, Walk},
};

/// Why a source's folder cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not there.
    #[error("find source folder {path}: it is missing; check sources.path or mount the share")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// It is a file.
    #[error("find source folder {path}: it is not a folder; check sources.path")]
    NotAFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("read source folder {path}: let the service's user read it and all below")]
    Read {
        /// The source's folder, even where a folder below is the culprit.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A record file whose name no ledger can hold.
    #[error("list source folder {path}: a file's name is not UTF-8; rename it")]
    Name {
        /// The source's folder.
        path: PathBuf,
    },
}

impl FolderError {
    /// True where only somebody's hand helps.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Read { .. })
    }
}

/// What a file of the folder is to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It holds records.
    Records,
    /// It goes with a file that holds records.
    Companion,
    /// None of the source's.
    Foreign,
}

/// Size and modification time: how a change of a file is noticed without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    /// Unix nanoseconds.
    pub(crate) modified: i64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        let modified = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
        };
        Ok(Self {
            size: metadata.len(),
            modified,
        })
    }
}

/// The extension of a file name in lower case.
pub(crate) fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty()).then(|| extension.to_ascii_lowercase())
}

/// The file name of a relative path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Says that a file is left for the next run. Which one, its size and time tell the next LIST.
pub(crate) fn log_unsettled() {
    tracing::info!("a file changed or vanished while it was read, left for the next run");
}

/// Opens the folder's root, or says why it cannot be.
pub(crate) fn check_root(path: &Path) -> Result<(), FolderError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(FolderError::NotAFolder { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FolderError::Missing { path: path.into() })
        }
        Err(source) => Err(FolderError::Read {
            path: path.into(),
            source,
        }),
    }
}
