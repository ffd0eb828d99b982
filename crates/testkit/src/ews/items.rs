use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::{folders, mailbox::StoredItem, node::Node, reply::Code, state::State};

/// `MSGFLAG_UNSENT` ([MS-OXCMSG] 2.2.1.6).
const UNSENT: i64 = 8;

pub(super) fn create(
    state: &mut State,
    owner: &str,
    request: &Node,
    first: Option<Code>,
) -> Vec<Result<String, Code>> {
    let Some(items) = request.child("m:Items") else {
        return vec![Err("ErrorInvalidRequest")];
    };
    let mut replies = Vec::new();
    for (number, item) in items.children.iter().enumerate() {
        replies.push(match first {
            Some(code) if number == 0 => Err(code),
            _ => try_create(state, owner, request, item),
        });
    }
    replies
}

fn try_create(state: &mut State, owner: &str, request: &Node, item: &Node) -> Result<String, Code> {
    let parent = folders::id(state, owner, request.child("m:SavedItemFolderId"))?;
    if request.attribute("MessageDisposition") != Some("SaveOnly") {
        return Err("ErrorInvalidRequest");
    }
    let mime = item.child("t:MimeContent");
    let mime = mime.ok_or("ErrorMimeContentInvalid")?;
    let mime = STANDARD.decode(&mime.text);
    let mime = mime.map_err(|_| "ErrorMimeContentInvalidBase64String")?;
    let room = &mut state.mailbox(owner).room;
    match room {
        Some(left) if *left < mime.len() => return Err("ErrorQuotaExceeded"),
        Some(left) => *left -= mime.len(),
        None => {}
    }
    let created = now();
    let mut properties = properties(item);
    if state.passes_over_tags {
        properties.remove("0x3019");
    }
    let time = |tag: &str| {
        let time = properties.get(tag)?.parse::<Timestamp>().ok()?;
        Some(time.as_second())
    };
    // Without flags of its own an item that is saved is a draft.
    let flags = properties
        .get("0x0e07")
        .and_then(|flags| flags.parse().ok());
    let flags = flags.filter(|_| !state.passes_over_flags);
    let text = |name: &str| item.child(name).map(|child| child.text.clone());
    let id = format!("{owner}/{}", state.number());
    let stored = StoredItem {
        id: id.clone(),
        folder: String::new(),
        is_draft: flags.unwrap_or(UNSENT) & UNSENT != 0,
        is_read: text("t:IsRead").as_deref() == Some("true"),
        received: time("0x0e06").unwrap_or(created / 1_000),
        sent: time("0x0039").unwrap_or(created / 1_000),
        created,
        class: text("t:ItemClass").unwrap_or_else(|| "IPM.Note".to_owned()),
        properties,
        mime,
        parent,
    };
    state.mailbox(owner).items.push(stored);
    Ok(format!(
        "<m:Items><t:Message><t:ItemId Id=\"{id}\" ChangeKey=\"CQAAAA==\"/></t:Message></m:Items>"
    ))
}

fn properties(item: &Node) -> BTreeMap<String, String> {
    let set = |property: &Node| {
        let value = property.child("t:Value")?.text.clone();
        Some((name(property.child("t:ExtendedFieldURI")?)?, value))
    };
    item.children.iter().filter_map(set).collect()
}

/// The name of a property, or its tag.
pub(super) fn name(field: &Node) -> Option<String> {
    let tag = field.attribute("PropertyTag").map(str::to_lowercase);
    tag.or_else(|| field.attribute("PropertyName").map(str::to_owned))
}

pub(super) fn delete(state: &mut State, owner: &str, request: &Node) -> Vec<Result<String, Code>> {
    let ids = request.child("m:ItemIds");
    let ids = ids.map_or(&[][..], |ids| ids.children.as_slice());
    let items = &mut state.mailbox(owner).items;
    let mut replies = Vec::new();
    for id in ids {
        let before = items.len();
        items.retain(|item| Some(&*item.id) != id.attribute("Id"));
        replies.push(if items.len() < before {
            Ok(String::new())
        } else {
            Err("ErrorItemNotFound")
        });
    }
    replies
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
