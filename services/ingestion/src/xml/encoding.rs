use std::io::{self, BufRead, Read};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::encoding::{DecodingReader, detect_encoding};

use super::Damage;

/// A tag or text may have this many bytes.
const LARGEST: usize = 16 << 20;
/// An XML declaration ends within this many bytes.
const DECLARATION: usize = 512;

/// A file as UTF-8, with a bound on what is read for one event.
pub(super) struct Source<R> {
    reader: DecodingReader<R>,
    left: usize,
}

impl<R: BufRead> Source<R> {
    /// Finds the encoding: by byte order mark, by the look of UTF-16, or as declared.
    pub(super) fn open(mut reader: R) -> io::Result<Result<Self, Damage>> {
        let head = reader.fill_buf()?;
        if head.is_empty() {
            return Ok(Err(Damage::Empty));
        }
        let encoding = match declared(head) {
            Ok(encoding) => encoding,
            Err(damage) => return Ok(Err(damage)),
        };
        let mut reader = DecodingReader::new(reader);
        if let Some(encoding) = encoding {
            reader.set_encoding(encoding);
        }
        Ok(Ok(Self {
            reader,
            left: LARGEST,
        }))
    }

    /// Begins an event.
    pub(super) fn begin(&mut self) {
        self.left = LARGEST;
    }

    /// True when the event has more bytes than it may.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left == 0
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.reader.consume(amount);
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

/// The declared encoding where it decides: not with a byte order mark or what looks like UTF-16, and
/// not where the bytes show that UTF-16 was declared by mistake.
fn declared(head: &[u8]) -> Result<Option<&'static Encoding>, Damage> {
    let looks_like_utf16 =
        detect_encoding(head).is_some_and(|found| [UTF_16LE, UTF_16BE].contains(&found.encoding()));
    if looks_like_utf16 || !head.starts_with(b"<?xml") {
        return Ok(None);
    }
    let head = &head[..head.len().min(DECLARATION)];
    let head = String::from_utf8_lossy(head);
    let declaration = head.split("?>").next().unwrap_or_default();
    let Some((_, value)) = declaration.split_once("encoding") else {
        return Ok(None);
    };
    let value = value.trim_start().trim_start_matches('=').trim_start();
    let label = value.split(['"', '\'']).nth(1).unwrap_or_default();
    let encoding = Encoding::for_label(label.as_bytes()).ok_or(Damage::Encoding)?;
    let decides = ![UTF_8, UTF_16LE, UTF_16BE].contains(&encoding);
    Ok(decides.then_some(encoding))
}
