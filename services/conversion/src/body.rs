//! The bodies of chat messages, by media type.

pub(crate) mod binary;
mod cost;
pub(crate) mod html;
pub(crate) mod html_text;
mod invite;
mod multipart;
pub(crate) mod rtf;
mod style;

use chatkeep_model::Body;

pub use self::html::Sanitizer;
use crate::transcript::pen::{Pen, To};

/// Bytes that the transcript cannot show, attached to the item as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Kept {
    fn new(number: usize, extension: &str, media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: format!("message-{number:04}.{extension}"),
            media_type: media_type.to_owned(),
            bytes,
        }
    }
}

/// Writes a body into both alternatives. Returns what could not be shown. `number` is the body's
/// position among the conversation's events, from 1.
pub(crate) fn write(
    body: &Body,
    number: usize,
    sanitizer: &Sanitizer,
    pen: &mut Pen,
) -> Option<Kept> {
    let text = body.text.as_str();
    let kept =
        |extension, media_type| Kept::new(number, extension, media_type, text.as_bytes().to_vec());
    // By far the most common one needs no second look.
    if body.media_type == "text/plain" {
        pen.words(text, To::Both);
        return None;
    }
    match essence(&body.media_type).as_str() {
        "" | "text/plain" => {
            pen.words(text, To::Both);
            None
        }
        "text/html" => html_message(text, number, sanitizer, pen),
        "text/rtf" | "application/rtf" => {
            (!rtf::write(text, pen)).then(|| kept("rtf", "application/rtf"))
        }
        "application/ms-imdn+xml" => {
            pen.words("[delivery notification]", To::Both);
            Some(kept("xml", "application/xml"))
        }
        "text/x-msmsgsinvite" => {
            (!invite::write(text, pen)).then(|| kept("txt", "application/octet-stream"))
        }
        "image/gif" => {
            pen.words("[picture]", To::Both);
            Some(Kept::new(number, "gif", "image/gif", binary::decode(text)))
        }
        "application/x-ms-ink" => {
            pen.words("[ink]", To::Both);
            let media_type = "application/x-ms-ink";
            Some(Kept::new(number, "isf", media_type, binary::decode(text)))
        }
        "multipart/alternative" => multipart::write(body, number, sanitizer, pen),
        other => {
            pen.words("[content of type ", To::Both);
            pen.words(other, To::Anchor);
            pen.words("]", To::Both);
            Some(kept("bin", "application/octet-stream"))
        }
    }
}

/// The media type without parameters, in lower case.
fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn html_message(text: &str, number: usize, sanitizer: &Sanitizer, pen: &mut Pen) -> Option<Kept> {
    let start = pen.html.len();
    let kept = sanitizer.write(text, Some(number), &mut pen.html);
    let html = std::mem::take(&mut pen.html);
    html_text::write(&html[start..], pen);
    pen.html = html;
    kept
}
