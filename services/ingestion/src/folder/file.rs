use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::Stamp;

/// A file that is hashed as it is read.
#[derive(Debug)]
pub(crate) struct HashedFile {
    file: File,
    hash: Sha256,
}

impl HashedFile {
    /// Opens a file with a buffer of a fitting size.
    pub(crate) fn open(path: &Path, size: u64) -> io::Result<BufReader<Self>> {
        let file = Self {
            file: File::open(path)?,
            hash: Sha256::new(),
        };
        let capacity = usize::try_from(size)
            .unwrap_or(usize::MAX)
            .clamp(4 << 10, 128 << 10);
        Ok(BufReader::with_capacity(capacity, file))
    }

    /// Reads what is left, then tells the hash over the whole file.
    pub(crate) fn finish(mut reader: BufReader<Self>) -> io::Result<[u8; 32]> {
        io::copy(&mut reader, &mut io::sink())?;
        Ok(reader.into_inner().hash.finalize().into())
    }
}

impl Read for HashedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// What reading a file came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading<T> {
    /// It held still.
    Settled(T, Stamp),
    /// It is gone, or being written: the next run takes it.
    Unsettled,
}

/// Reads a file that may be changing: `read` is called again once when the file was another one
/// afterwards. With `expected`, a file that differs from it is not even read.
pub(crate) fn read_settled<T, E: From<io::Error>>(
    path: &Path,
    expected: Option<Stamp>,
    mut read: impl FnMut(Stamp) -> Result<T, E>,
) -> Result<Reading<T>, E> {
    for _ in 0..2 {
        let Some(before) = stamp(path)? else {
            return Ok(Reading::Unsettled);
        };
        if expected.is_some_and(|expected| expected != before) {
            return Ok(Reading::Unsettled);
        }
        let value = read(before)?;
        if stamp(path)? == Some(before) {
            return Ok(Reading::Settled(value, before));
        }
    }
    Ok(Reading::Unsettled)
}

fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    match fs::metadata(path) {
        Ok(metadata) => Stamp::of(&metadata).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_read_again_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "1").unwrap();
        let mut calls = 0;

        let once = read_settled(&path, None, |_| {
            calls += 1;
            if calls == 1 {
                fs::write(&path, "12")?;
            }
            fs::read(&path)
        });
        let always = read_settled(&path, None, |stamp| {
            fs::write(&path, vec![b'x'; usize::try_from(stamp.size).unwrap() + 1])
        });

        assert!(matches!(once.unwrap(), Reading::Settled(bytes, _) if bytes == b"12"));
        assert_eq!(always.unwrap(), Reading::Unsettled);
    }

    #[test]
    fn a_file_that_is_gone_is_not_an_error() {
        let reading = read_settled(Path::new("/nowhere/a"), None, |_| Ok::<_, io::Error>(()));

        assert_eq!(reading.unwrap(), Reading::Unsettled);
    }
}
