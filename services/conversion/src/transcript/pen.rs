//! Writes what somebody typed into both alternatives at once: as it is into the text, escaped and with
//! clickable links into the HTML.

use super::link;

/// FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE: what stands between them cannot turn around what
/// stands beside it.
const ISOLATE: char = '\u{2068}';
const POP: char = '\u{2069}';

const PLAIN: u8 = 0;
const MARKUP: u8 = 1;
const COLON: u8 = 2;
const BREAK: u8 = 4;
const CONTROL: u8 = 8;
/// First byte of characters among which are line separators, C1 controls, right-to-left letters or
/// bidirectional controls.
const LEAD: u8 = 16;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [PLAIN; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte {
            0x0A | 0x0B | 0x0D => BREAK,
            0x09 => PLAIN,
            0x00..=0x1F | 0x7F => CONTROL,
            0x22 | 0x26 | 0x3C | 0x3E => MARKUP,
            0x3A => COLON,
            // NEL and C1; Hebrew to N'Ko; Samaritan to Arabic extended; separators and controls;
            // presentation forms; the right-to-left blocks beyond the basic plane.
            0xC2 | 0xD6..=0xE0 | 0xE2 | 0xEF | 0xF0 => LEAD,
            _ => PLAIN,
        };
        byte += 1;
    }
    classes
}

/// Both alternatives of a body, growing side by side.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    /// The `text/plain` alternative, lines ended by CRLF.
    pub(crate) text: String,
    /// The `text/html` alternative.
    pub(crate) html: String,
    /// Continuation lines of the text start with this, so that nobody can type a line that looks like
    /// somebody else's.
    pub(crate) indent: &'static str,
    /// What was written has right-to-left letters or bidirectional controls.
    turns: bool,
}

/// Where words go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Both alternatives, links clickable.
    Both,
    /// Both alternatives, within a link already.
    Anchor,
    /// The text only.
    Text,
}

impl Pen {
    /// A pen with room for this many bytes of text.
    pub(crate) fn with_capacity(text: usize) -> Self {
        Self {
            text: String::with_capacity(text + text / 4),
            html: String::with_capacity(text * 2),
            ..Self::default()
        }
    }

    /// Writes words as they are, controls shown visibly.
    pub(crate) fn words(&mut self, words: &str, to: To) {
        let classes = words
            .bytes()
            .fold(0, |all, byte| all | CLASSES[usize::from(byte)]);
        if classes == PLAIN {
            self.plain(words, to);
        } else {
            self.mixed(words, to);
        }
    }

    /// Ends the line in both alternatives.
    pub(crate) fn break_line(&mut self, to: To) {
        self.text.push_str("\r\n");
        self.text.push_str(self.indent);
        if to != To::Text {
            self.html.push_str("<br>");
        }
    }

    /// Ends what began in the text at `start`: when it can turn around, each of its lines is isolated.
    pub(crate) fn isolate_from(&mut self, start: usize) {
        if !std::mem::take(&mut self.turns) {
            return;
        }
        let tail = self.text.split_off(start);
        for (index, line) in tail.split("\r\n").enumerate() {
            let line = if index == 0 {
                line
            } else {
                self.text.push_str("\r\n");
                self.text.push_str(self.indent);
                line.get(self.indent.len()..).unwrap_or_default()
            };
            if !line.is_empty() {
                self.text.push(ISOLATE);
                self.text.push_str(line);
                self.text.push(POP);
            }
        }
    }

    fn plain(&mut self, words: &str, to: To) {
        self.text.push_str(words);
        if to != To::Text {
            self.html.push_str(words);
        }
    }

    fn mixed(&mut self, words: &str, to: To) {
        let bytes = words.as_bytes();
        let (mut done, mut at) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            match CLASSES[usize::from(byte)] {
                PLAIN => at += 1,
                COLON => {
                    let found = (to == To::Both).then(|| link::around(&words[done..], at - done));
                    at += 1;
                    if let Some(found) = found.flatten() {
                        self.plain(&words[done..done + found.start], to);
                        self.link(&words[done + found.start..done + found.end]);
                        at = done + found.end;
                        done = at;
                    }
                }
                LEAD => {
                    let letter = words[at..].chars().next().unwrap_or_default();
                    let next = at + letter.len_utf8().max(1);
                    if is_separator(letter) || is_c1(letter) {
                        self.plain(&words[done..at], to);
                        self.invisible(letter, to);
                        done = next;
                    }
                    self.turns |= turns(letter);
                    at = next;
                }
                _ => {
                    self.plain(&words[done..at], to);
                    at += self.special(byte, bytes.get(at + 1).copied(), to);
                    done = at;
                }
            }
        }
        self.plain(&words[done..], to);
    }

    /// Writes one byte that is not plain; returns how many bytes it took.
    fn special(&mut self, byte: u8, next: Option<u8>, to: To) -> usize {
        match byte {
            b'\r' if next == Some(b'\n') => {
                self.break_line(to);
                return 2;
            }
            b'\r' | b'\n' | 0x0B => self.break_line(to),
            b'&' | b'<' | b'>' | b'"' => {
                self.text.push(char::from(byte));
                if to != To::Text {
                    self.html.push_str(entity(byte));
                }
            }
            control => {
                let picture = picture(control);
                self.text.push(picture);
                if to != To::Text {
                    self.html.push(picture);
                }
            }
        }
        1
    }

    fn invisible(&mut self, letter: char, to: To) {
        if is_separator(letter) {
            self.break_line(to);
        } else {
            let shown = format!("[U+{:04X}]", u32::from(letter));
            self.plain(&shown, to);
        }
    }

    fn link(&mut self, url: &str) {
        self.text.push_str(url);
        self.html.push_str("<a href=\"");
        escape(url, &mut self.html);
        self.html.push_str("\">");
        escape(url, &mut self.html);
        self.html.push_str("</a>");
    }
}

/// Escapes markup characters.
pub(crate) fn escape(text: &str, html: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if CLASSES[usize::from(byte)] == MARKUP {
            html.push_str(&text[done..at]);
            html.push_str(entity(byte));
            done = at + 1;
        }
    }
    html.push_str(&text[done..]);
}

fn entity(byte: u8) -> &'static str {
    match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        _ => "&quot;",
    }
}

/// The picture of a control character, e.g. `␀` of NUL.
pub(crate) fn picture(control: u8) -> char {
    match control {
        0x7F => '\u{2421}',
        _ => char::from_u32(0x2400 + u32::from(control)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_c1(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{84}' | '\u{86}'..='\u{9F}')
}

fn turns(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8FF}'
            | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
            | '\u{FB1D}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFF}'
            | '\u{10800}'..='\u{10FFF}'
            | '\u{1E800}'..='\u{1EFFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(words: &str) -> (String, String) {
        let mut pen = Pen {
            indent: "    ",
            ..Pen::default()
        };
        pen.words(words, To::Both);
        pen.isolate_from(0);
        (pen.text, pen.html)
    }

    #[test]
    fn markup_is_escaped_in_html_only() {
        let (text, html) = written("a < b & \"c\"");

        assert_eq!(text, "a < b & \"c\"");
        assert_eq!(html, "a &lt; b &amp; &quot;c&quot;");
    }

    #[test]
    fn controls_are_shown_and_lines_are_indented() {
        let (text, html) = written("a\0b\x1B\u{9D}c\r\nd\re\u{2028}f");

        assert_eq!(text, "a␀b␛[U+009D]c\r\n    d\r\n    e\r\n    f");
        assert_eq!(html, "a␀b␛[U+009D]c<br>d<br>e<br>f");
    }

    #[test]
    fn web_and_mail_addresses_become_links_and_nothing_else() {
        let (text, html) = written("see https://x.test/?a=1&b=2. or javascript:alert(1)");

        assert_eq!(text, "see https://x.test/?a=1&b=2. or javascript:alert(1)");
        assert_eq!(
            html,
            "see <a href=\"https://x.test/?a=1&amp;b=2\">https://x.test/?a=1&amp;b=2</a>. \
             or javascript:alert(1)"
        );
    }

    #[test]
    fn lines_that_can_turn_around_are_isolated() {
        let (text, html) = written("שלום\nab");

        assert_eq!(text, "\u{2068}שלום\u{2069}\r\n    \u{2068}ab\u{2069}");
        assert_eq!(html, "שלום<br>ab");
    }

    #[test]
    fn emoji_and_other_letters_stay_as_they_are() {
        let words = "👩‍👩‍👧 naïve “ok” € żółw 日本語 привет \u{A0}x";

        assert_eq!(written(words), (words.to_owned(), words.to_owned()));
    }
}
