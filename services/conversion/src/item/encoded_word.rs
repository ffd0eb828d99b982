//! Text in header fields: plain where it can be, RFC 2047 encoded words where it must.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Lines are folded to this, RFC 5322 2.1.1.
const LINE: usize = 76;
/// Bytes of text in one encoded word: 12 for `=?utf-8?B?` and `?=`, 60 for base64, within 75.
const CHUNK: usize = 45;

/// Writes an unstructured field. `text` is one line without controls.
pub(super) fn write_unstructured(name: &str, text: &str, header: &mut String) {
    header.push_str(name);
    header.push_str(": ");
    write_text(text, name.len() + 2, header);
    header.push_str("\r\n");
}

/// Writes text from `column` on, folded.
fn write_text(text: &str, column: usize, header: &mut String) {
    if !is_plain(text) || text.starts_with(' ') || text.ends_with(' ') {
        write_encoded(text, column, header);
        return;
    }
    if column + text.len() <= LINE {
        header.push_str(text);
        return;
    }
    let mut column = column;
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            if column + 1 + word.len() > LINE {
                header.push_str("\r\n");
                column = 0;
            }
            header.push(' ');
            column += 1;
        }
        header.push_str(word);
        column += word.len();
    }
}

/// Writes a display name: as it is, quoted, or encoded.
pub(super) fn write_phrase(phrase: &str, column: usize, header: &mut String) {
    let is_atoms =
        |byte: u8| byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=^_`{|}~".contains(&byte);
    if !is_plain(phrase) || phrase.len() > LINE {
        write_encoded(phrase, column, header);
    } else if phrase.bytes().all(is_atoms) {
        header.push_str(phrase);
    } else {
        header.push('"');
        for letter in phrase.chars() {
            if matches!(letter, '"' | '\\') {
                header.push('\\');
            }
            header.push(letter);
        }
        header.push('"');
    }
}

/// Printable ASCII in short words that nobody would take for encoded ones.
fn is_plain(text: &str) -> bool {
    let is_printable = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    is_printable
        && !text.contains("=?")
        && text.split(' ').all(|word| word.len() <= LINE - 2)
        && !text.contains("  ")
}

fn write_encoded(text: &str, column: usize, header: &mut String) {
    let mut rest = text;
    let mut is_first = true;
    while !rest.is_empty() {
        let room = if is_first && column > LINE - 72 {
            CHUNK / 3
        } else {
            CHUNK
        };
        let mut end = room.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        if !is_first {
            header.push_str("\r\n ");
        }
        header.push_str("=?utf-8?B?");
        STANDARD.encode_string(&rest.as_bytes()[..end], header);
        header.push_str("?=");
        rest = &rest[end..];
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> String {
        let mut header = String::new();
        write_unstructured("Subject", text, &mut header);
        header
    }

    fn parsed(header: &str) -> String {
        let message = format!("{header}\r\n");
        let message = mail_parser::MessageParser::default()
            .parse(&message)
            .unwrap();
        message.subject().unwrap().to_owned()
    }

    #[test]
    fn short_ascii_stays_readable() {
        assert_eq!(
            subject("Conversation between A and B"),
            "Subject: Conversation between A and B\r\n"
        );
    }

    #[test]
    fn every_subject_comes_back_in_short_lines() {
        let long_words = "x".repeat(2_000);
        let many_words = "budget meeting ".repeat(50);
        for text in [
            "Grüße aus Köln",
            "日本語の件名がとても長いのでたくさんの行になるはずです。日本語の件名がとても長い",
            "=?utf-8?q?evil?=",
            "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧",
            &long_words,
            many_words.trim(),
        ] {
            let header = subject(text);

            assert_eq!(parsed(&header), text);
            assert!(
                header.split("\r\n").all(|line| line.len() <= 78),
                "{header}"
            );
        }
    }
}
