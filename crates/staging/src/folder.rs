mod delete;
mod walk;

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

use crate::{
    Blob, BlobKind, BlobRange, BlobReader, Page, Spool, StagingError, StoredBlob,
    blob::check_key,
    blocking::blocking,
    inventory::{PAGE, kept_key},
    spool::Spooled,
};

/// Where blobs wait until they are whole.
const SPOOL: &str = "spool";

/// Staging in a folder of the local disk.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: Arc<Path>,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path.join(SPOOL))?;
        Ok(Self { root: path.into() })
    }

    pub(crate) fn leftovers(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.root.join(SPOOL))?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    pub(crate) async fn put(&self, kind: BlobKind, bytes: Bytes) -> Result<Blob, StagingError> {
        let written = self.spool().and_then(|mut spool| {
            spool.write_all(&bytes)?;
            Ok(spool)
        });
        let spool = written.map_err(|source| StagingError::Write { source })?;
        self.commit(kind, spool).await
    }

    pub(crate) fn spool(&self) -> io::Result<Spool> {
        Spool::beside(&self.root.join(SPOOL))
    }

    pub(crate) async fn commit(&self, kind: BlobKind, spool: Spool) -> Result<Blob, StagingError> {
        let root = Arc::clone(&self.root);
        let committed = blocking(move || {
            let spooled = spool.finish()?;
            let blob = kind.blob(&spooled.sha256, spooled.size);
            let is_whole = store(&root, &blob, spooled)?;
            Ok(is_whole.then_some(blob))
        });
        let blob = committed
            .await
            .map_err(|source| StagingError::Write { source })?;
        blob.ok_or(StagingError::Altered)
    }

    pub(crate) async fn get(&self, blob: &Blob) -> Result<Bytes, StagingError> {
        let path = self.path(&blob.key)?;
        let expected = blob.sha256.clone();
        let read = blocking(move || {
            let bytes = fs::read(path)?;
            let is_whole = Sha256::digest(&bytes).as_slice() == expected;
            Ok(is_whole.then(|| bytes.into()))
        });
        let bytes = read.await.map_err(|source| StagingError::Read { source })?;
        bytes.ok_or(StagingError::Altered)
    }

    pub(crate) async fn ranges(
        &self,
        ranges: Vec<BlobRange>,
    ) -> Result<Vec<Option<Bytes>>, StagingError> {
        let paths: Result<Vec<_>, _> = ranges
            .iter()
            .map(|range| self.path(&range.blob.key))
            .collect();
        let paths = paths?;
        let read = blocking(move || read_ranges(&paths, &ranges));
        read.await.map_err(|source| StagingError::Read { source })
    }

    pub(crate) async fn reader(&self, blob: &Blob) -> Result<BlobReader, StagingError> {
        let path = self.path(&blob.key)?;
        let file = blocking(move || File::open(path)).await;
        let file = file.map_err(|source| StagingError::Read { source })?;
        Ok(BlobReader::file(file, blob))
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        from: Option<&str>,
    ) -> Result<Page, StagingError> {
        check_key(prefix)?;
        let root = Arc::clone(&self.root);
        let (prefix, after) = (prefix.to_owned(), from.map(str::to_owned));
        let listed = blocking(move || walk::page(&root, &prefix, after, PAGE.into()));
        listed.await.map_err(|source| StagingError::List { source })
    }

    pub(crate) async fn delete(&self, blobs: &[StoredBlob]) -> Result<u64, StagingError> {
        let files = blobs
            .iter()
            .map(|blob| Ok((self.path(&blob.key)?, blob.modified)));
        let files: Vec<_> = files.collect::<Result<_, _>>()?;
        let root = Arc::clone(&self.root);
        let deleted = blocking(move || delete::delete(&root, &files)).await;
        deleted.map_err(|source| StagingError::Delete { source })
    }

    pub(crate) async fn refresh(&self, blob: &Blob) -> Result<(), StagingError> {
        let path = self.path(&blob.key)?;
        let root = Arc::clone(&self.root);
        let refreshed = blocking(move || {
            let _shared = delete::lock_out(&root)?;
            delete::touch(&path)
        });
        let refreshed = refreshed.await;
        refreshed.map_err(|source| StagingError::Write { source })
    }

    pub(crate) async fn keep(&self, blob: &Blob) -> Result<Blob, StagingError> {
        let key = kept_key(&blob.key);
        let (from, to) = (self.path(&blob.key)?, self.path(&key)?);
        let root = Arc::clone(&self.root);
        let kept = blocking(move || keep(&root, &from, &to));
        kept.await.map_err(|source| StagingError::Keep { source })?;
        Ok(Blob {
            key,
            ..blob.clone()
        })
    }

    fn path(&self, key: &str) -> Result<PathBuf, StagingError> {
        check_key(key)?;
        Ok(self.root.join(key))
    }
}

/// Moves a spool to its key. `false` when something else of another size stands there.
fn store(root: &Path, blob: &Blob, spooled: Spooled) -> io::Result<bool> {
    let path = root.join(&blob.key);
    let _shared = delete::lock_out(root)?;
    if let Ok(there) = fs::metadata(&path) {
        delete::touch(&path)?;
        return Ok(there.len() == blob.size);
    }
    persist(root, &path, spooled.into_named()?)?;
    Ok(true)
}

/// Gives a file its last place, where nobody has put the same already.
fn persist(root: &Path, path: &Path, file: NamedTempFile) -> io::Result<()> {
    file.as_file().sync_all()?;
    let is_new_folder = make_folder(root, path)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        // The same content was stored by somebody else in between.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    sync_folders(root, path, is_new_folder)
}

/// Copies a blob to a second key. No link: both would have one time, and could not be deleted apart.
fn keep(root: &Path, from: &Path, to: &Path) -> io::Result<()> {
    let _shared = delete::lock_out(root)?;
    if to.try_exists()? {
        return delete::touch(to);
    }
    let copy = NamedTempFile::new_in(root.join(SPOOL))?;
    fs::copy(from, copy.path())?;
    persist(root, to, copy)
}

/// Makes the folder of a file; whether it was missing.
fn make_folder(root: &Path, path: &Path) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(root);
    let is_new = !folder.exists();
    fs::create_dir_all(folder)?;
    Ok(is_new)
}

fn sync_folders(root: &Path, path: &Path, is_new_folder: bool) -> io::Result<()> {
    for folder in path.ancestors().skip(1) {
        File::open(folder)?.sync_all()?;
        if folder == root || !is_new_folder {
            break;
        }
    }
    Ok(())
}

fn read_ranges(paths: &[PathBuf], ranges: &[BlobRange]) -> io::Result<Vec<Option<Bytes>>> {
    let mut open: Option<(&PathBuf, File)> = None;
    let mut read = Vec::with_capacity(ranges.len());
    for (path, range) in paths.iter().zip(ranges) {
        let file = match open.take() {
            Some((same, file)) if same == path => file,
            _ => File::open(path)?,
        };
        let is_whole = range.is_within_blob();
        let mut bytes = vec![0; if is_whole { as_length(range.size) } else { 0 }];
        let result = file.read_exact_at(&mut bytes, range.offset);
        read.push(match result {
            Ok(()) if is_whole => Some(bytes.into()),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => None,
        });
        open = Some((path, file));
    }
    Ok(read)
}

fn as_length(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Staging;

    #[tokio::test]
    async fn opening_the_folder_again_takes_nothing_away_from_who_is_writing() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::folder(folder.path()).unwrap();
        let mut spool = staging.spool().unwrap();
        spool.write_all(b"half").unwrap();

        let again = Staging::folder(folder.path()).unwrap();

        spool.write_all(b" and half").unwrap();
        let blob = staging.commit(BlobKind::Batch, spool).await.unwrap();
        assert_eq!(again.get(&blob).await.unwrap(), "half and half");
    }

    #[tokio::test]
    async fn leftovers_of_a_killed_process_are_removed_and_nothing_that_was_begun_since() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::folder(folder.path()).unwrap();
        let leftover = |name: &str| {
            let path = folder.path().join("spool").join(name);
            fs::write(&path, "half").unwrap();
            path
        };
        let (left, gone) = (leftover("left"), leftover("gone"));

        let leftovers = staging.leftovers().unwrap();
        fs::remove_file(&gone).unwrap();
        let mut begun = staging.spool().unwrap();
        begun.write_all(&vec![7; 200_000]).unwrap();
        leftovers.remove().unwrap();

        assert!(!left.exists());
        let blob = staging.commit(BlobKind::Batch, begun).await.unwrap();
        assert_eq!(staging.get(&blob).await.unwrap().len(), 200_000);
    }

    #[tokio::test]
    async fn what_is_not_committed_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::folder(folder.path()).unwrap();
        let mut spool = staging.spool().unwrap();
        spool.write_all(&vec![7; 200_000]).unwrap();
        drop(spool);

        assert_eq!(
            fs::read_dir(folder.path().join("spool")).unwrap().count(),
            0
        );
    }
}
