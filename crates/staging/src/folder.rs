use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::{Blob, BlobKind, BlobReader, Spool, StagingError};

/// A stretch of a blob.
#[derive(Clone, Debug)]
pub struct BlobRange {
    /// The blob.
    pub blob: Blob,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub size: u64,
}

/// Blob storage between the stages, in a folder of the local disk.
#[derive(Clone, Debug)]
pub struct Staging {
    root: Arc<Path>,
}

impl Staging {
    /// Opens the folder, making it where it is missing.
    pub fn folder(path: &Path) -> Result<Self, StagingError> {
        let open = |source| StagingError::Open { source };
        fs::create_dir_all(path.join("spool")).map_err(open)?;
        Ok(Self { root: path.into() })
    }

    /// Removes the temporary files of a process that was killed. Only for who knows that no other
    /// process uses the folder: it would take away what that one is writing.
    pub fn remove_leftovers(&self) -> Result<(), StagingError> {
        let open = |source| StagingError::Open { source };
        for leftover in fs::read_dir(self.root.join("spool")).map_err(open)? {
            fs::remove_file(leftover.map_err(open)?.path()).map_err(open)?;
        }
        Ok(())
    }

    /// Stores bytes. On return they are on disk.
    pub async fn put(&self, kind: BlobKind, bytes: impl Into<Bytes>) -> Result<Blob, StagingError> {
        let mut spool = self.spool()?;
        let bytes: Bytes = bytes.into();
        spool
            .write_all(&bytes)
            .map_err(|source| StagingError::Write { source })?;
        self.commit(kind, spool).await
    }

    /// Starts a blob that is written piece by piece.
    pub fn spool(&self) -> Result<Spool, StagingError> {
        let file = NamedTempFile::new_in(self.root.join("spool"));
        file.map(Spool::new)
            .map_err(|source| StagingError::Write { source })
    }

    /// Ends a blob. On return it is on disk under its content's key.
    pub async fn commit(&self, kind: BlobKind, spool: Spool) -> Result<Blob, StagingError> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            commit(&root, kind, spool).map_err(|source| StagingError::Write { source })
        })
        .await
    }

    /// Reads a whole blob and checks its hash.
    pub async fn get(&self, blob: &Blob) -> Result<Bytes, StagingError> {
        let path = self.path(blob)?;
        let expected = blob.sha256.clone();
        blocking(move || {
            let bytes = fs::read(path).map_err(|source| StagingError::Read { source })?;
            if Sha256::digest(&bytes).as_slice() != expected {
                return Err(StagingError::Altered);
            }
            Ok(bytes.into())
        })
        .await
    }

    /// Reads ranges of blobs, in the order of the request; `None` where a blob ends before its range
    /// does. Not checked: the caller knows the hashes of the parts it reads. Ranges of one blob that
    /// follow each other cost one opening.
    pub async fn ranges(&self, ranges: Vec<BlobRange>) -> Result<Vec<Option<Bytes>>, StagingError> {
        let paths: Result<Vec<_>, _> = ranges.iter().map(|range| self.path(&range.blob)).collect();
        let paths = paths?;
        blocking(move || read_ranges(&paths, &ranges)).await
    }

    /// Opens a blob for blocking reads.
    pub async fn open(&self, blob: &Blob) -> Result<BlobReader, StagingError> {
        let path = self.path(blob)?;
        let expected = blob.sha256.to_vec();
        blocking(move || {
            let file = File::open(path).map_err(|source| StagingError::Read { source })?;
            Ok(BlobReader::new(file, expected))
        })
        .await
    }

    fn path(&self, blob: &Blob) -> Result<PathBuf, StagingError> {
        let is_ours = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/';
        if blob.key.starts_with('/') || !blob.key.chars().all(is_ours) {
            return Err(StagingError::Key);
        }
        Ok(self.root.join(&blob.key))
    }
}

fn commit(root: &Path, kind: BlobKind, spool: Spool) -> io::Result<Blob> {
    let (file, sha256, size) = spool.finish()?;
    let key = kind.key(&sha256);
    let path = root.join(&key);
    let folder = path.parent().unwrap_or(root);
    if !path.exists() {
        file.as_file().sync_all()?;
        let is_new_folder = !folder.exists();
        fs::create_dir_all(folder)?;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            // The same content was stored by somebody else in between.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
        sync_folder(folder)?;
        if is_new_folder && let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
    }
    Ok(Blob {
        key,
        sha256: sha256.to_vec().into(),
        size,
    })
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn read_ranges(
    paths: &[PathBuf],
    ranges: &[BlobRange],
) -> Result<Vec<Option<Bytes>>, StagingError> {
    let failed = |source| StagingError::Read { source };
    let mut open: Option<(&PathBuf, File)> = None;
    let mut read = Vec::with_capacity(ranges.len());
    for (path, range) in paths.iter().zip(ranges) {
        let file = match open.take() {
            Some((same, file)) if same == path => file,
            _ => File::open(path).map_err(failed)?,
        };
        let within = range.offset.checked_add(range.size);
        let is_whole = within.is_some_and(|end| end <= range.blob.size);
        let mut bytes = vec![0; if is_whole { as_length(range.size) } else { 0 }];
        let result = file.read_exact_at(&mut bytes, range.offset);
        read.push(match result {
            Ok(()) if is_whole => Some(bytes.into()),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(failed(error));
            }
            _ => None,
        });
        open = Some((path, file));
    }
    Ok(read)
}

fn as_length(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StagingError> + Send + 'static,
) -> Result<T, StagingError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down: nobody waits for the answer.
            Err(_) => Err(StagingError::Read {
                source: io::ErrorKind::Interrupted.into(),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staging() -> (tempfile::TempDir, Staging) {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::folder(folder.path()).unwrap();
        (folder, staging)
    }

    #[tokio::test]
    async fn the_same_bytes_are_the_same_blob() {
        let (_folder, staging) = staging();

        let first = staging.put(BlobKind::Batch, "hello").await.unwrap();
        let again = staging.put(BlobKind::Batch, "hello").await.unwrap();

        assert_eq!(first, again);
        assert_eq!(staging.get(&first).await.unwrap(), "hello");
        let range = |offset, size| BlobRange {
            blob: first.clone(),
            offset,
            size,
        };
        let read = staging.ranges(vec![range(1, 3), range(0, 5), range(3, 3)]);
        let expected = [Some("ell".into()), Some("hello".into()), None];
        assert_eq!(read.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn altered_bytes_are_noticed() {
        let (folder, staging) = staging();
        let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();

        fs::write(folder.path().join(&blob.key), "hellO").unwrap();

        assert!(matches!(
            staging.get(&blob).await,
            Err(StagingError::Altered)
        ));
        let mut reader = staging.open(&blob).await.unwrap();
        io::copy(&mut reader, &mut io::sink()).unwrap_err();
    }

    #[tokio::test]
    async fn keys_cannot_leave_the_folder() {
        let (_folder, staging) = staging();
        let foreign = Blob {
            key: "../../etc/passwd".to_owned(),
            ..Blob::default()
        };

        assert!(matches!(
            staging.get(&foreign).await,
            Err(StagingError::Key)
        ));
    }

    #[tokio::test]
    async fn opening_the_folder_again_takes_nothing_away_from_who_is_writing() {
        let (folder, staging) = staging();
        let mut spool = staging.spool().unwrap();
        spool.write_all(b"half").unwrap();

        let again = Staging::folder(folder.path()).unwrap();

        spool.write_all(b" and half").unwrap();
        let blob = staging.commit(BlobKind::Batch, spool).await.unwrap();
        assert_eq!(again.get(&blob).await.unwrap(), "half and half");
    }

    #[tokio::test]
    async fn leftovers_of_a_killed_process_are_removed() {
        let (folder, staging) = staging();
        fs::write(folder.path().join("spool/leftover"), "half").unwrap();

        staging.remove_leftovers().unwrap();

        assert_eq!(
            fs::read_dir(folder.path().join("spool")).unwrap().count(),
            0
        );
    }

    #[tokio::test]
    async fn what_is_not_committed_leaves_nothing_behind() {
        let (folder, staging) = staging();
        let mut spool = staging.spool().unwrap();
        spool.write_all(&vec![7; 200_000]).unwrap();
        drop(spool);

        assert_eq!(
            fs::read_dir(folder.path().join("spool")).unwrap().count(),
            0
        );
    }
}
