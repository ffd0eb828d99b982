//! Reads a message back, to compare it with what was rendered.

use chatkeep_microsoft365::GraphError;
use chatkeep_model::connector::PolicyTag;
use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    client::Client,
    listing::{Property, expand, value},
    mailbox::message,
    property,
    trouble::Trouble,
};
use crate::{
    exchange::{
        canary::Looked,
        fields::{Fields, Raw},
    },
    target::{Content, Stored},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(default)]
    subject: Option<String>,
    body: Body,
    #[serde(default)]
    from: Option<Recipient>,
    #[serde(default)]
    to_recipients: Vec<Recipient>,
    sent_date_time: Timestamp,
    received_date_time: Timestamp,
    is_read: bool,
    #[serde(default)]
    has_attachments: bool,
    #[serde(default)]
    single_value_extended_properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Body {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: Address,
}

#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    address: Option<String>,
}

#[derive(Deserialize)]
struct Attachments {
    value: Vec<Attachment>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    name: String,
    content_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decisive {
    is_draft: bool,
    is_read: bool,
    received_date_time: Timestamp,
    #[serde(default)]
    single_value_extended_properties: Vec<Property>,
}

/// Looks at what decides whether a message came out as it should, which was given this tag.
pub(super) async fn look(
    client: &Client,
    id: &str,
    tag: Option<PolicyTag>,
) -> Result<Looked, Trouble> {
    let fields = "isDraft,isRead,receivedDateTime";
    let expand = expand(&[property::TAG, property::PERIOD]);
    let path = format!("{}?$select={fields}&{expand}", message(client, id));
    let found: Decisive = client.get(&path).await?;
    let properties = &found.single_value_extended_properties;
    let has_tag = |tag: PolicyTag| {
        let id = value(properties, property::TAG).map(|id| BASE64.decode(id.as_bytes()));
        let days = value(properties, property::PERIOD).and_then(|days| days.parse().ok());
        id == Some(Ok(tag.id.bytes().to_vec())) && days == Some(tag.days)
    };
    Ok(Looked {
        is_draft: found.is_draft,
        is_read: found.is_read,
        received: found.received_date_time,
        has_tag: tag.is_none_or(has_tag),
    })
}

/// Reads the fields that survive in Exchange.
pub(super) async fn read(client: &Client, id: &str) -> Result<Stored, Trouble> {
    let fields =
        "subject,body,from,toRecipients,sentDateTime,receivedDateTime,isRead,hasAttachments";
    let expand = expand(&[property::CLASS, property::EMAIL, property::SEAL]);
    let path = format!("{}?$select={fields}&{expand}", message(client, id));
    let read: Shown = client.get(&path).await?;
    let files = if read.has_attachments {
        files(client, id).await?
    } else {
        Vec::new()
    };
    let properties = &read.single_value_extended_properties;
    let address = |recipient: &'_ Recipient| recipient.email_address.address.clone();
    let to: Vec<_> = read.to_recipients.iter().filter_map(address).collect();
    let from = read.from.as_ref().and_then(address).unwrap_or_default();
    let found = Fields::of(Raw {
        subject: read.subject.as_deref().unwrap_or_default(),
        from: &from,
        to: to.iter().map(String::as_str).collect(),
        sent: read.sent_date_time.as_second(),
        received: read.received_date_time.as_second(),
        class: value(properties, property::CLASS).unwrap_or_default(),
        email: value(properties, property::EMAIL).unwrap_or_default(),
        html: &read.body.content,
        files,
    });
    let seal = value(properties, property::SEAL);
    let seal = seal.and_then(|seal| HEXLOWER.decode(seal.as_bytes()).ok());
    Ok(Stored {
        content: Content::Fields {
            digest: found.digest(),
            seal: seal.and_then(|seal| seal.try_into().ok()),
        },
        date: read.received_date_time.as_second(),
        seen: read.is_read,
    })
}

/// Names and SHA-256 of a message's files.
async fn files(client: &Client, id: &str) -> Result<Vec<(String, [u8; 32])>, Trouble> {
    let mut files = Vec::new();
    let mut next = Some(format!("{}/attachments", message(client, id)));
    while let Some(path) = next {
        let page: Attachments = client.get(&path).await?;
        for file in page.value {
            let bytes = BASE64.decode(file.content_bytes.as_bytes());
            let bytes = bytes.map_err(|_| Trouble::Setup(GraphError::Invalid))?;
            files.push((file.name, Sha256::digest(&bytes).into()));
        }
        next = page.next;
    }
    Ok(files)
}
