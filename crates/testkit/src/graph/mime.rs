use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Contact, StoredMessage};

const BOUNDARY: &str = "_000_made_anew_";

/// Makes a MIME message of what is stored. Exchange keeps no bytes either: what comes back is never what
/// was sent, only what it says is the same.
pub(super) fn render(message: &StoredMessage) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name}: {value}\r\n"));
    };
    if let Some(from) = &message.from {
        line("From", &mailbox(from));
    }
    let to: Vec<_> = message.to.iter().map(mailbox).collect();
    line("To", &to.join(",\r\n\t"));
    line("Subject", &word(&message.subject));
    line("Date", &date(message.sent));
    line("Message-ID", &message.message_id);
    for (name, value) in &message.headers {
        line(name, value);
    }
    line("MIME-Version", "1.0");
    let content_type = format!("multipart/mixed; boundary=\"{BOUNDARY}\"");
    line("Content-Type", &content_type);
    text.push_str("\r\n");
    let kind = if message.body_type == "html" {
        "text/html"
    } else {
        "text/plain"
    };
    let content_type = format!("{kind}; charset=\"utf-8\"");
    part(&mut text, &content_type, "", message.body.as_bytes());
    for attachment in &message.attachments {
        let disposition = format!(
            "Content-Disposition: attachment; filename=\"{}\"\r\n",
            attachment.name
        );
        part(
            &mut text,
            &attachment.content_type,
            &disposition,
            &attachment.bytes,
        );
    }
    text.push_str(&format!("--{BOUNDARY}--\r\n"));
    text
}

fn part(text: &mut String, content_type: &str, disposition: &str, bytes: &[u8]) {
    text.push_str(&format!(
        "--{BOUNDARY}\r\nContent-Type: {content_type}\r\n{disposition}\
         Content-Transfer-Encoding: base64\r\n\r\n"
    ));
    let encoded = STANDARD.encode(bytes);
    for line in encoded.as_bytes().chunks(76) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push_str("\r\n");
    }
}

fn mailbox(contact: &Contact) -> String {
    format!("{} <{}>", word(&contact.name), contact.address)
}

fn word(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    format!("=?utf-8?B?{}?=", STANDARD.encode(text))
}

fn date(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    jiff::fmt::rfc2822::to_string(&time.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
}
