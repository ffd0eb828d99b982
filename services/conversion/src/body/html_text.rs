//! The text of HTML that was made safe before.

use memchr::{memchr, memchr2_iter};

use crate::transcript::{
    link,
    pen::{Pen, To},
};

/// Writes the text of safe HTML, as the sanitizer writes it, into the pen's text.
pub(crate) fn write(html: &str, pen: &mut Pen) {
    let mut reader = Reader {
        start: pen.text.len(),
        pen,
        space: false,
        line_break: false,
        preformatted: 0,
        anchor: None,
    };
    let mut rest = html;
    while let Some(at) = memchr(b'<', rest.as_bytes()) {
        reader.text(&rest[..at]);
        let end = tag_end(&rest[at..]);
        reader.tag(&rest[at..at + end]);
        rest = &rest[at + end..];
    }
    reader.text(rest);
}

/// Length of the tag that `html` starts with.
pub(crate) fn tag_end(html: &str) -> usize {
    let mut quoted = false;
    for at in memchr2_iter(b'"', b'>', html.as_bytes()) {
        match html.as_bytes()[at] {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            _ => return at + 1,
        }
    }
    html.len()
}

/// A tag's name, without the slash of an end tag.
pub(crate) fn tag_name(tag: &str) -> &str {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric());
    &name[..end.unwrap_or(name.len())]
}

struct Reader<'p> {
    pen: &'p mut Pen,
    start: usize,
    space: bool,
    line_break: bool,
    preformatted: u32,
    /// Where the text of an open link starts, and its target.
    anchor: Option<(usize, String)>,
}

impl Reader<'_> {
    fn text(&mut self, escaped: &str) {
        if escaped.is_empty() {
            return;
        }
        if self.preformatted > 0 {
            self.begin();
            self.pen.words(&unescaped(escaped), To::Text);
            return;
        }
        let trimmed = trimmed(escaped);
        if trimmed.is_empty() {
            self.space = true;
            return;
        }
        self.space |= escaped.starts_with(is_space);
        self.begin();
        if collapses(trimmed) {
            let words: Vec<_> = trimmed
                .split(is_space)
                .filter(|word| !word.is_empty())
                .collect();
            self.pen.words(&unescaped(&words.join(" ")), To::Text);
        } else {
            self.pen.words(&unescaped(trimmed), To::Text);
        }
        self.space = escaped.ends_with(is_space);
    }

    /// Writes the line break or space that waits for a word behind it.
    fn begin(&mut self) {
        if std::mem::take(&mut self.line_break) && self.pen.text.len() > self.start {
            self.pen.break_line(To::Text);
            self.space = false;
        }
        let is_line_start = self.pen.text.len() == self.start || self.pen.text.ends_with('\n');
        if std::mem::take(&mut self.space) && !is_line_start {
            self.pen.text.push(' ');
        }
    }

    fn tag(&mut self, tag: &str) {
        let is_end = tag.starts_with("</");
        match tag_name(tag) {
            "br" => {
                self.begin();
                self.pen.break_line(To::Text);
            }
            "img" => self.text(&attribute(tag, "alt")),
            "td" | "th" if !is_end => self.cell(),
            "a" if is_end => self.end_anchor(),
            "a" => {
                self.begin();
                let target = unescaped(&attribute(tag, "href")).into_owned();
                self.anchor = Some((self.pen.text.len(), target));
            }
            "pre" => {
                self.line_break = true;
                let depth = self.preformatted;
                self.preformatted = if is_end {
                    depth.saturating_sub(1)
                } else {
                    depth + 1
                };
            }
            name => self.line_break |= is_block(name),
        }
    }

    fn cell(&mut self) {
        if self.pen.text.len() > self.start && !self.line_break {
            self.pen.text.push('\t');
            self.space = false;
        }
    }

    /// Writes the target behind a link whose text does not show it.
    fn end_anchor(&mut self) {
        let Some((start, target)) = self.anchor.take() else {
            return;
        };
        let shown = self.pen.text.get(start..).unwrap_or_default().trim();
        let bare = |url: &str| {
            url.trim_start_matches("mailto:")
                .trim_end_matches('/')
                .to_owned()
        };
        if link::is_safe(&target) && bare(shown) != bare(&target) {
            self.pen.words(" <", To::Text);
            self.pen.words(&target, To::Text);
            self.pen.words(">", To::Text);
        }
    }
}

/// Elements that begin and end a line.
fn is_block(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        [b'h', b'1'..=b'6']
            | b"dd"
            | b"dl"
            | b"dt"
            | b"hr"
            | b"li"
            | b"ol"
            | b"p"
            | b"tr"
            | b"ul"
            | b"div"
            | b"table"
            | b"tbody"
            | b"tfoot"
            | b"thead"
            | b"caption"
            | b"center"
            | b"address"
            | b"article"
            | b"blockquote"
            | b"details"
            | b"section"
            | b"summary"
    )
}

fn trimmed(text: &str) -> &str {
    let is_word = |byte: &u8| !is_space(char::from(*byte));
    let bytes = text.as_bytes();
    let start = bytes.iter().position(is_word).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(is_word).map_or(start, |at| at + 1);
    &text[start..end]
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n' | '\x0C')
}

/// White space other than single spaces, in a text without any around it.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a pass without branches, which the compiler vectorises"
)]
fn collapses(text: &str) -> bool {
    let pairs = text.bytes().zip(text.bytes().skip(1));
    // One pass without branches: nearly every text is as it should be. It neither begins nor ends with
    // white space.
    pairs.fold(false, |found, (one, next)| {
        found | (one < b' ') | ((one == b' ') & (next == b' '))
    })
}

fn attribute(tag: &str, name: &str) -> String {
    let start = format!(" {name}=\"");
    let value = tag.split_once(&start).map(|(_, value)| value);
    let value = value.and_then(|value| value.split_once('"'));
    value.map(|(value, _)| value.to_owned()).unwrap_or_default()
}

/// Decodes the entities the sanitizer writes.
fn unescaped(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    let entities = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&nbsp;", "\u{A0}"),
    ];
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = entities.iter().find(|(entity, _)| rest.starts_with(entity));
        let (entity, letter) = known.copied().unwrap_or(("&", "&"));
        plain.push_str(letter);
        rest = &rest[entity.len()..];
    }
    plain.push_str(rest);
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(html: &str) -> String {
        let mut pen = Pen::default();
        write(html, &mut pen);
        pen.text
    }

    #[test]
    fn blocks_become_lines_and_white_space_collapses() {
        let html = "<div><b>Ann</b>\r\n  hi &amp; <i>bye</i></div><p>a<br>b</p><ul><li>x</li></ul>";

        assert_eq!(text_of(html), "Ann hi & bye\r\na\r\nb\r\nx");
    }

    #[test]
    fn rows_become_lines_with_tabs() {
        let html = "<table><tbody><tr><td>9:00</td><td>Ann</td></tr><tr><td>9:01</td><td></td></tr></tbody></table>";

        assert_eq!(text_of(html), "9:00\tAnn\r\n9:01\t");
    }

    #[test]
    fn targets_stand_behind_links_that_do_not_show_them() {
        let html = "<a href=\"https://x.test/?a&amp;b\">here</a> <a href=\"http://y.test/\">http://y.test</a>";

        assert_eq!(text_of(html), "here <https://x.test/?a&b> http://y.test");
    }

    #[test]
    fn pictures_are_their_alternative_text() {
        assert_eq!(text_of("ok <img alt=\":)\" title=\"a>b\">!"), "ok :)!");
    }
}
