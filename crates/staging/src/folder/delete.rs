//! Deleting what nobody has written again. A file's time is when it was written last; whoever writes
//! looks whether a file is there and renews its time under a shared lock of the folder, whoever deletes
//! looks at its time and removes it under an exclusive one.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::SPOOL;

/// Files under one lock: writers wait for so many removals at most.
const AT_ONCE: usize = 50;

/// Keeps deletions out until it is dropped.
pub(super) fn lock_out(root: &Path) -> io::Result<File> {
    let folder = File::open(root.join(SPOOL))?;
    folder.lock_shared()?;
    Ok(folder)
}

/// Makes a file as old as if it had just been written.
pub(super) fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

/// Removes files that are as old as they were. Returns how many are gone.
pub(super) fn delete(root: &Path, files: &[(PathBuf, SystemTime)]) -> io::Result<u64> {
    let mut gone = 0;
    for files in files.chunks(AT_ONCE) {
        let folder = File::open(root.join(SPOOL))?;
        folder.lock()?;
        for (path, modified) in files {
            gone += u64::from(remove(path, *modified)?);
        }
    }
    Ok(gone)
}

/// Removes a file unless it was written again; whether it is gone.
fn remove(path: &Path, modified: SystemTime) -> io::Result<bool> {
    let removed = fs::metadata(path).and_then(|metadata| {
        let is_same = metadata.modified()? == modified;
        if is_same {
            fs::remove_file(path)?;
        }
        Ok(is_same)
    });
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        removed => removed,
    }
}
