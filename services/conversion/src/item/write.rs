//! Writes parts, files streamed.

use std::io::{Read, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{
    Files, Part, RenderError,
    compose::Head,
    file::{Piece, Source},
    transfer,
};

/// Lines of base64 written at a time.
const LINES: usize = 512;
#[expect(clippy::cast_possible_truncation, reason = "57 fits everywhere")]
const BYTES: usize = transfer::BASE64_BYTES as usize;

/// Writes the parts of one item.
pub(super) struct Writer<'a> {
    files: &'a dyn Files,
    sink: &'a mut dyn Write,
    hash: Sha256,
    size: u64,
    /// The file that is being read, by position: its next piece goes on where the last one ended.
    open: Option<(usize, Box<dyn Read + 'a>)>,
    raw: Vec<u8>,
    encoded: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(files: &'a dyn Files, sink: &'a mut dyn Write) -> Self {
        Self {
            files,
            sink,
            hash: Sha256::new(),
            size: 0,
            open: None,
            raw: Vec::new(),
            encoded: String::new(),
        }
    }

    /// Writes one message.
    pub(super) fn part(
        &mut self,
        head: &Head,
        pieces: &[Piece<'_, 'a>],
    ) -> Result<Part, RenderError> {
        self.write(head.start.as_bytes())?;
        for piece in pieces {
            self.write(piece.header.as_bytes())?;
            match &piece.file.bytes {
                Source::Held(bytes) => self.held(bytes, piece)?,
                Source::Staged(attachment) => {
                    let at = match self.open.take() {
                        Some((index, reader)) if index == piece.index && piece.start > 0 => reader,
                        _ => {
                            let opened = self.files.open(attachment);
                            opened.map_err(|source| RenderError::Read { source })?
                        }
                    };
                    let at = self.staged(at, piece)?;
                    self.open = Some((piece.index, at));
                }
            }
        }
        self.write(head.end.as_bytes())?;
        let sha256 = std::mem::take(&mut self.hash).finalize().into();
        let size = std::mem::take(&mut self.size);
        Ok(Part { size, sha256 })
    }

    fn held(&mut self, bytes: &[u8], piece: &Piece<'_, '_>) -> Result<(), RenderError> {
        let start = usize::try_from(piece.start).map_err(|_| RenderError::Altered)?;
        let size = usize::try_from(piece.size).map_err(|_| RenderError::Altered)?;
        let bytes = bytes.get(start..start + size).ok_or(RenderError::Altered)?;
        for lines in bytes.chunks(LINES * BYTES) {
            self.base64(lines)?;
        }
        Ok(())
    }

    fn staged(
        &mut self,
        mut reader: Box<dyn Read + 'a>,
        piece: &Piece<'_, '_>,
    ) -> Result<Box<dyn Read + 'a>, RenderError> {
        let mut left = piece.size;
        let mut raw = std::mem::take(&mut self.raw);
        while left > 0 {
            raw.clear();
            let wanted = left.min((LINES * BYTES) as u64);
            let read = (&mut reader).take(wanted).read_to_end(&mut raw);
            let read = read.map_err(|source| RenderError::Read { source })?;
            if read as u64 != wanted {
                return Err(RenderError::Altered);
            }
            self.base64(&raw)?;
            left -= wanted;
        }
        self.raw = raw;
        if piece.start + piece.size == piece.file.size {
            // Reading the end makes staging check the whole file's hash.
            let beyond = reader
                .read(&mut [0])
                .map_err(|source| RenderError::Read { source })?;
            if beyond > 0 {
                return Err(RenderError::Altered);
            }
        }
        Ok(reader)
    }

    fn base64(&mut self, bytes: &[u8]) -> Result<(), RenderError> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        for line in bytes.chunks(BYTES) {
            STANDARD.encode_string(line, &mut encoded);
            encoded.push_str("\r\n");
        }
        self.write(encoded.as_bytes())?;
        self.encoded = encoded;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RenderError> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.sink
            .write_all(bytes)
            .map_err(|source| RenderError::Write { source })
    }
}
