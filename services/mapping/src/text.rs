//! UTF-8, whether a file is UTF-8 or UTF-16, with or without byte order mark.

use std::io::{self, Cursor, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};

/// Reads a text file as UTF-8. What already is UTF-8 passes through unchecked: whoever makes text of
/// it finds what is not.
pub(crate) fn utf8<R: Read + Send + 'static>(mut reader: R) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::new();
    reader.by_ref().take(3).read_to_end(&mut head)?;
    let (mark, wide) = encoding(&head);
    let rest = Cursor::new(head.split_off(mark)).chain(reader);
    Ok(match wide {
        None => Box::new(rest),
        Some(encoding) => Box::new(Wide {
            reader: rest,
            decoder: encoding.new_decoder_without_bom_handling(),
            input: Vec::new(),
            text: Cursor::new(Vec::new()),
            is_over: false,
        }),
    })
}

/// How long the byte order mark is, and what UTF-16 it is, if it is. Without a mark, a first character
/// of the Latin alphabet gives UTF-16 away: column names begin with one.
fn encoding(head: &[u8]) -> (usize, Option<&'static Encoding>) {
    match head {
        [0xEF, 0xBB, 0xBF, ..] => (3, None),
        [0xFF, 0xFE, ..] => (2, Some(UTF_16LE)),
        [0xFE, 0xFF, ..] => (2, Some(UTF_16BE)),
        [_, 0, ..] => (0, Some(UTF_16LE)),
        [0, _, ..] => (0, Some(UTF_16BE)),
        _ => (0, None),
    }
}

/// Bytes decoded at a time.
const BLOCK: u64 = 16 * 1024;

struct Wide<R> {
    reader: R,
    decoder: Decoder,
    input: Vec<u8>,
    text: Cursor<Vec<u8>>,
    is_over: bool,
}

impl<R: Read> Read for Wide<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.text.read(buffer)?;
            if read > 0 || buffer.is_empty() || self.is_over {
                return Ok(read);
            }
            self.decode()?;
        }
    }
}

impl<R: Read> Wide<R> {
    fn decode(&mut self) -> io::Result<()> {
        self.input.clear();
        self.reader
            .by_ref()
            .take(BLOCK)
            .read_to_end(&mut self.input)?;
        self.is_over = self.input.is_empty();
        let room = self
            .decoder
            .max_utf8_buffer_length_without_replacement(self.input.len());
        let mut text = std::mem::take(self.text.get_mut());
        text.clear();
        text.resize(room.unwrap_or(0), 0);
        let (result, _, written) =
            self.decoder
                .decode_to_utf8_without_replacement(&self.input, &mut text, self.is_over);
        if !matches!(result, DecoderResult::InputEmpty) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not UTF-16"));
        }
        text.truncate(written);
        self.text = Cursor::new(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<String> {
        io::read_to_string(utf8(Cursor::new(bytes))?)
    }

    #[test]
    fn utf_16_of_both_orders_reads_like_utf_8() {
        let text = "mail,Jörg 😀\r\n".repeat(5_000);
        let little = text.encode_utf16().flat_map(u16::to_le_bytes);
        let big = text.encode_utf16().flat_map(u16::to_be_bytes);

        assert_eq!(read(little.clone().collect()).unwrap(), text);
        assert_eq!(
            read([0xFF, 0xFE].into_iter().chain(little).collect()).unwrap(),
            text
        );
        assert_eq!(
            read([0xFE, 0xFF].into_iter().chain(big).collect()).unwrap(),
            text
        );
        assert_eq!(read(format!("\u{FEFF}{text}").into_bytes()).unwrap(), text);
    }

    #[test]
    fn utf_16_that_breaks_off_is_an_error() {
        read(vec![0xFF, 0xFE, b'm', 0, b'a']).unwrap_err();
        read(vec![0xFF, 0xFE, 0x3D, 0xD8]).unwrap_err();
    }

    #[test]
    fn short_files_are_read_whole() {
        assert_eq!(read(Vec::new()).unwrap(), "");
        assert_eq!(read(b"a".to_vec()).unwrap(), "a");
    }
}
