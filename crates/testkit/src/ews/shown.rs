//! Items as they are shown: Exchange takes MIME apart when it comes, and keeps fields.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use mail_parser::{Addr, Message, MessageParser, MimeHeaders as _};
use quick_xml::escape::escape;

use super::{
    items,
    mailbox::StoredItem,
    node::Node,
    reply::{Code, element},
    state::State,
};

pub(super) fn get(state: &mut State, owner: &str, request: &Node) -> Vec<Result<String, Code>> {
    let shape = request.child("m:ItemShape");
    let ids = request.child("m:ItemIds");
    let ids = ids.map_or(&[][..], |ids| ids.children.as_slice());
    let reply = |id: &Node| {
        let found = by_id(state, owner, id.attribute("Id").unwrap_or_default())?;
        Ok(format!("<m:Items>{}</m:Items>", item(&found, shape)))
    };
    ids.iter().map(reply).collect()
}

fn by_id(state: &mut State, owner: &str, id: &str) -> Result<StoredItem, Code> {
    let mut items = state.mailbox(owner).items.iter();
    let found = items.find(|item| item.id == id);
    found.cloned().ok_or("ErrorItemNotFound")
}

/// What can be asked for, as `ItemType` and `MessageType` have it in order; without a name what is no field
/// of the schema, an extended property.
const FIELDS: [&str; 11] = [
    "item:ItemClass",
    "item:Subject",
    "item:Body",
    "item:Attachments",
    "item:DateTimeReceived",
    "item:IsDraft",
    "item:DateTimeSent",
    "",
    "message:ToRecipients",
    "message:From",
    "message:IsRead",
];

/// An item with the properties that were asked for.
pub(super) fn item(item: &StoredItem, shape: Option<&Node>) -> String {
    let mail = MessageParser::default().parse(&item.mime);
    let wanted = shape.and_then(|shape| shape.child("t:AdditionalProperties"));
    let mut wanted: Vec<_> = wanted.map_or(vec![], |wanted| wanted.children.iter().collect());
    wanted.sort_by_key(|field| {
        let name = field.attribute("FieldURI").unwrap_or_default();
        FIELDS.iter().position(|field| *field == name)
    });
    let mut shown = String::new();
    for field in wanted {
        match (field.attribute("FieldURI"), &mail) {
            (Some(name), Some(mail)) => shown.push_str(&named(name, item, mail)),
            (Some(_), None) => {}
            (None, _) => shown.push_str(&property(field, item).unwrap_or_default()),
        }
    }
    format!(
        "<t:Message><t:ItemId Id=\"{}\" ChangeKey=\"CQAAAA==\"/>{shown}</t:Message>",
        item.id
    )
}

fn property(field: &Node, item: &StoredItem) -> Option<String> {
    let value = element("Value", item.properties.get(&items::name(field)?)?);
    let (key, name) = ["PropertyTag", "PropertyName"]
        .iter()
        .find_map(|key| Some((key, field.attribute(key)?)))?;
    let kind = field.attribute("PropertyType").unwrap_or_default();
    Some(format!(
        "<t:ExtendedProperty><t:ExtendedFieldURI {key}=\"{name}\" PropertyType=\"{kind}\"/>{value}\
         </t:ExtendedProperty>"
    ))
}

fn named(name: &str, item: &StoredItem, mail: &Message<'_>) -> String {
    let time = |seconds: i64| {
        Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string()
    };
    match name {
        "item:Subject" => element("Subject", mail.subject().unwrap_or_default()),
        "item:Body" => {
            let html = mail.body_html(0).unwrap_or_default();
            format!("<t:Body BodyType=\"HTML\">{}</t:Body>", escape(html))
        }
        "item:Attachments" => attachments(item, mail),
        "item:DateTimeReceived" => element("DateTimeReceived", &time(item.received)),
        "item:DateTimeSent" => element("DateTimeSent", &time(item.sent)),
        "item:ItemClass" => element("ItemClass", &item.class),
        "item:IsDraft" => element("IsDraft", &item.is_draft.to_string()),
        "message:IsRead" => element("IsRead", &item.is_read.to_string()),
        "message:From" => {
            let from = mail.from().and_then(|from| from.first());
            format!(
                "<t:From>{}</t:From>",
                from.map_or_else(String::new, mailbox)
            )
        }
        "message:ToRecipients" => {
            let to = mail
                .to()
                .map(|to| to.iter().map(mailbox).collect::<String>());
            format!(
                "<t:ToRecipients>{}</t:ToRecipients>",
                to.unwrap_or_default()
            )
        }
        _ => String::new(),
    }
}

fn mailbox(address: &Addr<'_>) -> String {
    let name = element("Name", address.name().unwrap_or_default());
    let address = element("EmailAddress", address.address().unwrap_or_default());
    let routing = element("RoutingType", "SMTP");
    format!("<t:Mailbox>{name}{address}{routing}</t:Mailbox>")
}

fn attachments(item: &StoredItem, mail: &Message<'_>) -> String {
    let mut shown = String::new();
    for (number, part) in mail.attachments().enumerate() {
        let id = format!("<t:AttachmentId Id=\"{}/{number}\"/>", item.id);
        let name = element("Name", part.attachment_name().unwrap_or_default());
        shown.push_str(&format!("<t:FileAttachment>{id}{name}</t:FileAttachment>"));
    }
    if shown.is_empty() {
        return shown;
    }
    format!("<t:Attachments>{shown}</t:Attachments>")
}

pub(super) fn attachment(
    state: &mut State,
    owner: &str,
    request: &Node,
) -> Vec<Result<String, Code>> {
    vec![try_attachment(state, owner, request)]
}

fn try_attachment(state: &mut State, owner: &str, request: &Node) -> Result<String, Code> {
    const MISSING: Code = "ErrorItemNotFound";
    let id = request
        .find("t:AttachmentId")
        .and_then(|id| id.attribute("Id"));
    let (item, number) = id.and_then(|id| id.rsplit_once('/')).ok_or(MISSING)?;
    let number: usize = number.parse().map_err(|_| MISSING)?;
    let item = by_id(state, owner, item)?;
    let mail = MessageParser::default().parse(&item.mime).ok_or(MISSING)?;
    let part = mail.attachments().nth(number).ok_or(MISSING)?;
    let name = element("Name", part.attachment_name().unwrap_or_default());
    let content = element("Content", &STANDARD.encode(part.contents()));
    Ok(format!(
        "<m:Attachments><t:FileAttachment>{name}{content}</t:FileAttachment></m:Attachments>"
    ))
}
