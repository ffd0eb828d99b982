//! What any reader of mail may rely on.

use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};

/// Checks the rules that hold for every message and parses it.
pub(crate) fn parse(bytes: &[u8]) -> Message<'_> {
    assert!(std::str::from_utf8(bytes).is_ok());
    assert!(!bytes.contains(&0));
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 998, "line of {} bytes", line.len());
        assert!(!line.contains(&b'\r'));
    }
    let line_ends = bytes.split(|byte| *byte == b'\n').count() - 1;
    let crlf = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
    assert_eq!(line_ends, crlf);
    let header_end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    assert!(bytes[..header_end].is_ascii());
    let message = MessageParser::default().parse(bytes).unwrap();
    check_header_names(&message);
    message
}

fn check_header_names(message: &Message<'_>) {
    let expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Email",
        "X-Chatkeep-Connector",
        "X-Chatkeep-Kind",
        "X-Chatkeep-Conversation",
        "X-Chatkeep-First-Message",
        "X-Chatkeep-Last-Message",
        "X-Chatkeep-Records",
        "X-Chatkeep-Records-SHA256",
        "X-Chatkeep-Renderer",
        "X-Chatkeep-Supersedes",
        "X-Chatkeep-Part",
        "MIME-Version",
        "Content-Type",
    ];
    let mut names: Vec<_> = message
        .headers()
        .iter()
        .map(mail_parser::Header::name)
        .collect();
    let mut all = expected.to_vec();
    if !names.contains(&"X-Chatkeep-Supersedes") {
        all.retain(|name| *name != "X-Chatkeep-Supersedes");
    }
    names.dedup();
    assert_eq!(names, all);
}

pub(crate) fn text(message: &Message<'_>) -> String {
    message.body_text(0).unwrap().into_owned()
}

pub(crate) fn html(message: &Message<'_>) -> String {
    let part = message.html_part(0).unwrap();
    match &part.body {
        PartType::Html(html) => html.to_string(),
        _ => panic!("no HTML alternative"),
    }
}

/// Names and bytes of what is attached.
pub(crate) fn attachments(message: &Message<'_>) -> Vec<(String, Vec<u8>)> {
    let attachment = |part: &mail_parser::MessagePart<'_>| {
        (
            part.attachment_name().unwrap().to_owned(),
            part.contents().to_vec(),
        )
    };
    message.attachments().map(attachment).collect()
}

/// Letters and digits, so that two forms of one text compare.
pub(crate) fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect()
}

/// The text of HTML, naively; tags must be safe.
pub(crate) fn text_of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, behind)) = rest.split_once('<') {
        text.push_str(before);
        let mut quoted = false;
        let end = behind.find(|letter| {
            quoted ^= letter == '"';
            letter == '>' && !quoted
        });
        let (tag, behind) = behind.split_at(end.unwrap());
        check_tag(tag);
        text.push(' ');
        rest = &behind[1..];
    }
    text.push_str(rest);
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text, |text, (entity, letter)| text.replace(entity, letter))
}

fn check_tag(tag: &str) {
    let tag = tag.to_ascii_lowercase();
    for word in [
        "script", "iframe", "object", "embed", "link", "svg", "form", "base",
    ] {
        assert!(!tag.trim_start_matches('/').starts_with(word), "{tag}");
    }
    for (index, attribute) in tag.match_indices('=') {
        let name: String = tag[..index]
            .chars()
            .rev()
            .take_while(|c| c.is_alphanumeric())
            .collect();
        let name: String = name.chars().rev().collect();
        let value = tag[index + attribute.len()..].trim_start_matches('"');
        let is_start = tag[..index].ends_with(&format!(" {name}"));
        if is_start && tag[..index].matches('"').count().is_multiple_of(2) {
            assert!(!name.starts_with("on"), "{tag}");
            let schemes = ["http://", "https://", "mailto:"];
            let is_safe = schemes.iter().any(|scheme| value.starts_with(scheme));
            assert!(name != "href" || is_safe, "{tag}");
            assert!(name != "src" || value.starts_with("data:image/"), "{tag}");
            assert!(name != "style" || !value.contains("url("), "{tag}");
        }
    }
}
