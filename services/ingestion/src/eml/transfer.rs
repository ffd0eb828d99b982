use std::io::{self, Write};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::lines::{Line, LineEnd};

/// Exporters leave padding out and set the unused bits of the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);
/// Characters decoded at once; a multiple of 4.
const GROUP: usize = 12 * 1024;

/// Undoes a Content-Transfer-Encoding line by line.
#[derive(Debug)]
pub(super) struct Decoder {
    encoding: Encoding,
    /// The line break before the next line: the last one belongs to the boundary.
    line_break: &'static [u8],
    /// Characters that wait for the rest of their group.
    waiting: Vec<u8>,
    decoded: Vec<u8>,
    last: LineEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// Lines: their ends are written as CR LF whatever the file has.
    Lines,
    /// Bytes as they are.
    Binary,
    QuotedPrintable,
    Base64,
}

/// The content stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CutOff {
    /// Within a group of base64 characters.
    Base64,
    /// Within a line.
    Line,
}

impl Decoder {
    /// For a Content-Transfer-Encoding; an unknown one leaves the bytes alone.
    pub(super) fn new(encoding: &str) -> Self {
        let encoding = match encoding.trim().to_ascii_lowercase().as_str() {
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            "binary" => Encoding::Binary,
            _ => Encoding::Lines,
        };
        Self {
            encoding,
            line_break: b"",
            waiting: Vec::new(),
            decoded: Vec::new(),
            last: LineEnd::Lf,
        }
    }

    /// Decodes a line.
    pub(super) fn line(&mut self, line: Line<'_>, out: &mut impl Write) -> io::Result<()> {
        self.last = line.end;
        match self.encoding {
            Encoding::Base64 => self.base64(line.bytes, out),
            Encoding::QuotedPrintable => self.quoted_printable(line, out),
            Encoding::Lines | Encoding::Binary => {
                out.write_all(self.line_break)?;
                self.line_break = self.break_after(line.end);
                out.write_all(line.bytes)
            }
        }
    }

    /// Decodes what still waits. `at_end_of_file` is true where no boundary says that this is all.
    pub(super) fn finish(
        &mut self,
        at_end_of_file: bool,
        out: &mut impl Write,
    ) -> io::Result<Result<(), CutOff>> {
        if self.encoding == Encoding::Base64 {
            let left = self.waiting.len() % 4;
            if left == 1 || (left != 0 && at_end_of_file) {
                return Ok(Err(CutOff::Base64));
            }
            return self.decode_group(out).map(Ok);
        }
        out.write_all(&std::mem::take(&mut self.waiting))?;
        if at_end_of_file {
            if self.last == LineEnd::File {
                return Ok(Err(CutOff::Line));
            }
            out.write_all(self.line_break)?;
        }
        Ok(Ok(()))
    }

    fn break_after(&self, end: LineEnd) -> &'static [u8] {
        match (end, self.encoding) {
            (LineEnd::Open | LineEnd::File, _) => b"",
            (LineEnd::Lf, Encoding::Binary) => b"\n",
            (LineEnd::Lf | LineEnd::CrLf, _) => b"\r\n",
        }
    }

    fn base64(&mut self, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        // One look at the line without a branch per byte: nearly every line is plain.
        if line
            .iter()
            .fold(true, |plain, byte| plain & is_base64(*byte))
        {
            self.waiting.extend_from_slice(line);
        } else {
            for byte in line {
                if is_base64(*byte) {
                    self.waiting.push(*byte);
                } else if *byte == b'=' && self.waiting.len() % 4 > 1 {
                    // Padding ends a group; what follows is a text of its own.
                    self.decode_group(out)?;
                }
            }
        }
        if self.waiting.len() >= GROUP {
            let rest = self.waiting.len() % 4;
            let rest = self.waiting.split_off(self.waiting.len() - rest);
            self.decode_group(out)?;
            self.waiting = rest;
        }
        Ok(())
    }

    fn decode_group(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.decoded.clear();
        let decoded = BASE64.decode_vec(&self.waiting, &mut self.decoded);
        self.waiting.clear();
        decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        out.write_all(&self.decoded)
    }

    fn quoted_printable(&mut self, line: Line<'_>, out: &mut impl Write) -> io::Result<()> {
        out.write_all(self.line_break)?;
        self.line_break = b"";
        let mut joined = std::mem::take(&mut self.waiting);
        joined.extend_from_slice(line.bytes);
        let mut bytes = joined.as_slice();
        match line.end {
            LineEnd::Open => {
                // `=` and `=X` may go on in the next piece.
                let tail = bytes.len().saturating_sub(2);
                let kept = bytes[tail..].iter().position(|byte| *byte == b'=');
                let kept = kept.map_or(bytes.len(), |position| tail + position);
                self.waiting = bytes[kept..].to_vec();
                bytes = &bytes[..kept];
            }
            LineEnd::File | LineEnd::Lf | LineEnd::CrLf => {
                bytes = bytes.trim_ascii_end();
                match bytes.strip_suffix(b"=") {
                    Some(soft) => bytes = soft,
                    None => self.line_break = self.break_after(line.end),
                }
            }
        }
        unquote(bytes, out)
    }
}

fn unquote(mut bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    while let Some(position) = bytes.iter().position(|byte| *byte == b'=') {
        out.write_all(&bytes[..position])?;
        let digit = |index: usize| {
            let byte = bytes.get(position + index)?;
            char::from(*byte).to_digit(16)
        };
        let (decoded, used) = match (digit(1), digit(2)) {
            (Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(b'?'), 3),
            // Not an escape: it stands for itself.
            _ => (b'=', 1),
        };
        out.write_all(&[decoded])?;
        bytes = &bytes[position + used..];
    }
    out.write_all(bytes)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

#[cfg(test)]
mod tests {
    use super::{super::lines::Lines, *};

    fn decode(encoding: &str, text: &str, at_end_of_file: bool) -> Result<String, CutOff> {
        let mut decoder = Decoder::new(encoding);
        let mut lines = Lines::new(text.as_bytes());
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            decoder.line(line, &mut out).unwrap();
        }
        let end = decoder.finish(at_end_of_file, &mut out).unwrap();
        end.map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_last_line_break_belongs_to_the_boundary() {
        assert_eq!(decode("8bit", "a\nb\n", false).unwrap(), "a\r\nb");
        assert_eq!(decode("8bit", "a\nb\n", true).unwrap(), "a\r\nb\r\n");
        assert_eq!(decode("binary", "a\nb\n\n", false).unwrap(), "a\nb\n");
    }

    #[test]
    fn base64_may_be_wrapped_anywhere_padded_or_not() {
        assert_eq!(decode("Base64", "aGVs\r\nbG8\n", false).unwrap(), "hello");
        assert_eq!(decode("base64", "aG Vsb\n!G8=\n", true).unwrap(), "hello");
        assert_eq!(
            decode("base64", "aGVsbG8=aGVsbG8=\n", true).unwrap(),
            "hellohello"
        );
    }

    #[test]
    fn base64_that_breaks_off_is_noticed() {
        assert_eq!(decode("base64", "aGVsb\n", false), Err(CutOff::Base64));
        assert_eq!(decode("base64", "aGVsbG8\n", true), Err(CutOff::Base64));
    }

    #[test]
    fn quoted_printable_joins_soft_breaks_and_keeps_what_is_no_escape() {
        let text = "Gr=C3=BC=\r\n=C3=9Fe = 1=zz  \r\nend\r\n";

        assert_eq!(
            decode("quoted-printable", text, false).unwrap(),
            "Grüße = 1=zz\r\nend"
        );
    }

    #[test]
    fn an_escape_across_two_pieces_of_a_long_line_is_one() {
        let mut text = "x".repeat(16 * 1024 - 1);
        text.push_str("=41\n");

        assert!(
            decode("quoted-printable", &text, false)
                .unwrap()
                .ends_with("xA")
        );
    }

    #[test]
    fn a_line_that_just_stops_is_cut_off() {
        assert_eq!(decode("7bit", "a\nb", true), Err(CutOff::Line));
    }
}
