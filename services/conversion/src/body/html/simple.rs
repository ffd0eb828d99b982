//! The HTML that chat clients write, made safe without a tree.
//!
//! Most bodies are a few harmless elements, properly nested. The parser has nothing to repair there, so
//! what the sanitizer gives back follows from the source one tag at a time. What is recognised here is
//! written as the sanitizer would write it, byte for byte; everything else is left to it. The rules meant
//! are <https://html.spec.whatwg.org/multipage/parsing.html>, "in body", within a `div`.

use memchr::memchr;

use super::{URL_SCHEMES, allowed, attribute, cost};

/// More elements one in the other are left to the sanitizer.
const DEEPEST: usize = 32;
/// More attributes of one tag are left to the sanitizer.
const MOST_ATTRIBUTES: usize = 8;
/// Longer tags, and longer texts between tags, are left to the sanitizer: it may find them too costly.
const LONGEST_PIECE: usize = cost::SHORT / 2;

/// Character references that people need, and what the sanitizer writes for them.
const REFERENCES: [(&str, &str); 7] = [
    ("&amp;", "&amp;"),
    ("&lt;", "&lt;"),
    ("&gt;", "&gt;"),
    ("&nbsp;", "&nbsp;"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&apos;", "'"),
];

/// What the parser does with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Stands where it is written.
    Phrase,
    /// Ends another link.
    Link,
    /// Ends a paragraph.
    Block,
    /// Ends a paragraph, and is ended by blocks.
    Paragraph,
    /// Has no content and no end tag.
    Void,
    /// `html` and `body`, which the `div` around them makes meaningless.
    Root,
}

/// Appends what the sanitizer makes of `source`. False where that is not known here: then nothing was
/// appended.
pub(super) fn write(source: &str, html: &mut String) -> bool {
    let start = html.len();
    html.reserve(source.len() + source.len() / 16);
    let mut reader = Reader {
        rest: source,
        html,
        open: [("", Kind::Void); DEEPEST],
        depth: 0,
        roots: 0,
    };
    let is_known = reader.all().is_some();
    if !is_known {
        html.truncate(start);
    }
    is_known
}

/// `None` from any of its methods: only the sanitizer knows.
struct Reader<'s, 'h> {
    rest: &'s str,
    html: &'h mut String,
    open: [(&'static str, Kind); DEEPEST],
    depth: usize,
    roots: usize,
}

impl<'s> Reader<'s, '_> {
    fn all(&mut self) -> Option<()> {
        // The parser takes a byte order mark away.
        if self.rest.starts_with('\u{FEFF}') {
            return None;
        }
        loop {
            let length = memchr(b'<', self.rest.as_bytes()).unwrap_or(self.rest.len());
            let (text, tag) = self.rest.split_at(length);
            self.text(text)?;
            if tag.is_empty() {
                return (self.depth == 0).then_some(());
            }
            self.rest = tag;
            self.tag()?;
            if tag.len() - self.rest.len() > LONGEST_PIECE {
                return None;
            }
        }
    }

    fn text(&mut self, text: &str) -> Option<()> {
        if text.len() > LONGEST_PIECE {
            return None;
        }
        // One pass without branches: most texts have nothing special.
        let has_special = text
            .bytes()
            .fold(false, |found, byte| found | is_special(byte));
        if !has_special {
            self.html.push_str(text);
            return Some(());
        }
        let mut rest = text;
        while let Some(at) = rest.bytes().position(is_special) {
            self.html.push_str(&rest[..at]);
            rest = &rest[at..];
            let (length, written) = special(rest)?;
            self.html.push_str(written);
            rest = &rest[length..];
        }
        self.html.push_str(rest);
        Some(())
    }

    fn tag(&mut self) -> Option<()> {
        self.skip("<")?;
        let is_end = self.skip("/").is_some();
        let (name, kind) = element(self.word())?;
        if is_end {
            self.end(name, kind)
        } else {
            self.start(name, kind)
        }
    }

    fn start(&mut self, name: &'static str, kind: Kind) -> Option<()> {
        let is_open = |kind| {
            let mut open = self.open[..self.depth].iter();
            open.any(|(_, open)| *open == kind)
        };
        let stands = match kind {
            Kind::Phrase | Kind::Void => true,
            Kind::Link => !is_open(Kind::Link),
            Kind::Block | Kind::Paragraph => !is_open(Kind::Paragraph),
            Kind::Root => self.depth == 0 && self.roots < 2,
        };
        if !stands {
            return None;
        }
        let before = self.html.len();
        self.html.push('<');
        self.html.push_str(name);
        self.attributes(name)?;
        if kind == Kind::Void {
            self.skip("/");
        }
        self.skip(">")?;
        self.html.push('>');
        match kind {
            Kind::Void => {}
            Kind::Root => {
                self.roots += 1;
                self.html.truncate(before);
            }
            _ => {
                *self.open.get_mut(self.depth)? = (name, kind);
                self.depth += 1;
            }
        }
        Some(())
    }

    fn end(&mut self, name: &'static str, kind: Kind) -> Option<()> {
        self.spaces();
        self.skip(">")?;
        if kind == Kind::Root {
            return (self.depth == 0).then_some(());
        }
        self.depth = self.depth.checked_sub(1)?;
        if self.open[self.depth].0 != name {
            return None;
        }
        for piece in ["</", name, ">"] {
            self.html.push_str(piece);
        }
        Some(())
    }

    /// Writes the attributes that stay, up to the end of the tag.
    fn attributes(&mut self, element: &str) -> Option<()> {
        let mut names = [""; MOST_ATTRIBUTES];
        let (mut kept, mut dropped) = (0, 0);
        for count in 0..=MOST_ATTRIBUTES {
            let is_apart = self.spaces();
            if self.rest.starts_with(['>', '/']) {
                // Dropping one of several, the sanitizer changes the order of the others.
                return (kept == 0 || dropped == 0).then_some(());
            }
            let name = self.word();
            let is_known = names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if !is_apart || is_known {
                return None;
            }
            *names.get_mut(count)? = name;
            self.skip("=")?;
            let value = self.value()?;
            let Some(name) = allowed(element, name) else {
                continue;
            };
            if name == "href" && !is_plain_url(value) {
                return None;
            }
            match attribute(element, name, value) {
                Some(value) => {
                    kept += 1;
                    for piece in [" ", name, "=\"", &value, "\""] {
                        self.html.push_str(piece);
                    }
                }
                None => dropped += 1,
            }
        }
        None
    }

    /// Takes an attribute's value, in which nothing needs to be unescaped or escaped.
    fn value(&mut self) -> Option<&'s str> {
        let quote = *self.rest.as_bytes().first()?;
        let (value, rest) = if quote == b'"' || quote == b'\'' {
            let end = memchr(quote, &self.rest.as_bytes()[1..])?;
            (&self.rest[1..=end], &self.rest[end + 2..])
        } else {
            let is_end = |byte| matches!(byte, b'>' | b' ' | b'\t' | b'\r' | b'\n');
            self.rest.split_at(self.rest.bytes().position(is_end)?)
        };
        let is_plain = |byte: u8| !is_special(byte) && byte != b'"' && byte != b'<';
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"#%+-._".contains(&byte);
        let holds = if rest.len() + value.len() == self.rest.len() {
            !value.is_empty() && value.bytes().all(is_bare)
        } else {
            value.bytes().all(is_plain)
        };
        self.rest = rest;
        holds.then_some(value)
    }

    fn word(&mut self) -> &'s str {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let end = self.rest.bytes().position(|byte| !is_letter(byte));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    /// Skips white space; true where there was any.
    fn spaces(&mut self) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let had_any = rest.len() < self.rest.len();
        self.rest = rest;
        had_any
    }

    fn skip(&mut self, piece: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(piece)?;
        Some(())
    }
}

/// Bytes in a text that may not stay as they are.
fn is_special(byte: u8) -> bool {
    // Of what begins with 0xC2 it is the no-break space.
    (byte < 0x20 && byte != b'\t') || matches!(byte, b'&' | b'>' | 0x7F | 0xC2)
}

/// What is written for the special character that `text` starts with, and how many bytes it took.
fn special(text: &str) -> Option<(usize, &str)> {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => Some((2, "\r\n")),
        [b'\r' | b'\n', ..] => Some((1, "\r\n")),
        [b'>', ..] => Some((1, "&gt;")),
        [b'&', b' ', ..] => Some((1, "&amp;")),
        [b'&', ..] => {
            let mut known = REFERENCES.iter();
            let (reference, written) = known.find(|(known, _)| text.starts_with(known))?;
            Some((reference.len(), *written))
        }
        [0xC2, 0xA0, ..] => Some((2, "&nbsp;")),
        [0xC2, ..] => Some((2, &text[..2])),
        _ => None,
    }
}

/// A link that stays as it is, if it may stay at all.
fn is_plain_url(url: &str) -> bool {
    ammonia::Url::parse(url).is_ok_and(|url| URL_SCHEMES.contains(&url.scheme()))
}

/// The elements recognised here, by their name in any case.
fn element(name: &str) -> Option<(&'static str, Kind)> {
    let mut lower = [0; 10];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    let element = match &*lower {
        b"a" => ("a", Kind::Link),
        b"b" => ("b", Kind::Phrase),
        b"i" => ("i", Kind::Phrase),
        b"p" => ("p", Kind::Paragraph),
        b"s" => ("s", Kind::Phrase),
        b"u" => ("u", Kind::Phrase),
        b"br" => ("br", Kind::Void),
        b"em" => ("em", Kind::Phrase),
        b"tt" => ("tt", Kind::Phrase),
        b"big" => ("big", Kind::Phrase),
        b"div" => ("div", Kind::Block),
        b"sub" => ("sub", Kind::Phrase),
        b"sup" => ("sup", Kind::Phrase),
        b"body" => ("body", Kind::Root),
        b"code" => ("code", Kind::Phrase),
        b"font" => ("font", Kind::Phrase),
        b"html" => ("html", Kind::Root),
        b"span" => ("span", Kind::Phrase),
        b"small" => ("small", Kind::Phrase),
        b"center" => ("center", Kind::Block),
        b"strike" => ("strike", Kind::Phrase),
        b"strong" => ("strong", Kind::Phrase),
        b"blockquote" => ("blockquote", Kind::Block),
        _ => return None,
    };
    Some(element)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Sanitizer;

    /// Checks that what is written is what the sanitizer writes; `None` where nothing is.
    fn written(source: &str, sanitizer: &Sanitizer) -> Option<String> {
        let (mut html, mut parsed) = ("before".to_owned(), "before".to_owned());
        let is_known = write(source, &mut html);
        assert_eq!(sanitizer.write_parsed(source, None, &mut parsed), None);
        assert_eq!(html, if is_known { &parsed } else { "before" }, "{source}");
        is_known.then_some(parsed)
    }

    #[test]
    fn what_clients_write_needs_no_tree() {
        let sanitizer = Sanitizer::new();
        for source in [
            "",
            "words & more",
            "a\r\nb\nc\rd",
            "<DIV style=\"font-size: 10pt; font-family: Segoe UI; color: #000000\"><SPAN>a &amp; b</SPAN></DIV>",
            "<html><body>\r\n<div><b>ann@a.test</b> 10:00:00<br>1 &lt; 2 > 1 &quot;\u{A0}é&nbsp;&apos;</div>\r\n</body></html>\r\n",
            "<DIV id=Normalcontent><DIV class='c' id=imcontent><font face=Arial size=2 color=#ff0000>x</font></DIV></DIV>",
            "<p dir=rtl>שלום</p><p title=\"é\">b<br/>c<br />d</p\n><blockquote>e</blockquote>",
            "see <a href=\"https://x.test/a?b=1\" target=_blank>here</a> <a href='mailto:a@b.test'>there</a>",
            "<span style='display:none'>hidden</span><span onclick='x()'>no script</span>",
            "<b><b><b><b>four</b></b></b></b><i><u><s>three</s></u></i>",
        ] {
            assert!(written(source, &sanitizer).is_some(), "{source}");
        }
    }

    #[test]
    fn what_the_parser_repairs_is_left_to_it() {
        let sanitizer = Sanitizer::new();
        for source in [
            "\u{FEFF}a",
            "a\0b",
            "a\x1Bb",
            "&eacute;",
            "a &b",
            "a &",
            "a <b",
            "a < b",
            "<b>a",
            "a</b>",
            "<b><i>a</b></i>",
            "<p>a<p>b</p></p>",
            "<p><div>a</div></p>",
            "<a href=x>a<a href=y>b</a></a>",
            "<div/>a",
            "</br>",
            "<b-x>a</b-x>",
            "<b:x>a</b:x>",
            "<div><body></div>",
            "<script>a</script>",
            "<img src=http://x.test/p.png>",
            "<a href=\"java&#115;cript:x\">a</a>",
            "<a href=\"javascript:x\">a</a>",
            "<a href=\"//x.test\">a</a>",
            "<p title=\"a<b\">c</p>",
            "<p title=\"a\"dir=rtl>c</p>",
            "<p title=a title=b>c</p>",
            "<p title='\"'>c</p>",
            "<p style=\"position:fixed\" dir=rtl>order</p>",
            "<p hidden>a</p>",
            "<!-- a --><b>a</b>",
        ] {
            assert_eq!(written(source, &sanitizer), None, "{source}");
        }
    }

    #[test]
    fn every_element_in_every_other_is_what_the_sanitizer_makes_of_it() {
        let sanitizer = Sanitizer::new();
        let names = [
            "a",
            "b",
            "i",
            "p",
            "s",
            "u",
            "br",
            "em",
            "tt",
            "big",
            "div",
            "sub",
            "sup",
            "body",
            "code",
            "font",
            "html",
            "span",
            "small",
            "center",
            "strike",
            "strong",
            "blockquote",
        ];
        let alone = names.map(|name| format!("<{name} lang=de>x</{name}>"));
        assert!(
            alone
                .iter()
                .all(|one| written(one, &sanitizer).is_some() != one.contains("<br"))
        );
        for (outer, inner) in names
            .iter()
            .flat_map(|outer| names.map(|inner| (outer, inner)))
        {
            for source in [
                format!("a<{outer}>b<{inner} dir=rtl>c</{inner}>d</{outer}>e"),
                format!("a<{outer}>b<{inner}>c</{outer}>d</{inner}>e"),
                format!(
                    "<{outer}>a</{outer}>\n<{inner}>b<{outer}>c</{outer}><{inner}>d</{inner}></{inner}>"
                ),
            ] {
                written(&source, &sanitizer);
            }
        }
    }

    #[test]
    fn what_may_cost_too_much_is_left_to_the_sanitizer() {
        let sanitizer = Sanitizer::new();
        let nested = |depth: usize| format!("{}a{}", "<i>".repeat(depth), "</i>".repeat(depth));

        assert!(written(&nested(DEEPEST), &sanitizer).is_some());
        assert_eq!(written(&nested(DEEPEST + 1), &sanitizer), None);
        assert!(written(&"a &amp;<br>".repeat(10_000), &sanitizer).is_some());
        assert_eq!(written(&"a &amp;".repeat(10_000), &sanitizer), None);
        assert_eq!(
            written(
                &format!("<p title=\"{}\">a</p>", "a".repeat(5_000)),
                &sanitizer
            ),
            None
        );
    }
}
