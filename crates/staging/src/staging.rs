use std::{fmt, io, path::Path};

use bytes::Bytes;

#[cfg(feature = "azure")]
use crate::azure::Azure;
use crate::{
    Blob, BlobKind, BlobRange, BlobReader, FolderSettings, Page, Settings, Spool, StagingError,
    StoredBlob, blocking::blocking, folder::Folder, leftovers::Leftovers,
};

/// Blob storage between the stages.
#[derive(Clone)]
pub struct Staging(Form);

#[derive(Clone)]
enum Form {
    Folder(Folder),
    #[cfg(feature = "azure")]
    Azure(Azure),
}

/// Calls the form behind the interface.
macro_rules! forward {
    ($staging:expr, $form:ident => $call:expr) => {
        match &$staging.0 {
            Form::Folder($form) => $call,
            #[cfg(feature = "azure")]
            Form::Azure($form) => $call,
        }
    };
}

impl Staging {
    /// Opens a folder of the local disk, making it where it is missing.
    pub fn folder(path: &Path) -> Result<Self, StagingError> {
        Self::of_folder(Folder::open(path))
    }

    fn of_folder(folder: io::Result<Folder>) -> Result<Self, StagingError> {
        folder
            .map(|folder| Self(Form::Folder(folder)))
            .map_err(|source| StagingError::Open { source })
    }

    /// Opens what the settings name. A container that does not answer is an error too: the caller
    /// decides whether to wait for it.
    pub async fn connect(settings: &Settings) -> Result<Self, StagingError> {
        match settings {
            Settings::Folder(FolderSettings { path }) => {
                let path = path.clone();
                Self::of_folder(blocking(move || Folder::open(&path)).await)
            }
            #[cfg(feature = "azure")]
            Settings::Azure(azure) => {
                let azure = Azure::connect(azure).await?;
                Ok(Self(Form::Azure(azure)))
            }
            #[cfg(not(feature = "azure"))]
            Settings::Azure(_) => Err(StagingError::Settings {
                key: "kind",
                problem: "this program was built without Azure: build it with the feature `azure`"
                    .to_owned(),
            }),
        }
    }

    /// The temporary files that are there now. Nothing for a container: its temporary files have no names
    /// and end with their process.
    pub fn leftovers(&self) -> Result<Leftovers, StagingError> {
        let found = match &self.0 {
            Form::Folder(folder) => folder.leftovers(),
            #[cfg(feature = "azure")]
            Form::Azure(_) => Ok(Vec::new()),
        };
        found
            .map(Leftovers)
            .map_err(|source| StagingError::Open { source })
    }

    /// Stores bytes. On return they will outlast a crash. What is there already counts as written now:
    /// see [`Staging::delete`].
    pub async fn put(&self, kind: BlobKind, bytes: impl Into<Bytes>) -> Result<Blob, StagingError> {
        let bytes: Bytes = bytes.into();
        forward!(self, form => form.put(kind, bytes).await)
    }

    /// Starts a blob that is written piece by piece.
    pub fn spool(&self) -> Result<Spool, StagingError> {
        let spool = forward!(self, form => form.spool());
        spool.map_err(|source| StagingError::Write { source })
    }

    /// Ends a blob of this staging. On return it will outlast a crash, under its content's key.
    pub async fn commit(&self, kind: BlobKind, spool: Spool) -> Result<Blob, StagingError> {
        forward!(self, form => form.commit(kind, spool).await)
    }

    /// Reads a whole blob and checks its hash.
    pub async fn get(&self, blob: &Blob) -> Result<Bytes, StagingError> {
        forward!(self, form => form.get(blob).await)
    }

    /// Reads ranges of blobs, in the order of the request; `None` where a blob ends before its range
    /// does. Not checked: the caller knows the hashes of the parts it reads. Ranges of one blob that
    /// follow each other cost one opening, or one request.
    pub async fn ranges(&self, ranges: Vec<BlobRange>) -> Result<Vec<Option<Bytes>>, StagingError> {
        forward!(self, form => form.ranges(ranges).await)
    }

    /// Opens a blob for blocking reads, by a thread that may block.
    pub async fn open(&self, blob: &Blob) -> Result<BlobReader, StagingError> {
        forward!(self, form => form.reader(blob).await)
    }

    /// Lists one page of the blobs whose keys begin with `prefix`. `from` is what the page before named
    /// as the next.
    pub async fn list(&self, prefix: &str, from: Option<&str>) -> Result<Page, StagingError> {
        forward!(self, form => form.list(prefix, from).await)
    }

    /// Deletes blobs of an inventory, unless somebody has written or refreshed them since: whoever writes
    /// a blob at the same time either keeps it, or writes it anew. Returns how many are gone; what is not
    /// there is deleted already.
    pub async fn delete(&self, blobs: &[StoredBlob]) -> Result<u64, StagingError> {
        forward!(self, form => form.delete(blobs).await)
    }

    /// Notes that a blob is needed as if it had just been written. It must be there.
    pub async fn refresh(&self, blob: &Blob) -> Result<(), StagingError> {
        forward!(self, form => form.refresh(blob).await)
    }

    /// Copies a blob to where it is kept and returns it under that key. The original stays until it is
    /// deleted, so that whoever knows it can learn of the copy first. A copy that is there already counts
    /// as written now.
    pub async fn keep(&self, blob: &Blob) -> Result<Blob, StagingError> {
        forward!(self, form => form.keep(blob).await)
    }
}

impl fmt::Debug for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        forward!(self, form => fmt::Debug::fmt(form, f))
    }
}
