//! Makes HTML safe: no script, no remote content, nothing that hides or moves.

mod simple;

use std::{borrow::Cow, collections::HashSet, fmt};

use super::{Kept, cost, html_text, style};
use crate::transcript::{
    link,
    pen::{self, Pen, To},
};

/// Larger HTML is not parsed: its tree would take twenty times as much memory.
const LARGEST: usize = 8 << 20;
/// Longer attribute values are dropped; what a reader sees is never in them.
const LONGEST_ATTRIBUTE: usize = 4_000;

const TAGS: [&str; 53] = [
    "a",
    "abbr",
    "address",
    "article",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "u",
];
const MORE_TAGS: [&str; 6] = ["tfoot", "th", "thead", "tr", "tt", "ul"];

/// Attributes that any element may have.
const ATTRIBUTES: [&str; 7] = [
    "align", "bgcolor", "dir", "lang", "style", "title", "valign",
];
/// Attributes that these elements may have besides.
const OWN_ATTRIBUTES: [(&str, &[&str]); 7] = [
    ("a", &["href"]),
    ("img", &["alt", "height", "src", "width"]),
    ("font", &["color", "face", "size"]),
    ("td", &["colspan", "rowspan", "width"]),
    ("th", &["colspan", "rowspan", "width"]),
    ("table", &["border", "cellpadding", "cellspacing", "width"]),
    ("ol", &["start"]),
];
const URL_SCHEMES: [&str; 4] = ["data", "http", "https", "mailto"];

/// Makes HTML safe by an allow list. Expensive to build, cheap to use.
pub struct Sanitizer {
    rules: ammonia::Builder<'static>,
}

impl fmt::Debug for Sanitizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sanitizer").finish_non_exhaustive()
    }
}

impl Default for Sanitizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Sanitizer {
    /// Builds the rules.
    pub fn new() -> Self {
        let mut rules = ammonia::Builder::empty();
        rules
            .tags(TAGS.into_iter().chain(MORE_TAGS).collect())
            .clean_content_tags(HashSet::from(["script", "style", "title"]))
            .generic_attributes(ATTRIBUTES.into())
            .url_schemes(URL_SCHEMES.into())
            .url_relative(ammonia::UrlRelative::Deny)
            .link_rel(None)
            .attribute_filter(attribute);
        for (element, attributes) in OWN_ATTRIBUTES {
            rules.add_tag_attributes(element, attributes);
        }
        Self { rules }
    }

    /// The sanitizer alone, for the yardstick of benches.
    pub(crate) fn clean(&self, source: &str) -> String {
        self.rules.clean(source).to_string()
    }

    /// Appends safe HTML. What costs too much is written as its text, and returned
    /// to be attached. `number` is the chat message's, `None` for a whole transcript.
    pub(crate) fn write(
        &self,
        source: &str,
        number: Option<usize>,
        html: &mut String,
    ) -> Option<Kept> {
        if source.len() <= LARGEST && simple::write(source, html) {
            return None;
        }
        self.write_parsed(source, number, html)
    }

    /// The same for any HTML.
    pub(crate) fn write_parsed(
        &self,
        source: &str,
        number: Option<usize>,
        html: &mut String,
    ) -> Option<Kept> {
        if source.len() > LARGEST || cost::is_too_costly(source) {
            return Some(as_text(source, number, html));
        }
        push_visible(&self.clean(source), html);
        None
    }
}

/// Shows the text only, for HTML that costs too much to parse. The source is attached.
fn as_text(source: &str, number: Option<usize>, html: &mut String) -> Kept {
    let mut text = Pen::default();
    html_text::write(source, &mut text);
    let mut pen = Pen::default();
    pen.words(&text.text, To::Both);
    html.push_str(&pen.html);
    let name = number.map_or_else(
        || "transcript.html.txt".to_owned(),
        |number| format!("message-{number:04}.html.txt"),
    );
    Kept {
        name,
        media_type: "application/octet-stream".to_owned(),
        bytes: source.as_bytes().to_vec(),
    }
}

/// Line ends become CRLF and controls visible; the parser has replaced NUL already.
fn push_visible(clean: &str, html: &mut String) {
    html.reserve(clean.len() + clean.len() / 16);
    for (index, line) in clean.split('\n').enumerate() {
        if index > 0 {
            html.push_str("\r\n");
        }
        let is_control = |byte: u8| (byte < 0x20 && byte != b'\t') || byte == 0x7F;
        // One pass without branches: nearly every line is without controls.
        if !line
            .bytes()
            .fold(false, |found, byte| found | is_control(byte))
        {
            html.push_str(line);
            continue;
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        for letter in line.chars() {
            match u8::try_from(letter) {
                Ok(b'\r') => html.push_str("\r\n"),
                Ok(control) if is_control(control) => html.push(pen::picture(control)),
                _ => html.push(letter),
            }
        }
    }
}

/// An attribute's name in lower case, if the allow list has it.
fn allowed(element: &str, name: &str) -> Option<&'static str> {
    let own = OWN_ATTRIBUTES.iter().find(|(owner, _)| *owner == element);
    let own = own.map_or(&[][..], |(_, attributes)| attributes);
    let mut all = ATTRIBUTES.iter().chain(own);
    all.find(|known| known.eq_ignore_ascii_case(name)).copied()
}

/// The attributes that stay, after the allow list.
fn attribute<'v>(element: &str, name: &str, value: &'v str) -> Option<Cow<'v, str>> {
    if element == "img" && name == "src" {
        return is_picture(value).then_some(Cow::Borrowed(value));
    }
    if value.len() > LONGEST_ATTRIBUTE {
        return None;
    }
    match name {
        "style" => style::filter(value).map(Cow::Owned),
        "href" => link::is_safe(value.trim()).then_some(Cow::Borrowed(value)),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// A picture that lies in the document itself.
fn is_picture(source: &str) -> bool {
    let kinds = ["png", "gif", "jpeg", "jpg", "bmp"];
    let starts = |kind: &&str| source.starts_with(&format!("data:image/{kind};base64,"));
    kinds.iter().any(starts)
        && source
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=:;,".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(source: &str) -> String {
        let mut html = String::new();
        Sanitizer::new().write(source, None, &mut html);
        html
    }

    #[test]
    fn scripts_handlers_and_remote_content_go() {
        let source = "<p onclick=x()>a<script>alert(1)</script><img src=http://x.test/p.png alt=':)'>\
                      <iframe src=//x></iframe><a href='javascript:x'>b</a><style>p{}</style>\
                      <link rel=stylesheet href=x><svg><set onbegin=x></svg>";

        assert_eq!(cleaned(source), "<p>a<img alt=\":)\"><a>b</a></p>");
    }

    #[test]
    fn what_a_transcript_looks_like_stays() {
        let source = "<div style=\"color:red;position:fixed\"><b>Ann</b> <font color=\"#00f\">hi</font>\n\
                      <a href=\"https://x.test/?a=1&amp;b\">link</a> \
                      <img src=\"data:image/gif;base64,R0lGODlh\"></div>";

        assert_eq!(
            cleaned(source),
            "<div style=\"color:red\"><b>Ann</b> <font color=\"#00f\">hi</font>\r\n\
             <a href=\"https://x.test/?a=1&amp;b\">link</a> \
             <img src=\"data:image/gif;base64,R0lGODlh\"></div>"
        );
    }

    #[test]
    fn what_is_too_deep_is_shown_as_text_and_kept() {
        let source = format!("{}1 &lt; 2 <b>deep</b>", "<div>".repeat(1_000));
        let mut html = String::new();

        let kept = Sanitizer::new().write(&source, Some(7), &mut html).unwrap();

        assert_eq!(kept.name, "message-0007.html.txt");
        assert_eq!(kept.bytes, source.as_bytes());
        assert!(html == "1 &lt; 2 deep");
    }
}
