use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// What a blob is for; the first part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlobKind {
    /// What a source has that was not captured yet.
    Listing,
    /// Whole conversations.
    Batch,
    /// Sorted records for assembly.
    Chunk,
    /// A file of a conversation.
    Attachment,
    /// Rendered items, one part after the other.
    Items,
    /// What mapping needs to know of rendered items.
    Index,
    /// A snapshot of a directory or a custom mapping.
    Directory,
    /// Original bytes of what could not be read.
    Quarantine,
}

impl BlobKind {
    fn folder(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::Batch => "batch",
            Self::Chunk => "chunk",
            Self::Attachment => "attachment",
            Self::Items => "items",
            Self::Index => "index",
            Self::Directory => "directory",
            Self::Quarantine => "quarantine",
        }
    }

    pub(crate) fn key(self, sha256: &[u8; 32]) -> String {
        let hash = HEXLOWER.encode(sha256);
        format!("{}/{}/{hash}", self.folder(), &hash[..2])
    }
}

/// Reads a blob from the local disk. Read from its start to its end, it fails at the end when the bytes
/// do not have the blob's hash; after a seek the caller checks what it reads.
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    expected: Vec<u8>,
    check: Option<Sha256>,
}

impl BlobReader {
    pub(crate) fn new(file: File, expected: Vec<u8>) -> Self {
        Self {
            file,
            expected,
            check: Some(Sha256::new()),
        }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let Some(check) = &mut self.check else {
            return Ok(read);
        };
        check.update(&buffer[..read]);
        if read == 0 && !buffer.is_empty() {
            let digest = check.clone().finalize();
            if digest.as_slice() != self.expected {
                let reason = "blob does not have its hash";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
        }
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.check = None;
        self.file.seek(position)
    }
}
