use std::{borrow::Cow, fmt};

use chatkeep_model::{Body, RecordId, What};

use super::row::ChatRow;
use crate::rooms::companion::is_stored_name;

/// Begins the link that stands for a file (`tblChat.content`).
const FILE_LINK: &str = "ma-filelink:";

impl ChatRow {
    /// What happened, in the model's words.
    pub(super) fn what(&self) -> What {
        match PostedFile::of(&self.content) {
            Some(file) => What::FileUploaded(file.to_string()),
            None => What::Said(self.body()),
        }
    }

    /// The text; beside the client's RTF, where there is any, as two forms of one message. `importance`
    /// marks an alert: renderers compare types without parameters.
    fn body(&self) -> Body {
        let importance = if self.is_alert {
            "; importance=high"
        } else {
            ""
        };
        let rtf = self.rtf.as_deref().filter(|rtf| rtf.starts_with("{\\rtf"));
        let Some(rtf) = rtf else {
            let subtype = if self.content.starts_with("{\\rtf") {
                "rtf"
            } else {
                "plain"
            };
            return Body {
                media_type: format!("text/{subtype}{importance}"),
                text: self.content.clone(),
            };
        };
        // Nobody can write a text that holds its own hash.
        let hash = RecordId::from_bytes(self.content_hash()).to_string();
        let boundary = &hash[..32];
        Body {
            media_type: format!("multipart/alternative; boundary=\"{boundary}\"{importance}"),
            text: format!(
                "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n\
                 --{boundary}\r\nContent-Type: text/rtf; charset=utf-8\r\n\r\n{rtf}\r\n--{boundary}--\r\n",
                self.content
            ),
        }
    }
}

/// A file that a text is a link to, and nothing else.
struct PostedFile<'a> {
    /// A GUID, with or without an extension.
    stored: &'a str,
    /// What the link shows, where that is something else: the file's own name.
    shown: Option<Cow<'a, str>>,
}

impl<'a> PostedFile<'a> {
    /// How a link is made behind its scheme is not documented: the last GUID in it names the stored file.
    fn of(content: &'a str) -> Option<Self> {
        let content = content.trim();
        let (link, shown) = match content.split_once(['"', '\'']) {
            Some((before, behind)) if is_anchor(before) => anchor(behind)?,
            _ => (content, Cow::Borrowed("")),
        };
        let scheme = link.get(..FILE_LINK.len())?;
        let is_more = link.contains(['"', '\'', '<', '>']) || link.contains(char::is_whitespace);
        if !scheme.eq_ignore_ascii_case(FILE_LINK) || is_more {
            return None;
        }
        let words = link.split([':', '/', '\\', '?', '&', '=', '|', ';', ',', '#']);
        let stored = words.rev().find(|word| is_stored_name(word))?;
        let is_name = !shown.is_empty() && shown != link && shown != stored;
        Some(Self {
            stored,
            shown: Some(shown).filter(|_| is_name),
        })
    }
}

impl fmt::Display for PostedFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Some(shown) => write!(f, "{shown}, stored as {}", self.stored),
            None => f.write_str(self.stored),
        }
    }
}

/// The address of an anchor and the text that it shows, from what stands behind `<a href="`. `None` where
/// more than the anchor is there: what was said beside a link must not be lost.
fn anchor(rest: &str) -> Option<(&str, Cow<'_, str>)> {
    let (link, rest) = rest.split_once(['"', '\''])?;
    let (_, text) = rest.split_once('>')?;
    let (text, end) = text.split_once('<')?;
    let text = text.trim();
    let shown = quick_xml::escape::unescape(text).unwrap_or(Cow::Borrowed(text));
    end.eq_ignore_ascii_case("/a>").then_some((link, shown))
}

/// True for `<a href=`, however it is written.
fn is_anchor(text: &str) -> bool {
    let plain: String = text.split_whitespace().collect();
    plain.eq_ignore_ascii_case("<ahref=")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GUID: &str = "0988239a-bb66-4616-90a4-b07771a2097c.txt";

    fn row(content: &str) -> ChatRow {
        ChatRow {
            content: content.to_owned(),
            ..ChatRow::default()
        }
    }

    #[test]
    fn rtf_goes_with_its_text() {
        let formatted = ChatRow {
            rtf: Some("{\\rtf1\\ansi {\\b hello}\\par}".to_owned()),
            ..row("hello")
        };

        let What::Said(body) = formatted.what() else {
            panic!("it was said");
        };

        assert!(
            body.media_type
                .starts_with("multipart/alternative; boundary=")
        );
        assert!(body.text.contains("\r\n\r\nhello\r\n--"));
        assert!(body.text.contains("{\\b hello}"));
    }

    #[test]
    fn alerts_are_marked_and_look_like_other_messages() {
        let alert = ChatRow {
            is_alert: true,
            ..row("fire")
        };

        let What::Said(body) = alert.what() else {
            panic!("it was said");
        };

        assert_eq!(body.media_type, "text/plain; importance=high");
        assert_eq!(body.text, "fire");
    }

    #[test]
    fn links_to_files_are_uploads() {
        let guid = "8f2a7c10-0000-4000-8000-00000000012c";
        let forms = [
            format!("ma-filelink:{GUID}"),
            format!("MA-FileLink://contoso.com/{guid}/{GUID}"),
            format!("<a href=\"ma-filelink://contoso.com/{guid}/{GUID}?x=1\"></a>"),
            format!("<a href=\"ma-filelink:{GUID}\">{GUID}</a>"),
        ];
        for form in forms {
            assert_eq!(
                row(&form).what(),
                What::FileUploaded(GUID.to_owned()),
                "{form}"
            );
        }
        for text in [
            "see ma-filelink:x".to_owned(),
            format!("look: ma-filelink:{GUID}"),
            "ma-filelink:plan.txt".to_owned(),
            format!("ma-filelink:{GUID} look"),
            format!("<a href=\"ma-filelink:{GUID}\">plan</a> look"),
            format!("<a href=\"ma-filelink:{GUID}\">plan</a><a href=\"x\">y</a>"),
            "<a href=\"https://contoso.com\">x</a>".to_owned(),
        ] {
            assert!(matches!(row(&text).what(), What::Said(_)), "{text}");
        }
    }

    #[test]
    fn a_file_has_the_name_that_its_link_shows() {
        let link = format!("<A HREF='ma-filelink://contoso.com/{GUID}'>Plan &amp; price.txt</A>");

        let what = row(&link).what();

        let name = format!("Plan & price.txt, stored as {GUID}");
        assert_eq!(what, What::FileUploaded(name));
    }

    #[test]
    fn stories_and_links_are_kept_as_they_are_written() {
        for text in ["[STORY]a|b|c", "<a href=\"https://contoso.com\">x</a>", ""] {
            assert!(matches!(row(text).what(), What::Said(body) if body.text == text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_kept(content in "\\PC*", rtf in proptest::option::of("\\PC*")) {
            let row = ChatRow { rtf, ..row(&content) };

            match row.what() {
                What::Said(body) => prop_assert!(body.text.contains(&content)),
                What::FileUploaded(name) => {
                    let mut names = name.split(", stored as ");
                    prop_assert!(names.all(|name| content.contains(name)));
                }
                _ => prop_assert!(false),
            }
        }
    }
}
