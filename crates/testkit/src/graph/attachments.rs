//! Files of messages ("fileAttachment resource type").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    StoredAttachment,
    call::{Call, Reply},
    json::{invalid, text},
    messages::id,
    state::State,
};

const FILE: &str = "#microsoft.graph.fileAttachment";

/// The files in the body of a message.
pub(super) fn read_all(body: &Value) -> Result<Vec<StoredAttachment>, Reply> {
    let list = body.get("attachments").and_then(Value::as_array);
    list.into_iter().flatten().map(read).collect()
}

fn read(attachment: &Value) -> Result<StoredAttachment, Reply> {
    if text(attachment, "@odata.type") != FILE {
        return Err(invalid("ErrorInvalidRequest"));
    }
    let bytes = STANDARD.decode(text(attachment, "contentBytes"));
    let bytes = bytes.map_err(|_| invalid("ErrorInvalidRequest"))?;
    Ok(StoredAttachment {
        id: String::new(),
        name: text(attachment, "name"),
        content_type: text(attachment, "contentType"),
        bytes: bytes.into(),
    })
}

pub(super) fn list(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let message = state.mailbox(owner).message(id(call)?)?;
    let select = call.query("$select").map(str::to_owned);
    let value: Vec<_> = message
        .attachments
        .iter()
        .map(|attachment| {
            let mut shown = shown(attachment);
            if let (Some(select), Value::Object(shown)) = (&select, &mut shown) {
                let select: Vec<_> = select.split(',').collect();
                shown.retain(|name, _| {
                    name.starts_with('@') || name == "id" || select.contains(&name.as_str())
                });
            }
            shown
        })
        .collect();
    Ok(Reply::json(200, &json!({ "value": value })))
}

/// Adds a file to a message that exists. Nobody has seen yet whether a real tenant takes one where the
/// message is no draft; here it does.
pub(super) fn create(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let mut attachment = read(&call.json()?)?;
    let mailbox = state.mailbox(owner);
    let message = mailbox.message(id(call)?)?;
    attachment.id = format!("{}-A{}", message.id, message.attachments.len());
    let answer = shown(&attachment);
    message.attachments.push(attachment);
    Ok(Reply::json(201, &answer))
}

fn shown(attachment: &StoredAttachment) -> Value {
    json!({
        "@odata.type": FILE,
        "id": attachment.id,
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": attachment.bytes.len(),
        "isInline": false,
        "contentBytes": STANDARD.encode(&attachment.bytes),
    })
}
