//! Sessions as `Export-CsArchivingData` writes them: bare header lines, one encoded part of HTML, the
//! literal boundary `MIME_Boundary`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::Offset};

use crate::{
    attachment::File,
    people::Person,
    random::Random,
    session::{Kind, Session, Spoken},
};

/// The file's name and bytes, as a pool whose clock is so many seconds ahead exports it.
pub(crate) fn export(session: &Session, pool: u32, ahead: i64, random: &mut Random) -> Export {
    let start = session.start + ahead;
    let mut people: Vec<_> = session.people.iter().collect();
    if ahead > 0 && people.len() > 2 {
        people[1..].reverse();
    }
    let mut text = String::with_capacity(4_096 + session.lines.len() * 256);
    header(&mut text, session, &people, &date(start, pool), random);
    part(
        &mut text,
        "text/html;\r\n\tcharset=\"utf-8\"",
        "inline",
        html(session).as_bytes(),
    );
    for file in &session.files {
        attach(&mut text, file);
    }
    text.push_str("--MIME_Boundary--\r\n");
    let time = civil(start);
    Export {
        folder: time.strftime("%Y/%m/%d").to_string(),
        name: format!(
            "{}-{}.eml",
            time.strftime("%Y%m%d-%H%M%S"),
            &random.guid()[..8]
        ),
        bytes: text.into_bytes(),
    }
}

/// A file of an export tree.
pub(crate) struct Export {
    /// The day's folder below the pool's.
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The transcript, message by message.
pub(crate) fn stamp(line: &Spoken) -> String {
    civil(line.at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn header(
    text: &mut String,
    session: &Session,
    people: &[&Person],
    date: &str,
    random: &mut Random,
) {
    let subject = match session.kind {
        Kind::PeerToPeer => {
            let [first, second, ..] = &session.people[..] else {
                return;
            };
            format!(
                "Conversation between {} and {}",
                first.address, second.address
            )
        }
        Kind::Conference => format!("Conference organized by {}", session.people[0].address),
    };
    for (position, person) in people.iter().enumerate() {
        let field = if position == 0 { "From" } else { "To" };
        line(text, &[field, ": ", &as_typed(&person.address, random)]);
    }
    line(text, &["Subject: ", &subject]);
    line(text, &["Date: ", date]);
    line(text, &["MIME-Version: 1.0"]);
    line(text, &["Content-Type: multipart/mixed;"]);
    line(text, &["\tboundary=\"MIME_Boundary\""]);
    line(text, &[]);
}

fn part(text: &mut String, media_type: &str, disposition: &str, bytes: &[u8]) {
    line(text, &["--MIME_Boundary"]);
    line(text, &["Content-Type: ", media_type]);
    line(text, &["Content-Transfer-Encoding: base64"]);
    line(text, &["Content-Disposition: ", disposition]);
    line(text, &[]);
    // 57 bytes are 76 characters, the longest line MIME allows for base64.
    for chunk in bytes.chunks(57) {
        STANDARD.encode_string(chunk, text);
        text.push_str("\r\n");
    }
}

fn attach(text: &mut String, file: &File) {
    let name = if file.name.is_ascii() {
        format!("filename=\"{}\"", file.name)
    } else {
        format!("filename*=utf-8''{}", percent_encoded(&file.name))
    };
    part(
        text,
        file.media_type,
        &format!("attachment; {name}"),
        &file.bytes,
    );
}

fn html(session: &Session) -> String {
    let mut html = String::with_capacity(1_024 + session.lines.len() * 192);
    html.push_str("<html><head><meta charset=\"utf-8\"></head>\r\n<body");
    if session.is_right_to_left {
        html.push_str(" dir=\"rtl\"");
    }
    html.push_str(" style=\"font-family:'Segoe UI';font-size:10pt\">\r\n");
    for spoken in &session.lines {
        let name = &session.people[spoken.speaker].name;
        html.push_str("<div><span class=\"imsendtimestamp\">");
        html.push_str(&stamp(spoken));
        html.push_str("</span> <span class=\"imsendname\">");
        escape(&mut html, name);
        html.push_str("</span>: <span class=\"imcontent\">");
        link(&mut html, &spoken.text);
        html.push_str("</span></div>\r\n");
    }
    html.push_str("</body></html>\r\n");
    html
}

/// Clients turn addresses of pages into links.
fn link(html: &mut String, text: &str) {
    for (position, word) in text.split(' ').enumerate() {
        if position > 0 {
            html.push(' ');
        }
        if word.starts_with("https://") {
            html.push_str("<a href=\"");
            escape(html, word);
            html.push_str("\">");
            escape(html, word);
            html.push_str("</a>");
        } else {
            escape(html, word);
        }
    }
}

fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(c),
        }
    }
}

/// Servers keep addresses as they were typed first.
fn as_typed(address: &str, random: &mut Random) -> String {
    if !random.percent(10) {
        return address.to_owned();
    }
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_uppercase() + rest
    };
    let local: Vec<_> = local.split('.').map(capital).collect();
    format!("{}@{}", local.join("."), capital(domain))
}

/// Each pool's servers stand in a time zone of their own.
fn date(seconds: i64, pool: u32) -> String {
    let hours = i8::from(!pool.is_multiple_of(2));
    let time = Offset::constant(hours).to_datetime(timestamp(seconds));
    format!("{} {:+03}00", time.strftime("%a, %d %b %Y %H:%M:%S"), hours)
}

fn civil(seconds: i64) -> jiff::civil::DateTime {
    Offset::UTC.to_datetime(timestamp(seconds))
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn percent_encoded(name: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

fn line(text: &mut String, pieces: &[&str]) {
    text.extend(pieces.iter().copied());
    text.push_str("\r\n");
}
