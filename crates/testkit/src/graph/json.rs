//! From and to the resources of Graph.

use serde_json::{Map, Value, json};

use super::{Contact, StoredMessage, call::Reply};

/// A text of an object; empty where there is none.
pub(super) fn text(object: &Value, name: &str) -> String {
    let text = object.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

pub(super) fn contact(recipient: Option<&Value>) -> Option<Contact> {
    let address = recipient?.get("emailAddress")?;
    Some(Contact {
        name: text(address, "name"),
        address: text(address, "address"),
    })
}

pub(super) fn contacts(body: &Value, name: &str) -> Vec<Contact> {
    let list = body.get(name).and_then(Value::as_array);
    let list = list.into_iter().flatten();
    list.filter_map(|one| contact(Some(one))).collect()
}

fn recipient(contact: &Contact) -> Value {
    json!({ "emailAddress": { "name": contact.name, "address": contact.address } })
}

/// All properties of a message, as `message` has them.
pub(super) fn message(message: &StoredMessage) -> Map<String, Value> {
    let to: Vec<_> = message.to.iter().map(recipient).collect();
    let cc: Vec<_> = message.cc.iter().map(recipient).collect();
    let json = json!({
        "id": message.id,
        "changeKey": format!("CQ-{}", message.id),
        "createdDateTime": millis(message.created),
        "lastModifiedDateTime": millis(message.created),
        "receivedDateTime": seconds(message.received),
        "sentDateTime": seconds(message.sent),
        "hasAttachments": !message.attachments.is_empty(),
        "internetMessageId": message.message_id,
        "subject": message.subject,
        "bodyPreview": message.body.chars().take(16).collect::<String>(),
        "importance": "normal",
        "parentFolderId": message.parent,
        "conversationId": format!("AAQ-{}", message.id),
        "isRead": message.is_read,
        "isDraft": message.is_draft,
        "body": { "contentType": message.body_type, "content": message.body },
        "sender": message.sender.as_ref().map(recipient),
        "from": message.from.as_ref().map(recipient),
        "toRecipients": to,
        "ccRecipients": cc,
        "bccRecipients": [],
        "replyTo": [],
    });
    match json {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Unix seconds as Graph writes times.
pub(super) fn seconds(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Unix milliseconds, to the second: Graph tells no more.
pub(super) fn millis(millis: i64) -> String {
    seconds(millis.div_euclid(1000))
}

/// A body that is not what it should be.
pub(super) fn invalid(code: &str) -> Reply {
    Reply::error(400, code, "The request is invalid.")
}
