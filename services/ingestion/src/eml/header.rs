use std::{
    borrow::Cow,
    io::{self, BufRead},
};

use mail_parser::{ContentType, HeaderValue, parsers::MessageStream};

use super::{
    Damage, charset,
    lines::{LineEnd, Lines},
};

/// A header block larger than this is no header block: 20,000 participants fit.
const LARGEST_BLOCK: usize = 1 << 20;

/// The header fields of a message or a part, in the file's order.
#[derive(Debug, Default)]
pub(super) struct Headers(Vec<Field>);

#[derive(Debug)]
struct Field {
    /// In lower case.
    name: String,
    /// Unfolded, as text; encoded words still encoded.
    value: String,
}

impl Headers {
    /// Reads fields up to the empty line. A line that is neither a field nor a continuation continues
    /// the field before it: exporters write subjects with line breaks in them.
    pub(super) fn read<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Result<Self, Damage>> {
        let mut raw = RawHeaders::default();
        let mut line_is_field = false;
        loop {
            let Some(line) = lines.next()? else {
                return Ok(Err(raw.end_of_file()));
            };
            if line.is_empty() {
                return Ok(Ok(raw.decode()));
            }
            raw.size += line.bytes.len();
            if raw.size > LARGEST_BLOCK {
                return Ok(Err(Damage::HugeHeader));
            }
            if line.is_start {
                line_is_field = raw.begin_line(line.bytes);
            } else {
                raw.append(line.bytes);
            }
            if raw.fields.is_empty() && !line_is_field {
                return Ok(Err(Damage::NoHeader));
            }
            if line.end == LineEnd::File {
                return Ok(Err(raw.end_of_file()));
            }
        }
    }

    /// True for a block that begins with its empty line.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the first field of this name (lower case).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|field| field.name == name)?;
        Some(&field.value)
    }

    /// The values of all fields of this name (lower case).
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |field| field.name == name);
        named.map(|field| field.value.as_str())
    }

    /// The field as text, encoded words decoded, white space collapsed.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(decode_words)
    }

    /// A field of a media type or a disposition with parameters.
    pub(super) fn parameters(&self, name: &str) -> Option<ContentType<'static>> {
        let line = terminated(self.get(name)?);
        let value = MessageStream::new(line.as_bytes()).parse_content_type();
        match value.into_owned() {
            HeaderValue::ContentType(value) => Some(value),
            _ => None,
        }
    }
}

/// Decodes encoded words (RFC 2047) and collapses white space.
pub(super) fn decode_words(value: &str) -> String {
    if !value.contains("=?") {
        return collapse(value).into_owned();
    }
    let line = terminated(value);
    match MessageStream::new(line.as_bytes()).parse_unstructured() {
        HeaderValue::Text(text) => collapse(&text).into_owned(),
        _ => collapse(value).into_owned(),
    }
}

fn collapse(text: &str) -> Cow<'_, str> {
    let is_collapsed = text.trim() == text
        && !text.contains("  ")
        && !text.contains(|c: char| c.is_whitespace() && c != ' ');
    if is_collapsed {
        return Cow::Borrowed(text);
    }
    let words: Vec<_> = text.split_whitespace().collect();
    Cow::Owned(words.join(" "))
}

fn terminated(value: &str) -> String {
    format!("{value}\n")
}

#[derive(Default)]
struct RawHeaders {
    fields: Vec<(String, Vec<u8>)>,
    size: usize,
}

impl RawHeaders {
    /// True when the line begins a field.
    fn begin_line(&mut self, line: &[u8]) -> bool {
        let line = if self.fields.is_empty() {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        } else {
            line
        };
        if let Some((name, value)) = split_field(line) {
            self.fields.push((name, value.to_vec()));
            return true;
        }
        self.append(b" ");
        self.append(line.trim_ascii_start());
        false
    }

    fn append(&mut self, bytes: &[u8]) {
        if let Some((_, value)) = self.fields.last_mut() {
            value.extend_from_slice(bytes);
        }
    }

    fn end_of_file(&self) -> Damage {
        match self.size {
            0 => Damage::Empty,
            _ => Damage::HeaderOnly,
        }
    }

    fn decode(self) -> Headers {
        let decode = |(name, value): (String, Vec<u8>)| Field {
            name,
            value: charset::guess(value),
        };
        Headers(self.fields.into_iter().map(decode).collect())
    }
}

fn split_field(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let is_name = |byte: &u8| byte.is_ascii_graphic();
    if name.is_empty() || !name.iter().all(is_name) {
        return None;
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Some((name, line[colon + 1..].trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Headers, Damage> {
        Headers::read(&mut Lines::new(text.as_bytes())).unwrap()
    }

    #[test]
    fn folded_and_broken_lines_continue_the_field() {
        let headers = read("Subject: one\r\n\ttwo\r\nthree\r\nTo: a@b\r\n\r\n").unwrap();

        assert_eq!(headers.text("subject").unwrap(), "one two three");
        assert_eq!(headers.get("to"), Some("a@b"));
    }

    #[test]
    fn encoded_words_and_raw_bytes_become_text() {
        let headers = read("Subject: =?utf-8?Q?Gr=C3=BC?= =?utf-8?Q?=C3=9Fe?= x\n\n").unwrap();
        let raw = Headers::read(&mut Lines::new(&b"Subject: Gr\xFC\xDFe\n\n"[..]));

        assert_eq!(headers.text("subject").unwrap(), "Grüße x");
        assert_eq!(raw.unwrap().unwrap().text("subject").unwrap(), "Grüße");
    }

    #[test]
    fn a_block_without_its_empty_line_is_damaged() {
        assert_eq!(read("").unwrap_err(), Damage::Empty);
        assert_eq!(read("Subject: x\n").unwrap_err(), Damage::HeaderOnly);
        assert_eq!(read("Subject: x").unwrap_err(), Damage::HeaderOnly);
        assert_eq!(read("PK\x03\x04 zip\n\n").unwrap_err(), Damage::NoHeader);
    }

    #[test]
    fn a_field_of_many_participants_need_not_be_folded() {
        let line = format!("To: {}\n\n", "somebody@contoso.com, ".repeat(5_000));

        let headers = read(&line).unwrap();

        assert!(headers.get("to").unwrap().len() > 100_000);
    }
}
