use chatkeep_model::{Attachment, Participant, Transcript, identity::Fields};

use super::tags::{Piece, Pieces};

/// The normalised messages of a transcript, as far as they can be told apart in one that was rendered:
/// one entry per attachment, then one per line of text with something on it, white space collapsed.
///
/// Pools render the same session alike, so equal sequences are copies; and a sequence that begins with
/// another one is a later copy of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// The entries, one behind the other: a transcript has thousands of them.
    bytes: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
    /// White space was seen behind something on the line.
    has_space: bool,
}

impl Sequence {
    /// Normalises a transcript.
    pub fn of(transcript: &Transcript, attachments: &[Attachment]) -> Self {
        let mut sequence = Self::default();
        for file in attachments {
            let hash = data_encoding::HEXLOWER.encode(&file.sha256);
            sequence.add(format!("{} {hash}", file.name).as_bytes());
            sequence.end_entry();
        }
        match (&transcript.text, &transcript.html) {
            (Some(text), _) if !text.trim().is_empty() => sequence.add_text(text.as_bytes()),
            (_, Some(html)) => sequence.add_html(html.as_bytes()),
            _ => {}
        }
        sequence.end_entry();
        sequence
    }

    /// Adds a message as it is.
    pub fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.end_entry();
    }

    /// Number of messages.
    pub fn len(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// True where nothing was said: then nothing tells copies apart.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Digest over the first `count` messages; `None` where there are fewer.
    pub fn prefix(&self, count: u32) -> Option<[u8; 32]> {
        let ends = self.ends.get(..count as usize)?;
        let mut fields = Fields::of("sequence");
        let mut start = 0;
        for end in ends {
            fields = fields.bytes(&self.bytes[start..*end]);
            start = *end;
        }
        Some(fields.digest())
    }

    fn add_html(&mut self, html: &[u8]) {
        self.bytes.reserve(html.len());
        for piece in Pieces::of(html) {
            match piece {
                Piece::Text(text) => self.add_text(text),
                Piece::Break => self.end_entry(),
            }
        }
    }

    fn add_text(&mut self, text: &[u8]) {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                self.end_entry();
            }
            self.add(line);
        }
    }

    /// Adds to the entry that is being written.
    fn add(&mut self, text: &[u8]) {
        let start = self.ends.last().copied().unwrap_or(0);
        for (index, word) in text.split(u8::is_ascii_whitespace).enumerate() {
            self.has_space |= index > 0;
            if word.is_empty() {
                continue;
            }
            if self.has_space && self.bytes.len() > start {
                self.bytes.push(b' ');
            }
            self.has_space = false;
            self.bytes.extend_from_slice(word);
        }
    }

    fn end_entry(&mut self) {
        let start = self.ends.last().copied().unwrap_or(0);
        self.has_space = false;
        if self.bytes.len() > start {
            self.ends.push(self.bytes.len());
        }
    }
}

/// Digest over the sorted addresses: whose conversation it was.
pub fn participants_digest(participants: &[Participant]) -> [u8; 32] {
    let mut addresses: Vec<_> = participants.iter().map(|one| &one.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let fields = Fields::of("participants");
    let add = |fields: Fields, one: &String| fields.text(one);
    addresses.into_iter().fold(fields, add).digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(text: Option<&str>, html: Option<&str>) -> Sequence {
        let transcript = Transcript {
            text: text.map(str::to_owned),
            html: html.map(str::to_owned),
        };
        Sequence::of(&transcript, &[])
    }

    #[test]
    fn lines_are_counted_without_empty_ones_and_white_space() {
        let one = sequence(Some("a  b\n\n \n c"), None);
        let other = sequence(Some("a b\r\n\tc \n"), None);

        assert_eq!(one.len(), 2);
        assert_eq!(one, other);
    }

    #[test]
    fn html_is_compared_by_its_text() {
        let html =
            "<html><STYLE>p {}</STYLE><!-- <p> --><body><DIV id=1>a <b>b</b></DIV><p>c<br/>1 < 2";

        let plain = sequence(
            Some(
                "a b
c
1 < 2",
            ),
            None,
        );

        assert_eq!(sequence(None, Some(html)), plain);
    }

    #[test]
    fn a_longer_copy_begins_with_the_shorter_one() {
        let short = sequence(Some("a\nb"), None);
        let long = sequence(Some("a\nb\nc"), None);

        assert_eq!(long.prefix(2), short.prefix(2));
        assert_ne!(long.prefix(3), short.prefix(2));
        assert_eq!(short.prefix(3), None);
    }
}
