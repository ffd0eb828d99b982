use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

#[cfg(feature = "azure")]
use crate::azure::WindowReader;
use crate::{Blob, StagingError, inventory::KEPT};

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
    /// What proves later what a run archived.
    Seal,
    /// Which ledger works with this staging: whoever deletes must know that nobody else does.
    Ledger,
}

impl BlobKind {
    const ALL: [Self; 10] = [
        Self::Listing,
        Self::Batch,
        Self::Chunk,
        Self::Attachment,
        Self::Items,
        Self::Index,
        Self::Directory,
        Self::Quarantine,
        Self::Seal,
        Self::Ledger,
    ];

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
            Self::Seal => "seal",
            Self::Ledger => "ledger",
        }
    }

    /// What the keys of these blobs begin with.
    pub fn prefix(self) -> String {
        format!("{}/", self.folder())
    }

    /// The kind of the blob with this key, kept or not; `None` for a key that is none of ours.
    pub fn of_key(key: &str) -> Option<Self> {
        let key = key.strip_prefix(KEPT).unwrap_or(key);
        let (folder, rest) = key.split_once('/')?;
        let (shard, hash) = rest.split_once('/')?;
        let is_hash = hash.len() == 64
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let kind = Self::ALL.into_iter().find(|kind| kind.folder() == folder)?;
        (is_hash && shard == &hash[..2]).then_some(kind)
    }

    /// The blob with this content.
    pub(crate) fn blob(self, sha256: &[u8; 32], size: u64) -> Blob {
        let hash = HEXLOWER.encode(sha256);
        Blob {
            key: format!("{}/{}/{hash}", self.folder(), &hash[..2]),
            sha256: sha256.to_vec().into(),
            size,
        }
    }
}

/// Refuses what cannot be a key of ours, before it becomes part of a path or an address.
pub(crate) fn check_key(key: &str) -> Result<(), StagingError> {
    let is_ours = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/';
    if key.starts_with('/') || !key.chars().all(is_ours) {
        return Err(StagingError::Key);
    }
    Ok(())
}

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

impl BlobRange {
    /// Whether the blob reaches to its end.
    pub(crate) fn is_within_blob(&self) -> bool {
        let end = self.offset.checked_add(self.size);
        end.is_some_and(|end| end <= self.blob.size)
    }
}

/// Reads a blob on a thread that may block. Read from its start to its end, it fails at the end when the
/// bytes do not have the blob's hash; after a seek the caller checks what it reads.
#[derive(Debug)]
pub struct BlobReader {
    source: Source,
    expected: Vec<u8>,
    check: Option<Sha256>,
}

#[derive(Debug)]
enum Source {
    File(File),
    #[cfg(feature = "azure")]
    Windows(WindowReader),
}

impl BlobReader {
    pub(crate) fn file(file: File, blob: &Blob) -> Self {
        Self::new(Source::File(file), blob)
    }

    #[cfg(feature = "azure")]
    pub(crate) fn windows(windows: WindowReader, blob: &Blob) -> Self {
        Self::new(Source::Windows(windows), blob)
    }

    fn new(source: Source, blob: &Blob) -> Self {
        Self {
            source,
            expected: blob.sha256.to_vec(),
            check: Some(Sha256::new()),
        }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.source {
            Source::File(file) => file.read(buffer)?,
            #[cfg(feature = "azure")]
            Source::Windows(windows) => windows.read(buffer)?,
        };
        let Some(check) = &mut self.check else {
            return Ok(read);
        };
        check.update(&buffer[..read]);
        if read == 0 && !buffer.is_empty() {
            let digest = check.clone().finalize();
            if digest.as_slice() != self.expected {
                let altered = StagingError::Altered;
                return Err(io::Error::new(io::ErrorKind::InvalidData, altered));
            }
        }
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.check = None;
        match &mut self.source {
            Source::File(file) => file.seek(position),
            #[cfg(feature = "azure")]
            Source::Windows(windows) => windows.seek(position),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_blobs_have_a_kind() {
        for kind in BlobKind::ALL {
            let key = kind.blob(&[7; 32], 1).key;
            assert_eq!(BlobKind::of_key(&key), Some(kind));
            assert_eq!(BlobKind::of_key(&format!("{KEPT}{key}")), Some(kind));
        }
        let key = BlobKind::Items.blob(&[7; 32], 1).key;
        let others = [
            "notes.txt".to_owned(),
            "items/07/notes".to_owned(),
            key.replace("items", "photos"),
            key.replace("items/07", "items/08"),
            format!("{key}/1"),
            format!("{key}~"),
            key.to_uppercase(),
        ];
        for other in others {
            assert_eq!(BlobKind::of_key(&other), None, "{other}");
        }
    }
}
