use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};

/// Bytes on their way into staging: a local temporary file, hashed as it is written. Dropped without
/// [`Staging::commit`](crate::Staging::commit), it leaves nothing behind.
#[derive(Debug)]
pub struct Spool {
    file: File,
    /// None when the bytes will be sent away: then the system forgets the file with the process, however
    /// that ends.
    path: Option<TempPath>,
    buffer: Vec<u8>,
    hash: Sha256,
    size: u64,
}

/// Bytes that were written to the end.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) file: File,
    path: Option<TempPath>,
    pub(crate) sha256: [u8; 32],
    pub(crate) size: u64,
}

const BUFFER: usize = 64 * 1024;

impl Spool {
    /// A spool of the folder that its file will be moved in.
    pub(crate) fn beside(folder: &Path) -> io::Result<Self> {
        let (file, path) = NamedTempFile::new_in(folder)?.into_parts();
        Ok(Self::new(file, Some(path)))
    }

    /// A spool whose bytes will be sent away.
    #[cfg(feature = "azure")]
    pub(crate) fn nameless(folder: &Path) -> io::Result<Self> {
        tempfile::tempfile_in(folder).map(|file| Self::new(file, None))
    }

    fn new(file: File, path: Option<TempPath>) -> Self {
        Self {
            file,
            path,
            buffer: Vec::with_capacity(BUFFER),
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn finish(mut self) -> io::Result<Spooled> {
        self.flush()?;
        Ok(Spooled {
            file: self.file,
            path: self.path,
            sha256: self.hash.finalize().into(),
            size: self.size,
        })
    }
}

impl Spooled {
    /// The file to move to its last place.
    pub(crate) fn into_named(self) -> io::Result<NamedTempFile> {
        let reason = "a spool is committed to the staging it was opened from";
        let foreign = || io::Error::new(io::ErrorKind::InvalidInput, reason);
        let path = self.path.ok_or_else(foreign)?;
        Ok(NamedTempFile::from_parts(self.file, path))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            self.file.write_all(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
