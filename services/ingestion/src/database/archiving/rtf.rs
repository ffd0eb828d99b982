//! The words of an RTF text, to compare it with another one: no styles, no pictures, no fields' codes.
//! Texts that are meant for eyes are read by conversion.

use encoding_rs::{Encoding, WINDOWS_1252};

/// Groups whose text is none of the message.
const HIDDEN: [&str; 8] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "fldinst",
    "generator",
    "themedata",
];
/// Words that separate words.
const BREAKS: [&str; 6] = ["par", "line", "tab", "cell", "row", "sect"];

/// The text without its marks; breaks become line breaks.
pub(crate) fn text(rtf: &str) -> String {
    let mut reader = Reader {
        rest: rtf.as_bytes(),
        groups: Vec::new(),
        group: Group {
            is_hidden: false,
            fallback: 1,
        },
        encoding: WINDOWS_1252,
        bytes: Vec::new(),
        units: Vec::new(),
        passed_over: 0,
        text: String::new(),
    };
    while let Some(byte) = reader.take() {
        reader.read(byte);
    }
    reader.flush();
    reader.text
}

#[derive(Clone, Copy)]
struct Group {
    is_hidden: bool,
    /// Characters behind `\u` for who does not know it.
    fallback: usize,
}

struct Reader<'a> {
    rest: &'a [u8],
    groups: Vec<Group>,
    group: Group,
    encoding: &'static Encoding,
    /// Bytes of the code page that wait to be decoded together.
    bytes: Vec<u8>,
    /// The same of UTF-16.
    units: Vec<u16>,
    /// Characters of a fallback still to come.
    passed_over: usize,
    text: String,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn read(&mut self, byte: u8) {
        match byte {
            b'{' => self.groups.push(self.group),
            b'}' => self.group = self.groups.pop().unwrap_or(self.group),
            b'\\' => self.command(),
            b'\r' | b'\n' => {}
            byte => self.byte(byte),
        }
    }

    fn command(&mut self) {
        match self.rest.first() {
            Some(letter) if letter.is_ascii_alphabetic() => self.word(),
            Some(b'\'') => {
                let code = self
                    .rest
                    .get(1..3)
                    .and_then(|hex| std::str::from_utf8(hex).ok());
                let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                self.rest = self.rest.get(3..).unwrap_or_default();
                if let Some(code) = code {
                    self.byte(code);
                }
            }
            Some(&symbol) => {
                self.rest = &self.rest[1..];
                match symbol {
                    b'*' => self.group.is_hidden = true,
                    b'~' => self.byte(b' '),
                    b'_' => self.byte(b'-'),
                    b'\r' | b'\n' => self.byte(b'\n'),
                    b'\\' | b'{' | b'}' => self.byte(symbol),
                    _ => {}
                }
            }
            None => {}
        }
    }

    /// A control word, with its number and the space behind it.
    fn word(&mut self) {
        let length = |bytes: &[u8], is_part: fn(&u8) -> bool| {
            bytes
                .iter()
                .position(|byte| !is_part(byte))
                .unwrap_or(bytes.len())
        };
        let (word, rest) = self
            .rest
            .split_at(length(self.rest, u8::is_ascii_alphabetic));
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = length(&rest[sign..], u8::is_ascii_digit);
        let (number, rest) = rest.split_at(if digits > 0 { sign + digits } else { 0 });
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let word = std::str::from_utf8(word).unwrap_or_default();
        let number = std::str::from_utf8(number).unwrap_or_default().parse().ok();
        self.obey(word, number);
    }

    fn obey(&mut self, word: &str, number: Option<i32>) {
        match (word, number) {
            ("u", Some(unit)) => {
                if !self.group.is_hidden {
                    self.end_bytes();
                    // Written as a signed number of 16 bits.
                    self.units
                        .push(u16::try_from(unit & 0xFFFF).unwrap_or(0xFFFD));
                }
                self.passed_over = self.group.fallback;
            }
            ("uc", Some(count)) => self.group.fallback = usize::try_from(count).unwrap_or(1),
            ("bin", Some(count)) => {
                let count = usize::try_from(count).unwrap_or(0);
                self.rest = self.rest.get(count..).unwrap_or_default();
            }
            ("ansicpg", Some(page)) => {
                let label = format!("windows-{page}");
                self.encoding = Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252);
            }
            (word, _) if BREAKS.contains(&word) => self.byte(b'\n'),
            (word, _) if HIDDEN.contains(&word) => self.group.is_hidden = true,
            _ => {}
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.passed_over > 0 {
            self.passed_over -= 1;
        } else if !self.group.is_hidden {
            self.end_units();
            self.bytes.push(byte);
        }
    }

    fn end_bytes(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.text
            .push_str(&self.encoding.decode_without_bom_handling(&bytes).0);
    }

    fn end_units(&mut self) {
        let units = std::mem::take(&mut self.units);
        self.text.push_str(&String::from_utf16_lossy(&units));
    }

    fn flush(&mut self) {
        self.end_bytes();
        self.end_units();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_of_a_client_message_are_left() {
        let rtf = r"{\rtf1\fbidis\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Segoe UI;}}
{\colortbl ;\red0\green0\blue0;}{\*\generator Riched20 15.0.5013}\viewkind4\uc1
\pard\cf1\fs20 na\'efve \{call\}\line \u8364?5 {\field{\*\fldinst{HYPERLINK a@b.c }}{\fldrslt{a@b.c}}}\par
{\*\lyncflags<rtf=1>}}";

        let words: Vec<_> = text(rtf).split_whitespace().map(str::to_owned).collect();

        assert_eq!(words, ["naïve", "{call}", "€5", "a@b.c"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(rtf in r"[\\{}a-z0-9'* \n-]{0,200}") {
            text(&rtf);
        }
    }
}
