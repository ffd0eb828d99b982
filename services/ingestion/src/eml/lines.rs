use std::io::{self, BufRead, Read as _};

/// Lines longer than this come in pieces: a line may be as long as the file.
const PIECE: u64 = 16 * 1024;

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// CR LF, as the standard wants it.
    CrLf,
    /// LF alone, as many programs write it.
    Lf,
    /// Not yet: the line goes on in the next piece.
    Open,
    /// With the file.
    File,
}

/// A line, or a piece of a long one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Without its end.
    pub(super) bytes: &'a [u8],
    /// True for a line's first piece.
    pub(super) is_start: bool,
    /// How it ends.
    pub(super) end: LineEnd,
}

impl Line<'_> {
    /// True for a line of nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.is_start && self.bytes.is_empty() && self.end != LineEnd::Open
    }
}

/// Splits bytes into lines, in bounded memory.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    is_start: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            is_start: true,
        }
    }

    /// The next line; `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let read = (&mut self.reader)
            .take(PIECE)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        let end = self.take_end()?;
        let is_start = self.is_start;
        self.is_start = end != LineEnd::Open;
        Ok(Some(Line {
            bytes: &self.line,
            is_start,
            end,
        }))
    }

    /// Reads what is left, so that everything below has seen the whole file.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        io::copy(&mut self.reader, &mut io::sink()).map(drop)
    }

    fn take_end(&mut self) -> io::Result<LineEnd> {
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            let is_crlf = self.line.pop_if(|byte| *byte == b'\r').is_some();
            return Ok(if is_crlf { LineEnd::CrLf } else { LineEnd::Lf });
        }
        let next = self.reader.fill_buf()?.first().copied();
        match next {
            None => Ok(LineEnd::File),
            // A piece that ends between CR and LF.
            Some(b'\n') if self.line.last() == Some(&b'\r') => {
                self.reader.consume(1);
                self.line.pop();
                Ok(LineEnd::CrLf)
            }
            Some(_) => Ok(LineEnd::Open),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(bytes: &[u8]) -> Vec<(usize, bool, LineEnd)> {
        let mut lines = Lines::new(bytes);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.bytes.len(), line.is_start, line.end));
        }
        found
    }

    #[test]
    fn line_ends_of_both_kinds_are_told_apart() {
        assert_eq!(
            ends(b"ab\r\n\nc"),
            [
                (2, true, LineEnd::CrLf),
                (0, true, LineEnd::Lf),
                (1, true, LineEnd::File)
            ]
        );
    }

    #[test]
    fn a_long_line_comes_in_pieces_even_when_its_end_is_cut_in_two() {
        let piece = usize::try_from(PIECE).unwrap();
        let mut bytes = vec![b'x'; piece - 1];
        bytes.extend_from_slice(b"\r\ny\n");

        assert_eq!(
            ends(&bytes),
            [(piece - 1, true, LineEnd::CrLf), (1, true, LineEnd::Lf)]
        );
        assert_eq!(
            ends(&vec![b'x'; piece + 1]),
            [(piece, true, LineEnd::Open), (1, false, LineEnd::File)]
        );
    }
}
