use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Buf as _, Bytes};
use tokio::runtime::Handle;

use super::Azure;
use crate::Blob;

/// First and largest stretch that is read ahead. Who reads a little gets little; many readers at a time,
/// as a merge has them, stay small.
const FIRST: u64 = 128 << 10;
const LARGEST: u64 = 1 << 20;

/// Reads a blob in windows, on a thread that may block.
#[derive(Debug)]
pub(crate) struct WindowReader {
    azure: Azure,
    runtime: Handle,
    key: String,
    size: u64,
    /// Where the next byte for the caller lies.
    position: u64,
    /// What was read from there on.
    ahead: Bytes,
    window: u64,
}

impl WindowReader {
    pub(super) fn new(azure: Azure, runtime: Handle, blob: &Blob) -> Self {
        Self {
            azure,
            runtime,
            key: blob.key.clone(),
            size: blob.size,
            position: 0,
            ahead: Bytes::new(),
            window: FIRST,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let size = self.window.min(self.size.saturating_sub(self.position));
        if size == 0 {
            return Ok(());
        }
        // Given back before the next window is asked for: one window per reader.
        self.ahead = Bytes::new();
        let stretch = self.azure.stretch(&self.key, self.position, size);
        self.ahead = self.runtime.block_on(stretch).map_err(io::Error::from)?;
        self.window = (self.window * 2).min(LARGEST);
        Ok(())
    }
}

impl Read for WindowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() && !buffer.is_empty() {
            self.fill()?;
        }
        let read = self.ahead.len().min(buffer.len());
        self.ahead.copy_to_slice(&mut buffer[..read]);
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for WindowReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.size.checked_add_signed(distance),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let skipped = position.checked_sub(self.position);
        match skipped.and_then(|skipped| usize::try_from(skipped).ok()) {
            Some(skipped) if skipped <= self.ahead.len() => self.ahead.advance(skipped),
            _ => self.ahead = Bytes::new(),
        }
        self.position = position;
        Ok(position)
    }
}
