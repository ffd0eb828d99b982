//! Reads a rendered message: the forms that conversion writes.

use bytes::Bytes;
use data_encoding::BASE64;
use mail_parser::{
    Addr, DateTime, HeaderForm, HeaderName, HeaderValue, MessageParser, MessagePart,
    MimeHeaders as _,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A message, decoded.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) from: Address,
    pub(crate) to: Vec<Address>,
    /// Unix seconds, where it says so.
    pub(crate) date: Option<i64>,
    /// With angle brackets, as it stands in the header.
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Option<String>,
    /// Every participant's address, joined by semicolons.
    pub(crate) email: String,
    /// Names and values of the fields that begin with `X-`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) html: String,
    pub(crate) files: Vec<File>,
}

/// Somebody, with a name that may be the address.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// What is attached.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

impl File {
    /// A page.
    pub(crate) fn html(name: &str, html: String) -> Self {
        Self {
            name: name.to_owned(),
            media_type: "text/html; charset=utf-8".to_owned(),
            bytes: html.into(),
        }
    }

    /// Name and SHA-256.
    pub(crate) fn fingerprint(&self) -> (String, [u8; 32]) {
        (self.name.clone(), Sha256::digest(&self.bytes).into())
    }
}

/// Decodes a message; `None` where it is not one of ours.
pub(crate) fn read(bytes: &[u8]) -> Option<Mail> {
    let message = MessageParser::default().parse(bytes)?;
    let raw = |name: HeaderName<'static>| {
        let values = message.header_as(name, HeaderForm::Raw);
        let value = values.into_iter().find_map(HeaderValue::into_text);
        value.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let from = message.from()?.first().map(address)?;
    let to = message.to().map(|to| to.iter().map(address).collect());
    let email = raw(HeaderName::Other("Email".into()));
    let mut headers = Vec::new();
    for header in message.headers() {
        if let HeaderName::Other(name) = &header.name
            && name.starts_with("X-")
            && let Some(value) = header_text(&message, name)
        {
            headers.push((name.to_string(), value));
        }
    }
    let mut files = Vec::new();
    for part in message.attachments() {
        files.push(file(part, bytes)?);
    }
    Some(Mail {
        subject: message.subject().unwrap_or_default().to_owned(),
        from,
        to: to.unwrap_or_default(),
        date: message.date().map(DateTime::to_timestamp),
        in_reply_to: raw(HeaderName::InReplyTo),
        references: raw(HeaderName::References),
        email: addresses(&email.unwrap_or_default()),
        headers,
        html: message.body_html(0)?.into_owned(),
        files,
    })
}

fn header_text(message: &mail_parser::Message<'_>, name: &str) -> Option<String> {
    let values = message.header_as(HeaderName::Other(name.to_owned().into()), HeaderForm::Text);
    let value = values.into_iter().find_map(HeaderValue::into_text)?;
    Some(value.into_owned())
}

fn address(address: &Addr<'_>) -> Address {
    let at = address.address().unwrap_or_default();
    Address {
        name: address.name().unwrap_or(at).to_owned(),
        address: at.to_owned(),
    }
}

/// Addresses joined by semicolons, as Outlook joins them.
fn addresses(list: &str) -> String {
    let addresses = list.split(',').map(str::trim);
    addresses.collect::<Vec<_>>().join(";")
}

/// A file as it was before it was attached. The reader would turn text into UTF-8: the bytes are
/// decoded here.
fn file(part: &MessagePart<'_>, message: &[u8]) -> Option<File> {
    let start = usize::try_from(part.raw_body_offset()).ok()?;
    let end = usize::try_from(part.raw_end_offset()).ok()?;
    let mut encoded = message.get(start..end)?.to_vec();
    encoded.retain(|byte| !byte.is_ascii_whitespace());
    let media_type = part.content_type()?;
    let mut name = media_type.ctype().to_owned();
    if let Some(subtype) = media_type.subtype() {
        name = format!("{name}/{subtype}");
    }
    if let Some(charset) = media_type.attribute("charset") {
        name = format!("{name}; charset={charset}");
    }
    Some(File {
        name: part.attachment_name()?.to_owned(),
        media_type: name,
        bytes: BASE64.decode(&encoded).ok()?.into(),
    })
}
