//! Where one response of a server ends and the next begins.

use bytes::{Bytes, BytesMut};

/// Cuts a server's bytes into responses: a line, and where the line announces a literal, the literal
/// and the line that follows it.
#[derive(Debug)]
pub(crate) struct Framer {
    buffer: BytesMut,
    /// Start of the line that is being looked for.
    line: usize,
    /// Up to here no line feed was found.
    searched: usize,
    limit: usize,
}

/// A response is longer than any we ask for.
#[derive(Debug, thiserror::Error)]
#[error("read response: it is too long")]
pub(crate) struct TooLong;

impl Framer {
    /// Refuses responses longer than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::with_capacity(16 * 1024),
            line: 0,
            searched: 0,
            limit,
        }
    }

    /// Where received bytes go.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole response.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        loop {
            let start = self.searched.max(self.line);
            let found = self.buffer.get(start..).and_then(|unsearched| {
                let position = unsearched.iter().position(|&byte| byte == b'\n');
                position.map(|position| start + position)
            });
            let Some(end) = found else {
                // Inside a literal, `line` lies beyond what has arrived.
                if self.line.max(self.buffer.len()) > self.limit {
                    return Err(TooLong);
                }
                self.searched = self.buffer.len();
                return Ok(None);
            };
            let is_status = self.line == 0 && is_status(&self.buffer);
            match announced(&self.buffer[self.line..end]).filter(|_| !is_status) {
                Some(literal) if literal > self.limit => return Err(TooLong),
                Some(literal) => self.line = end + 1 + literal,
                None => {
                    self.line = 0;
                    self.searched = 0;
                    return Ok(Some(self.buffer.split_to(end + 1).freeze()));
                }
            }
        }
    }
}

/// Status responses hold text, which may end like the announcement of a literal but is none.
fn is_status(response: &[u8]) -> bool {
    let Some(data) = response.strip_prefix(b"* ") else {
        return true;
    };
    let word = data.split(|&byte| byte == b' ').next().unwrap_or_default();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|status| word.eq_ignore_ascii_case(status))
}

/// The size of the literal that a line announces at its end.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_suffix(b"}")?;
    let open = line.iter().rposition(|&byte| byte == b'{')?;
    let digits = std::str::from_utf8(&line[open + 1..]).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // What does not fit is beyond every limit.
    is_number.then(|| digits.parse().unwrap_or(usize::MAX / 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RESPONSES: [&str; 5] = [
        "* OK [CAPABILITY IMAP4rev1] ready {3}\r\n",
        "* 1 FETCH (UID 7 BODY[] {12}\r\nx\r\n{9}\r\nabcd FLAGS (\\Seen))\r\n",
        "* 2 FETCH (UID 8 BODY[] {0}\r\n X {3}\r\nabc)\r\n",
        "+ \r\n",
        "a1 OK done\r\n",
    ];

    proptest! {
        #[test]
        fn responses_come_out_whole_however_they_arrive(cuts in prop::collection::vec(1..20_usize, 1..60)) {
            let stream = RESPONSES.concat();
            let mut framer = Framer::new(1_000);
            let mut responses = Vec::new();
            let mut rest = stream.as_bytes();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                framer.buffer().extend_from_slice(piece);
                while let Some(response) = framer.next().unwrap() {
                    responses.push(String::from_utf8(response.to_vec()).unwrap());
                }
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }

            prop_assert_eq!(responses, RESPONSES);
        }
    }

    #[test]
    fn a_response_beyond_the_limit_is_refused_before_it_has_arrived() {
        let mut framer = Framer::new(100);
        framer
            .buffer()
            .extend_from_slice(b"* 1 FETCH (BODY[] {99999999999999999999}\r\n");

        assert!(framer.next().is_err());
    }
}
