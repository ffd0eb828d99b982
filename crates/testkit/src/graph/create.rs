//! Messages are made ("Create message").

use serde_json::Value;

use super::{
    StoredMessage, attachments,
    call::{Call, Reply},
    json::{self, contact, contacts, invalid, text},
    properties::{self, CLASS, DELIVERED, FLAGS, MESSAGE_ID, READ, SUBMITTED, UNSENT},
    state::State,
};

/// Bytes of a body that Graph takes: 4 MB (pnp/cli-microsoft365, pull request 3832, observed it).
pub(super) const LARGEST: usize = 4 << 20;

/// Makes a message in the folder of the path, in Drafts where it names none.
///
/// What `GraphExchangeSession` of `DavMail` and its pull request 517 show of a real tenant: a message is a
/// draft unless `PR_MESSAGE_FLAGS` is set here, with `mfUnsent` clear; `receivedDateTime` and `sentDateTime`
/// are passed over, `PR_MESSAGE_DELIVERY_TIME` and `PR_CLIENT_SUBMIT_TIME` are taken; without `mfRead` it is
/// unread. A draft is read, as in the samples of the reference.
pub(super) fn create(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let now = jiff::Timestamp::now();
    let body = call.json()?;
    let mut message = read(&body, now)?;
    let contact = state.contact(owner);
    for quirk in &state.quirks {
        quirk.distort(&mut message, &contact, now);
    }
    let number = state.number();
    message.id = format!("AAkALg{number:012}");
    if message.message_id.is_empty() {
        message.message_id = format!("<{number}@prod.outlook.com>");
    }
    for (index, attachment) in message.attachments.iter_mut().enumerate() {
        attachment.id = format!("{}-A{index}", message.id);
    }
    let context = format!(
        "{}/$metadata#users('{owner}')/messages/$entity",
        state.endpoint
    );
    let mailbox = state.mailbox(owner);
    let folder = match call.segments()[..] {
        ["users", _, "mailFolders", folder, ..] => folder,
        _ => "drafts",
    };
    message.parent.clone_from(&mailbox.folder(folder)?.id);
    mailbox.charge(call.body.len())?;
    let mut answer = json::message(&message);
    answer.insert("@odata.context".to_owned(), context.into());
    mailbox.messages.insert(message.id.clone(), message);
    Ok(Reply::json(201, &Value::Object(answer)))
}

fn read(body: &Value, now: jiff::Timestamp) -> Result<StoredMessage, Reply> {
    let properties = properties::read(body)?;
    let flags: Option<i64> = properties.get(FLAGS).and_then(|flags| flags.parse().ok());
    let time = |id: &str| {
        let time = properties.get(id).and_then(|time| time.parse().ok());
        time.map_or_else(|| now.as_second(), jiff::Timestamp::as_second)
    };
    let headers = headers(body)?;
    let own_id = properties.get(MESSAGE_ID).cloned();
    let message_id = Some(text(body, "internetMessageId")).filter(|id| !id.is_empty());
    let content = body.get("body").cloned().unwrap_or_default();
    let class = properties.get(CLASS).cloned();
    Ok(StoredMessage {
        is_draft: flags.is_none_or(|flags| flags & UNSENT != 0),
        is_read: flags.is_none_or(|flags| flags & READ != 0),
        received: time(DELIVERED),
        sent: time(SUBMITTED),
        created: now.as_millisecond(),
        class: class.unwrap_or_else(|| "IPM.Note".to_owned()),
        message_id: message_id.or(own_id).unwrap_or_default(),
        subject: text(body, "subject"),
        from: contact(body.get("from")),
        sender: contact(body.get("sender")).or_else(|| contact(body.get("from"))),
        to: contacts(body, "toRecipients"),
        cc: contacts(body, "ccRecipients"),
        body_type: if text(&content, "contentType").eq_ignore_ascii_case("html") {
            "html".to_owned()
        } else {
            "text".to_owned()
        },
        body: text(&content, "content"),
        attachments: attachments::read_all(body)?,
        headers,
        properties,
        ..StoredMessage::default()
    })
}

/// Only headers of one's own may be set (`x-`).
fn headers(body: &Value) -> Result<Vec<(String, String)>, Reply> {
    let list = body.get("internetMessageHeaders").and_then(Value::as_array);
    let list = list.into_iter().flatten();
    let headers: Vec<_> = list
        .map(|one| (text(one, "name"), text(one, "value")))
        .collect();
    let is_own = |(name, _): &(String, String)| name.to_ascii_lowercase().starts_with("x-");
    if headers.iter().all(is_own) {
        return Ok(headers);
    }
    Err(invalid("InvalidInternetMessageHeader"))
}
