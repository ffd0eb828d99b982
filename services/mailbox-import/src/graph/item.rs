//! Turns a rendered message into the requests that make Exchange hold it.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    fields::{Fields, Raw},
    mime::{self, Address, File, Mail},
    property,
};
use crate::target::{Message, seal};

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
            content_bytes: data_encoding::BASE64.encode(&file.bytes),
        }
    }
}

impl Item {
    /// Makes the requests of a message, whose bytes are ours. `None` where they are not MIME.
    pub(super) fn of(message: &Message, class: &str) -> Option<Self> {
        let mut mail = mime::read(&message.bytes)?;
        let mut files = std::mem::take(&mut mail.files);
        if escaped_size(&mail.html) + head_size(&mail) > LARGEST_REQUEST {
            let html = std::mem::replace(&mut mail.html, TOO_LONG.to_owned());
            files.insert(0, File::html("conversation.html", html));
        }
        let digest = fields(&mail, &files, message, class).digest();
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
        let mut properties = properties(&mail, message, class, &seal);
        if !later.is_empty() {
            properties.push(property(property::FILES, total.to_string()));
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
            to_recipients: mail.to.iter().map(|to| Recipient { email_address: to }).collect(),
            internet_message_id: &message.id,
            is_read: true,
            single_value_extended_properties: properties,
            attachments: inside.iter().map(Attachment::of).collect(),
        };
        let create = serde_json::to_vec(&created).ok()?.into();
        Some(Self { create, later })
    }
}

fn properties(mail: &Mail, message: &Message, class: &str, seal: &[u8; 32]) -> Vec<Property> {
    let mut properties = vec![
        // MSGFLAG_READ; without MSGFLAG_UNSENT the message is no draft.
        property(property::FLAGS, "1"),
        property(property::SUBMITTED, utc(mail.date)),
        property(property::DELIVERED, utc(message.date)),
        property(property::CLASS, class),
        property(property::MESSAGE_ID, &*message.id),
        property(property::KEY, &*message.id),
        property(property::SEAL, HEXLOWER.encode(seal)),
        property(property::EMAIL, &*mail.email),
    ];
    let threads = [
        (property::IN_REPLY_TO, &mail.in_reply_to),
        (property::REFERENCES, &mail.references),
    ];
    for (id, value) in threads {
        properties.extend(value.as_deref().map(|value| property(id, value)));
    }
    let headers = mail.headers.iter();
    properties.extend(headers.map(|(name, value)| property(&property::header(name), &**value)));
    properties
}

fn property(id: &str, value: impl Into<String>) -> Property {
    Property {
        id: id.to_owned(),
        value: value.into(),
    }
}

fn fields(mail: &Mail, files: &[File], message: &Message, class: &str) -> Fields {
    Fields::of(Raw {
        subject: &mail.subject,
        from: &mail.from.address,
        to: mail.to.iter().map(|to| &*to.address).collect(),
        sent: mail.date,
        received: message.date,
        class,
        email: &mail.email,
        html: &mail.html,
        files: files.iter().map(File::fingerprint).collect(),
    })
}

/// A time as Graph writes it; seconds since 1970.
pub(super) fn utc(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Size of what surrounds text and files in the request, or a little more.
fn head_size(mail: &Mail) -> usize {
    let address = |address: &Address| escaped_size(&address.name) + escaped_size(&address.address) + 60;
    let headers = mail.headers.iter().map(|(_, value)| escaped_size(value) + 150);
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
mod tests {
    use serde_json::Value;

    use super::*;

    const CLASS: &str = "IPM.Note.SkypeForBusiness.Conversation";

    fn message(html: &str, files: &[(&str, usize)]) -> Message {
        let mut text = format!(
            "From: =?utf-8?q?J=C3=B6rg?= <joerg@contoso.com>\r\nTo: Bob <bob@contoso.com>,\r\n cem@contoso.com\r\n\
             Subject: Conversation between =?utf-8?q?J=C3=B6rg?= and Bob\r\nDate: Mon, 04 Mar 2019 10:00:00 +0000\r\n\
             Message-ID: <x.1@contoso.com>\r\nIn-Reply-To: <root@contoso.com>\r\nReferences: <root@contoso.com>\r\n\
             Email: joerg@contoso.com,\r\n bob@contoso.com,\r\n cem@contoso.com\r\nX-Chatkeep-Kind: p2p\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"m\"\r\n\r\n--m\r\n\
             Content-Type: multipart/alternative;\r\n boundary=\"a\"\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\nHi\r\n\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n--a--\r\n"
        );
        for (name, size) in files {
            let content = data_encoding::BASE64.encode(&vec![7; *size]);
            text.push_str(&format!(
                "\r\n--m\r\nContent-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\
                 Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{content}\r\n"
            ));
        }
        text.push_str("\r\n--m--\r\n");
        Message {
            id: "<x.1@contoso.com>".to_owned(),
            date: 1_551_693_600,
            bytes: text.into(),
        }
    }

    fn created(item: &Item) -> Value {
        serde_json::from_slice(&item.create).unwrap()
    }

    fn property_of(created: &Value, id: &str) -> Option<String> {
        let properties = created["singleValueExtendedProperties"].as_array().unwrap();
        let found = properties.iter().find(|property| property["id"] == id)?;
        found["value"].as_str().map(str::to_owned)
    }

    #[test]
    fn a_message_becomes_the_fields_of_graph() {
        let item = Item::of(&message("<p>Hi</p>", &[("a.txt", 10)]), CLASS).unwrap();
        let created = created(&item);

        assert_eq!(created["subject"], "Conversation between Jörg and Bob");
        assert_eq!(created["from"]["emailAddress"]["name"], "Jörg");
        assert_eq!(created["sender"], created["from"]);
        let to = created["toRecipients"].as_array().unwrap();
        assert_eq!(to.len(), 2);
        assert_eq!(to[1]["emailAddress"]["address"], "cem@contoso.com");
        assert_eq!(created["body"]["contentType"], "html");
        assert!(created["body"]["content"].as_str().unwrap().contains("<p>Hi</p>"));
        assert_eq!(created["isRead"], true);
        let wanted = [
            (property::FLAGS, "1"),
            (property::SUBMITTED, "2019-03-04T10:00:00Z"),
            (property::DELIVERED, "2019-03-04T10:00:00Z"),
            (property::CLASS, CLASS),
            (property::KEY, "<x.1@contoso.com>"),
            (property::IN_REPLY_TO, "<root@contoso.com>"),
            (property::EMAIL, "joerg@contoso.com;bob@contoso.com;cem@contoso.com"),
            (&property::header("X-Chatkeep-Kind"), "p2p"),
        ];
        for (id, value) in wanted {
            assert_eq!(property_of(&created, id).as_deref(), Some(value), "{id}");
        }
        assert_eq!(property_of(&created, property::FILES), None);
    }

    #[test]
    fn the_bytes_of_a_file_are_sent_whatever_its_charset_says() {
        let item = Item::of(&message("<p>Hi</p>", &[("a.txt", 100)]), CLASS).unwrap();

        let content = data_encoding::BASE64.encode(&[7; 100]);
        assert_eq!(created(&item)["attachments"][0]["contentBytes"], content);
    }

    #[test]
    fn no_request_is_larger_than_graph_takes() {
        let files = [("a.bin", 2_000_000), ("b.bin", 2_000_000), ("c.bin", 500_000)];
        let item = Item::of(&message("<p>Hi</p>", &files), CLASS).unwrap();

        assert!(item.create.len() <= LARGEST_REQUEST, "{}", item.create.len());
        assert_eq!(item.later.len(), 1);
        assert_eq!(created(&item)["attachments"].as_array().unwrap().len(), 2);
        assert_eq!(property_of(&created(&item), property::FILES).as_deref(), Some("3"));
    }

    #[test]
    fn a_transcript_that_is_too_long_for_a_message_is_attached_whole() {
        let html = "<p>\"quoted\"</p>\r\n".repeat(250_000);
        let item = Item::of(&message(&html, &[]), CLASS).unwrap();

        assert!(item.create.len() <= LARGEST_REQUEST);
        assert_eq!(item.later[0].name, "conversation.html");
        assert!(item.later[0].bytes.starts_with(html.as_bytes()));
        let created = created(&item);
        assert!(created["body"]["content"].as_str().unwrap().contains("conversation.html"));
    }

    #[test]
    fn a_request_is_never_larger_than_it_was_taken_for() {
        let html = "\"\\\t\u{1}".repeat(1_000);
        let message = message(&html, &[("ä\u{1}.bin", 5_000)]);
        let mail = mime::read(&message.bytes).unwrap();

        let taken_for = escaped_size(&mail.html) + head_size(&mail) + 5_000_usize.div_ceil(3) * 4 + 310;
        let item = Item::of(&message, CLASS).unwrap();
        assert!(item.create.len() <= taken_for, "{} > {taken_for}", item.create.len());
    }
}
