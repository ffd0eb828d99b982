//! What is attached to an item.

use chatkeep_model::Attachment;

use super::{parameter, transfer};
use crate::{
    body::Kept,
    transcript::label::{one_line, shortened},
};

/// Longer names do not fit on the disks of readers.
const LONGEST_NAME: usize = 200;

/// A file of an item.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) size: u64,
    pub(super) bytes: Source<'a>,
}

/// Where a file's bytes are.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// In staging.
    Staged(&'a Attachment),
    /// Here.
    Held(Vec<u8>),
}

/// A file, or a piece of one, as it is attached to a part.
#[derive(Debug)]
pub(super) struct Piece<'i, 'a> {
    /// Position of the file among the item's.
    pub(super) index: usize,
    pub(super) file: &'i File<'a>,
    /// First byte and number of bytes.
    pub(super) start: u64,
    pub(super) size: u64,
    /// Header of its MIME part, the delimiter before it and the empty line behind it included.
    pub(super) header: String,
}

impl<'a> File<'a> {
    pub(super) fn staged(attachment: &'a Attachment) -> Self {
        Self {
            name: safe_name(&attachment.name),
            media_type: safe_type(&attachment.media_type),
            size: attachment.size,
            bytes: Source::Staged(attachment),
        }
    }

    pub(super) fn kept(kept: Kept) -> Self {
        Self {
            name: kept.name,
            media_type: kept.media_type,
            size: kept.bytes.len() as u64,
            bytes: Source::Held(kept.bytes),
        }
    }

    /// The header of the whole file.
    pub(super) fn header(&self, boundary: &str) -> String {
        header(boundary, &self.media_type, &self.name)
    }

    /// Name of a piece, from 1: sorted by name, the pieces are in order.
    pub(super) fn piece_name(&self, number: u64, count: u64) -> String {
        format!("{}.{number:03}-of-{count:03}", self.name)
    }

    /// The header of a piece. It is of no type of its own.
    pub(super) fn piece_header(&self, boundary: &str, number: u64, count: u64) -> String {
        header(
            boundary,
            "application/octet-stream",
            &self.piece_name(number, count),
        )
    }
}

/// Size of a MIME part with this header and this many bytes.
pub(super) fn encoded_size(header: &str, bytes: u64) -> u64 {
    header.len() as u64 + transfer::base64_size(bytes)
}

fn header(boundary: &str, media_type: &str, name: &str) -> String {
    let mut header = format!(
        "\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment"
    );
    parameter::write("filename", name, &mut header);
    header.push_str("\r\n\r\n");
    header
}

/// One line, no folders, not too long; the extension stays.
fn safe_name(name: &str) -> String {
    let name = one_line(name).replace(['/', '\\'], "_");
    let name = match name.trim_matches('.') {
        "" => "attachment".to_owned(),
        _ => name,
    };
    if name.len() <= LONGEST_NAME {
        return name;
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => {
            let stem = shortened(stem.to_owned(), LONGEST_NAME - extension.len() - 1);
            format!("{stem}.{extension}")
        }
        _ => shortened(name, LONGEST_NAME),
    }
}

/// The type with its charset; `application/octet-stream` where it is none, or one that must not stand
/// beside base64.
fn safe_type(media_type: &str) -> String {
    let is_token = |text: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !text.is_empty() && text.len() <= 100 && text.bytes().all(is_letter)
    };
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    let is_composite = kind == "multipart" || kind == "message";
    if is_composite || !is_token(kind) || !is_token(subtype) {
        return "application/octet-stream".to_owned();
    }
    let charset = parts.filter_map(|part| part.split_once('='));
    let mut charset = charset.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let charset = charset
        .next()
        .map(|(_, value)| value.trim().trim_matches('"'));
    match charset.filter(|charset| is_token(charset)) {
        Some(charset) => format!("{essence}; charset={charset}"),
        None => essence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_folder_and_line() {
        assert_eq!(
            safe_name("../../etc/passwd\r\nX: y"),
            ".._.._etc_passwd X: y"
        );
        assert_eq!(safe_name(".."), "attachment");
        let long = safe_name(&format!("{}.docx", "ä".repeat(500)));
        assert!(long.len() <= 205 && long.ends_with("….docx"), "{long}");
    }

    #[test]
    fn types_are_types() {
        assert_eq!(
            safe_type("Text/Plain; x=y; Charset=\"utf-16\""),
            "text/plain; charset=utf-16"
        );
        for wrong in [
            "",
            "text",
            "a/b\r\nX: y",
            "multipart/mixed",
            "message/rfc822",
        ] {
            assert_eq!(safe_type(wrong), "application/octet-stream");
        }
    }
}
