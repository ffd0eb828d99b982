//! Reads messages back, and removes them.

use chatkeep_model::connector::PolicyTag;
use data_encoding::{BASE64_MIME_PERMISSIVE, HEXLOWER};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    client::Client,
    failure::{EwsError, Failure},
    property,
    xml::{self, Element},
};
use crate::{
    exchange::{
        canary::Looked,
        fields::{Fields, Raw},
    },
    target::{Content, Stored},
};

const SHOWN: [&str; 8] = [
    "item:Subject",
    "item:Body",
    "item:Attachments",
    "item:DateTimeReceived",
    "item:DateTimeSent",
    "item:ItemClass",
    "message:From",
    "message:ToRecipients",
];
const DECISIVE: [&str; 3] = ["item:DateTimeReceived", "item:IsDraft", "message:IsRead"];

/// Looks at what decides whether a message came out as it should, which was given this tag.
pub(super) async fn look(
    client: &Client,
    id: &str,
    tag: Option<PolicyTag>,
) -> Result<Looked, Failure> {
    let properties = [property::TAG, property::PERIOD].concat();
    let item = get(client, id, &DECISIVE, &properties).await?;
    let has_tag = |tag: PolicyTag| {
        let id = property::tagged(&item, property::TAG_NUMBER);
        let id = id.map(|id| BASE64_MIME_PERMISSIVE.decode(id.as_bytes()));
        let days = property::tagged(&item, property::PERIOD_NUMBER);
        id == Some(Ok(tag.id.bytes().to_vec()))
            && days.and_then(|days| days.parse().ok()) == Some(tag.days)
    };
    Ok(Looked {
        is_draft: item.text_at(&["IsDraft"]) == Some("true"),
        is_read: is_read(&item),
        received: time(&item, "DateTimeReceived")?,
        has_tag: tag.is_none_or(has_tag),
    })
}

fn is_read(item: &Element) -> bool {
    item.text_at(&["IsRead"]) == Some("true")
}

/// Reads the fields that survive in Exchange.
pub(super) async fn read(client: &Client, id: &str) -> Result<Stored, Failure> {
    let fields: Vec<_> = SHOWN.iter().chain(&DECISIVE[1..]).copied().collect();
    let properties = [property::EMAIL, property::SEAL].concat();
    let item = get(client, id, &fields, &properties).await?;
    let text = |path: &[&str]| item.text_at(path).unwrap_or_default();
    let to = item.child("ToRecipients");
    let to = to.map_or(&[][..], |to| to.children.as_slice()).iter();
    let to = to.filter_map(|mailbox| mailbox.text_at(&["EmailAddress"]));
    let received = time(&item, "DateTimeReceived")?.as_second();
    let found = Fields::of(Raw {
        subject: text(&["Subject"]),
        from: text(&["From", "Mailbox", "EmailAddress"]),
        to: to.collect(),
        sent: time(&item, "DateTimeSent")?.as_second(),
        received,
        class: text(&["ItemClass"]),
        email: property::value(&item, "Email").unwrap_or_default(),
        html: text(&["Body"]),
        files: files(client, &item).await?,
    });
    let seal = property::value(&item, "ChatkeepSeal");
    let seal = seal.and_then(|seal| HEXLOWER.decode(seal.as_bytes()).ok());
    Ok(Stored {
        content: Content::Fields {
            digest: found.digest(),
            seal: seal.and_then(|seal| seal.try_into().ok()),
        },
        date: received,
        seen: is_read(&item),
    })
}

/// Removes a message for good. It may be gone already.
pub(super) async fn remove(client: &Client, id: &str) -> Result<(), Failure> {
    let id = xml::text(id);
    let request = format!(
        "<m:DeleteItem DeleteType=\"HardDelete\"><m:ItemIds><t:ItemId Id=\"{id}\"/></m:ItemIds></m:DeleteItem>"
    );
    match client.ask(&request).await {
        Ok(_) | Err(Failure::Missing) => Ok(()),
        Err(failure) => Err(failure),
    }
}

async fn get(
    client: &Client,
    id: &str,
    fields: &[&str],
    properties: &str,
) -> Result<Element, Failure> {
    let field = |name: &&str| format!("<t:FieldURI FieldURI=\"{name}\"/>");
    let fields: String = fields.iter().map(field).collect();
    let id = xml::text(id);
    let request = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:BodyType>HTML</t:BodyType>\
         <t:AdditionalProperties>{fields}{properties}</t:AdditionalProperties></m:ItemShape>\
         <m:ItemIds><t:ItemId Id=\"{id}\"/></m:ItemIds></m:GetItem>"
    );
    let (answer, _) = client.ask(&request).await?;
    let item = answer
        .child("Items")
        .and_then(|items| items.children.first());
    item.cloned().ok_or(Failure::Doubtful(EwsError::Invalid))
}

/// Names and SHA-256 of a message's files.
async fn files(client: &Client, item: &Element) -> Result<Vec<(String, [u8; 32])>, Failure> {
    let attachments = item.child("Attachments");
    let attachments = attachments.map_or(&[][..], |attachments| attachments.children.as_slice());
    let mut files = Vec::with_capacity(attachments.len());
    for attachment in attachments {
        let id = attachment.child("AttachmentId");
        let id = id.and_then(|id| id.attribute("Id")).unwrap_or_default();
        files.push(file(client, id).await?);
    }
    Ok(files)
}

async fn file(client: &Client, id: &str) -> Result<(String, [u8; 32]), Failure> {
    let id = xml::text(id);
    let request = format!(
        "<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id=\"{id}\"/></m:AttachmentIds></m:GetAttachment>"
    );
    let (answer, _) = client.ask(&request).await?;
    let file = answer.at(&["Attachments", "FileAttachment"]);
    let content = file.and_then(|file| file.text_at(&["Content"]));
    let content = content.and_then(|text| BASE64_MIME_PERMISSIVE.decode(text.as_bytes()).ok());
    let name = file.and_then(|file| file.text_at(&["Name"]));
    match (name, content) {
        (Some(name), Some(content)) => Ok((name.to_owned(), Sha256::digest(&content).into())),
        _ => Err(Failure::Doubtful(EwsError::Invalid)),
    }
}

fn time(item: &Element, name: &str) -> Result<Timestamp, Failure> {
    let time = item.text_at(&[name]).and_then(|time| time.parse().ok());
    time.ok_or(Failure::Doubtful(EwsError::Invalid))
}
