use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::OUTAGE;

/// Larger frames are refused: a length that was damaged must not allocate the machine's memory.
const LARGEST_FRAME: usize = 1 << 30;

/// Why a blob of frames cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The value has no MessagePack form.
    #[error("encode frame")]
    Encode {
        /// The encoder's reason.
        source: rmp_serde::encode::Error,
    },
    /// The frame is not what it should be.
    #[error("decode frame")]
    Decode {
        /// The decoder's reason.
        source: rmp_serde::decode::Error,
    },
    /// The bytes could not be written.
    #[error("write frame")]
    Write {
        /// The system's reason.
        source: io::Error,
    },
    /// The bytes could not be read, or end within a frame.
    #[error("read frame")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// The frame's length cannot be right.
    #[error("read frame of {0} bytes: larger than any frame")]
    TooLarge(usize),
}

impl FrameError {
    /// Whether the storage under the blob is down: the frame may be read later.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Read { source } if source.kind() == OUTAGE)
    }
}

/// Writes values as frames: length in bytes (32-bit little-endian), then MessagePack with named fields,
/// so that a field can join later without a new format.
#[derive(Debug)]
pub struct FrameWriter<W> {
    writer: W,
    frame: Vec<u8>,
    offset: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Appends frames to `writer`.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            frame: Vec::new(),
            offset: 0,
        }
    }

    /// Writes one frame and returns where it starts, in bytes from the first frame.
    pub fn push(&mut self, value: &impl Serialize) -> Result<u64, FrameError> {
        self.frame.clear();
        self.frame.extend_from_slice(&[0; 4]);
        rmp_serde::encode::write_named(&mut self.frame, value)
            .map_err(|source| FrameError::Encode { source })?;
        let length = self.frame.len() - 4;
        let too_large = || FrameError::TooLarge(length);
        if length > LARGEST_FRAME {
            return Err(too_large());
        }
        let prefix = u32::try_from(length).map_err(|_| too_large())?;
        self.frame[..4].copy_from_slice(&prefix.to_le_bytes());
        self.writer
            .write_all(&self.frame)
            .map_err(|source| FrameError::Write { source })?;
        let start = self.offset;
        self.offset += self.frame.len() as u64;
        Ok(start)
    }

    /// Bytes written so far: where the next frame starts.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The writer. Who writes to it writes between two frames.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Gives the writer back.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

/// Reads frames that [`FrameWriter`] wrote. Wants a buffered reader.
#[derive(Debug)]
pub struct FrameReader<R> {
    reader: R,
    frame: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    /// Reads frames from where `reader` stands.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            frame: Vec::new(),
        }
    }

    /// The next frame; `None` at the end of the blob.
    #[expect(
        clippy::should_implement_trait,
        reason = "frames of one blob may differ in type, so this is no iterator"
    )]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        if !self.load()? {
            return Ok(None);
        }
        let value = rmp_serde::from_slice(&self.frame);
        value
            .map(Some)
            .map_err(|source| FrameError::Decode { source })
    }

    /// Passes over `count` frames, or to the end.
    pub fn skip(&mut self, count: u32) -> Result<(), FrameError> {
        for _ in 0..count {
            if !self.load()? {
                break;
            }
        }
        Ok(())
    }

    /// The bytes of the frame that was read last.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    fn load(&mut self) -> Result<bool, FrameError> {
        let read_error = |source| FrameError::Read { source };
        let mut prefix = [0; 4];
        let first = self.reader.read(&mut prefix).map_err(read_error)?;
        if first == 0 {
            return Ok(false);
        }
        self.reader
            .read_exact(&mut prefix[first..])
            .map_err(read_error)?;
        let length = u32::from_le_bytes(prefix) as usize;
        if length > LARGEST_FRAME {
            return Err(FrameError::TooLarge(length));
        }
        self.frame.clear();
        // Grown as bytes arrive: a damaged length costs no memory.
        let mut limited = (&mut self.reader).take(length as u64);
        let read = limited.read_to_end(&mut self.frame).map_err(read_error)?;
        if read < length {
            return Err(read_error(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_order_and_from_an_offset() {
        let mut writer = FrameWriter::new(Vec::new());
        writer.push(&"first").unwrap();
        let second = writer.push(&"second").unwrap();
        let bytes = writer.into_inner();

        let mut all = FrameReader::new(&bytes[..]);
        assert_eq!(all.next::<String>().unwrap().unwrap(), "first");
        let from = usize::try_from(second).unwrap();
        let mut some = FrameReader::new(&bytes[from..]);
        assert_eq!(some.next::<String>().unwrap().unwrap(), "second");
        assert!(some.next::<String>().unwrap().is_none());
    }

    #[test]
    fn a_blob_that_breaks_off_within_a_frame_is_an_error() {
        let mut writer = FrameWriter::new(Vec::new());
        writer.push(&"whole").unwrap();
        let bytes = writer.into_inner();

        for end in 1..bytes.len() {
            let mut reader = FrameReader::new(&bytes[..end]);
            assert!(reader.next::<String>().is_err(), "broken off at {end}");
        }
    }
}
