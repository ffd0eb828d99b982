use std::io::{self, Write};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

/// Bytes on their way into staging: a local temporary file, hashed as it is written. Dropped without
/// [`Staging::commit`](crate::Staging::commit), it leaves nothing behind.
#[derive(Debug)]
pub struct Spool {
    pub(crate) file: NamedTempFile,
    buffer: Vec<u8>,
    hash: Sha256,
    size: u64,
}

const BUFFER: usize = 64 * 1024;

impl Spool {
    pub(crate) fn new(file: NamedTempFile) -> Self {
        Self {
            file,
            buffer: Vec::with_capacity(BUFFER),
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn finish(mut self) -> io::Result<(NamedTempFile, [u8; 32], u64)> {
        self.flush()?;
        Ok((self.file, self.hash.finalize().into(), self.size))
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
