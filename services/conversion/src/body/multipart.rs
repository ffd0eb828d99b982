//! `multipart/alternative` bodies: the best part is shown.

use chatkeep_model::Body;
use mail_parser::{MessageParser, MimeHeaders as _, PartType};

use super::{Kept, Sanitizer};
use crate::transcript::pen::{Pen, To};

/// Shows the best part: HTML, then RTF, then plain text. Without any of them the body is kept.
pub(super) fn write(
    body: &Body,
    number: usize,
    sanitizer: &Sanitizer,
    pen: &mut Pen,
) -> Option<Kept> {
    if let Some(best) = best(body) {
        return super::write(&best, number, sanitizer, pen);
    }
    pen.words("[content of type multipart/alternative]", To::Both);
    let bytes = body.text.as_bytes().to_vec();
    Some(Kept::new(number, "bin", "application/octet-stream", bytes))
}

fn best(body: &Body) -> Option<Body> {
    let media_type = body.media_type.replace(['\r', '\n'], " ");
    let source = format!("Content-Type: {media_type}\r\n\r\n{}", body.text);
    let message = MessageParser::default().parse(&source)?;
    let parts = message.parts.iter().filter_map(|part| {
        let content_type = part.content_type()?;
        let subtype = content_type
            .subtype()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let rank = match subtype.as_str() {
            "html" => 3,
            "rtf" => 2,
            "plain" => 1,
            _ => return None,
        };
        let text = match &part.body {
            PartType::Text(text) | PartType::Html(text) => text.to_string(),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => return None,
        };
        let media_type = format!("text/{subtype}");
        Some((rank, Body { media_type, text }))
    });
    parts.max_by_key(|(rank, _)| *rank).map(|(_, body)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_richest_part_is_shown() {
        let body = Body {
            media_type: "multipart/alternative; boundary=\"b\"".to_owned(),
            text: "--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\n\
                   Content-Type: text/html; charset=utf-8\r\n\r\n<b>rich</b>\r\n--b--\r\n"
                .to_owned(),
        };
        let mut pen = Pen::default();

        assert_eq!(write(&body, 1, &Sanitizer::new(), &mut pen), None);
        assert_eq!(pen.text, "rich");
        assert!(pen.html.contains("<b>rich</b>"), "{}", pen.html);
    }

    #[test]
    fn without_a_readable_part_it_is_kept() {
        let body = Body {
            media_type: "multipart/alternative".to_owned(),
            text: "no boundary at all".to_owned(),
        };
        let kept = write(&body, 3, &Sanitizer::new(), &mut Pen::default()).unwrap();

        assert_eq!(kept.bytes, b"no boundary at all");
    }
}
