//! Turns a rendered message into the requests that make Exchange hold it.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::property;
use crate::{
    exchange::{
        Marks,
        fields::Fields,
        mime::{self, Address, File, Mail},
    },
    target::{Message, seal},
};

/// The largest request that creates a message. Graph takes 4 MB; the rest is for what surrounds it.
const LARGEST_REQUEST: usize = 3_900_000;
/// Stands where a transcript is too large for a message of Graph.
const TOO_LONG: &str = "<html><body><p>This conversation is too long to be shown here. All of it is in the \
    attached file conversation.html.</p></body></html>";

/// A message as it is sent: one request, and for large ones files in further requests.
#[derive(Debug)]
pub(super) struct Item {
    /// The body of the request that creates it.
    pub(super) create: Bytes,
    /// Files that did not fit in.
    pub(super) later: Vec<File>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    subject: &'a str,
    body: Body<'a>,
    from: Recipient<'a>,
    sender: Recipient<'a>,
    to_recipients: Vec<Recipient<'a>>,
    internet_message_id: &'a str,
    is_read: bool,
    single_value_extended_properties: Vec<Property>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    content_type: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'a> {
    email_address: &'a Address,
}

#[derive(Serialize)]
struct Property {
    id: String,
    value: String,
}

/// A file, whole, as a request carries it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attachment<'a> {
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    name: &'a str,
    content_type: &'a str,
    content_bytes: String,
}

impl<'a> Attachment<'a> {
    /// Encodes a file.
    pub(super) fn of(file: &'a File) -> Self {
        Self {
            kind: "#microsoft.graph.fileAttachment",
            name: &file.name,
            content_type: &file.media_type,
            content_bytes: BASE64.encode(&file.bytes),
        }
    }
}

impl Item {
    /// Makes the requests of a message, whose bytes are ours. `None` where they are not MIME.
    pub(super) fn of(message: &Message, marks: &Marks) -> Option<Self> {
        let mut mail = mime::read(&message.bytes)?;
        let mut files = std::mem::take(&mut mail.files);
        if escaped_size(&mail.html) + head_size(&mail) > LARGEST_REQUEST {
            let html = std::mem::replace(&mut mail.html, TOO_LONG.to_owned());
            files.insert(0, File::html("conversation.html", html));
        }
        let digest = Fields::of_mail(&mail, &files, message, &marks.class).digest();
        let seal = seal(&Sha256::digest(&message.bytes).into(), &digest);
        let total = files.len();
        let used = escaped_size(&mail.html) + head_size(&mail);
        let mut room = LARGEST_REQUEST.saturating_sub(used);
        let (mut inside, mut later) = (Vec::new(), Vec::new());
        for file in files {
            let size = file.bytes.len().div_ceil(3) * 4 + escaped_size(&file.name) + 300;
            if size <= room {
                room -= size;
                inside.push(file);
            } else {
                later.push(file);
            }
        }
        let mut properties = properties(&mail, message, marks, &seal);
        if !later.is_empty() {
            properties.push(set(property::FILES, total.to_string()));
        }
        let created = Created {
            subject: &mail.subject,
            body: Body {
                content_type: "html",
                content: &mail.html,
            },
            from: Recipient {
                email_address: &mail.from,
            },
            sender: Recipient {
                email_address: &mail.from,
            },
            to_recipients: mail
                .to
                .iter()
                .map(|to| Recipient { email_address: to })
                .collect(),
            internet_message_id: &message.id,
            is_read: true,
            single_value_extended_properties: properties,
            attachments: inside.iter().map(Attachment::of).collect(),
        };
        let create = serde_json::to_vec(&created).ok()?.into();
        Some(Self { create, later })
    }
}

fn properties(mail: &Mail, message: &Message, marks: &Marks, seal: &[u8; 32]) -> Vec<Property> {
    let mut properties = vec![
        // MSGFLAG_READ; without MSGFLAG_UNSENT the message is no draft.
        set(property::FLAGS, "1"),
        set(property::SUBMITTED, utc(mail.date.unwrap_or(message.date))),
        set(property::DELIVERED, utc(message.date)),
        set(property::CLASS, &*marks.class),
        set(property::MESSAGE_ID, &*message.id),
        set(property::KEY, &*message.id),
        set(property::SEAL, HEXLOWER.encode(seal)),
        set(property::EMAIL, &*mail.email),
    ];
    let threads = [
        (property::IN_REPLY_TO, &mail.in_reply_to),
        (property::REFERENCES, &mail.references),
    ];
    for (id, value) in threads {
        properties.extend(value.as_deref().map(|value| set(id, value)));
    }
    if let Some(tag) = marks.tag {
        properties.push(set(property::TAG, BASE64.encode(&tag.id.bytes())));
        properties.push(set(property::PERIOD, tag.days.to_string()));
    }
    let headers = mail.headers.iter();
    properties.extend(headers.map(|(name, value)| set(&property::header(name), &**value)));
    properties
}

fn set(id: &str, value: impl Into<String>) -> Property {
    Property {
        id: id.to_owned(),
        value: value.into(),
    }
}

/// A time as Graph writes it; seconds since 1970.
pub(super) fn utc(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Size of what surrounds text and files in the request, or a little more.
fn head_size(mail: &Mail) -> usize {
    let address =
        |address: &Address| escaped_size(&address.name) + escaped_size(&address.address) + 60;
    let headers = mail
        .headers
        .iter()
        .map(|(_, value)| escaped_size(value) + 150);
    let recipients = mail.to.iter().chain([&mail.from, &mail.from]).map(address);
    let rest = escaped_size(&mail.subject) + escaped_size(&mail.email) + 4_000;
    rest + headers.sum::<usize>() + recipients.sum::<usize>()
}

/// Size of a text in JSON.
fn escaped_size(text: &str) -> usize {
    let size = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..b' ' => 6,
        _ => 1,
    };
    text.bytes().map(size).sum()
}

#[cfg(test)]
mod tests;
