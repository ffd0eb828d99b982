//! Messages, listed, read, changed and deleted ("message resource type").

use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::{
    Quirk, StoredMessage,
    call::{Call, Reply},
    filter::Filter,
    json::{self, invalid},
    mailbox::not_found,
    mime,
    properties::expanded,
    state::State,
};

/// The most messages on a page, and how many are on one that does not say.
const MOST: usize = 1_000;
const PAGE: usize = 10;

/// Lists a folder's messages, or those of the whole mailbox: the latest received first, unless
/// `$orderby` says otherwise.
pub(super) fn list(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let endpoint = state.endpoint.clone();
    let is_filtered = !state.has(Quirk::IgnoresFilters);
    let mailbox = state.mailbox(owner);
    let folder = match call.segments()[..] {
        ["users", _, "mailFolders", folder, ..] => Some(mailbox.folder(folder)?.id.clone()),
        _ => None,
    };
    let filter = call.query("$filter").filter(|_| is_filtered);
    let filter = Filter::parse(filter)?;
    let is_here = |message: &&StoredMessage| {
        folder
            .as_ref()
            .is_none_or(|folder| message.parent == *folder)
            && filter.matches(message)
    };
    let mut found: Vec<_> = mailbox.messages.values().filter(is_here).collect();
    sort(&mut found, call.query("$orderby"))?;
    let skip = call.number("$skip").unwrap_or_default();
    let top = call.number("$top").unwrap_or(PAGE);
    if top == 0 || top > MOST {
        return Err(invalid("ErrorInvalidUrlQuery"));
    }
    let has_more = found.len() > skip + top;
    let page = found.into_iter().skip(skip).take(top);
    let value: Vec<_> = page.map(|message| shown(message, call)).collect();
    let context = format!("{endpoint}/$metadata#users('{owner}')/messages");
    let mut body = json!({ "@odata.context": context, "value": value });
    if has_more {
        body["@odata.nextLink"] = next_link(&endpoint, call, skip + top).into();
    }
    Ok(Reply::json(200, &body))
}

fn sort(messages: &mut [&StoredMessage], order: Option<&str>) -> Result<(), Reply> {
    match order {
        None | Some("receivedDateTime desc") => {
            messages.sort_by_key(|message| Reverse((message.received, message.created)));
        }
        Some("receivedDateTime" | "receivedDateTime asc") => {
            messages.sort_by_key(|message| (message.received, message.created));
        }
        Some("createdDateTime" | "createdDateTime asc") => {
            messages.sort_by_key(|message| message.created);
        }
        Some("createdDateTime desc") => messages.sort_by_key(|message| Reverse(message.created)),
        Some(_) => return Err(invalid("ErrorInvalidUrlQuery")),
    }
    Ok(())
}

/// The same request, further on.
fn next_link(endpoint: &str, call: &Call, skip: usize) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let path: Vec<_> = call.path.iter().map(|segment| encode(segment)).collect();
    let query = call.query.iter().filter(|(name, _)| *name != "$skip");
    let query = query.map(|(name, value)| format!("{name}={}", encode(value)));
    let query: Vec<_> = query.chain([format!("$skip={skip}")]).collect();
    format!("{endpoint}/{}?{}", path.join("/"), query.join("&"))
}

pub(super) fn get(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let context = format!(
        "{}/$metadata#users('{owner}')/messages/$entity",
        state.endpoint
    );
    let message = state.mailbox(owner).message(id(call)?)?;
    let mut body = shown(message, call);
    body["@odata.context"] = context.into();
    Ok(Reply::json(200, &body))
}

pub(super) fn get_mime(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let message = state.mailbox(owner).message(id(call)?)?;
    Ok(Reply::text(200, mime::render(message)))
}

/// Changes what may change. `PR_MESSAGE_FLAGS` is not among it: a draft stays one, whatever it says
/// (microsoft-graph-docs-contrib, issue 2790; [MS-OXCMSG] 2.2.1.6: `mfUnsent` only before the first save).
pub(super) fn update(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let body = call.json()?;
    let message = state.mailbox(owner).message(id(call)?)?;
    if let Some(is_read) = body.get("isRead").and_then(Value::as_bool) {
        message.is_read = is_read;
    }
    if let (true, Some(subject)) = (
        message.is_draft,
        body.get("subject").and_then(Value::as_str),
    ) {
        subject.clone_into(&mut message.subject);
    }
    let body = shown(message, call);
    Ok(Reply::json(200, &body))
}

/// Moves a message to Deleted Items, or out of the mailbox where it is there already.
pub(super) fn delete(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let mailbox = state.mailbox(owner);
    let deleted = mailbox.folder("deleteditems")?.id.clone();
    let message = mailbox.message(id(call)?)?;
    if message.parent == deleted {
        let id = message.id.clone();
        mailbox.messages.remove(&id);
    } else {
        message.parent = deleted;
    }
    Ok(Reply::empty(204))
}

pub(super) fn delete_for_good(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    if state.has(Quirk::DeletesSoftly) {
        return delete(state, owner, call);
    }
    let removed = state.mailbox(owner).messages.remove(id(call)?);
    removed.map(|_| Reply::empty(204)).ok_or_else(not_found)
}

/// The id of the message in the path.
pub(super) fn id(call: &Call) -> Result<&str, Reply> {
    let messages = call.path.iter().position(|segment| segment == "messages");
    let id = messages.and_then(|messages| call.path.get(messages + 1));
    id.map(String::as_str).ok_or_else(not_found)
}

/// A message with what `$select` and `$expand` ask for.
fn shown(message: &StoredMessage, call: &Call) -> Value {
    let mut json: Map<String, Value> = json::message(message);
    if let Some(select) = call.query("$select") {
        let select: Vec<_> = select.split(',').map(str::trim).collect();
        if select.contains(&"internetMessageHeaders") {
            let headers = message.headers.iter();
            let headers = headers.map(|(name, value)| json!({ "name": name, "value": value }));
            json.insert("internetMessageHeaders".to_owned(), headers.collect());
        }
        json.retain(|name, _| name == "id" || select.contains(&name.as_str()));
    }
    if let Some(expand) = call.query("$expand")
        && let Some(properties) = expanded(&message.properties, expand)
    {
        json.insert("singleValueExtendedProperties".to_owned(), properties);
    }
    Value::Object(json)
}
