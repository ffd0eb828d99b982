//! Folders of a mailbox ("mailFolder resource type").

use serde_json::{Value, json};

use super::{
    Quirk,
    call::{Call, Reply},
    json::{invalid, text},
    mailbox::{Folder, Mailbox},
    state::State,
};

/// The most on a page.
const MOST: usize = 1_000;

pub(super) fn list(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let context = format!("{}/$metadata#users('{owner}')/mailFolders", state.endpoint);
    let mailbox = state.mailbox(owner);
    let parent = parent(mailbox, call)?;
    let wanted = match call.query("$filter") {
        None => None,
        Some(filter) => Some(display_name(filter)?),
    };
    let here = mailbox.folders.iter().filter(|folder| {
        let has_name = wanted
            .as_ref()
            .is_none_or(|wanted| same(wanted, &folder.name));
        folder.parent == parent && has_name
    });
    let page = call.number("$top").unwrap_or(10).min(MOST);
    let value: Vec<_> = here
        .take(page)
        .map(|folder| json(mailbox, folder))
        .collect();
    let body = json!({ "@odata.context": context, "value": value });
    Ok(Reply::json(200, &body))
}

pub(super) fn get(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let mailbox = state.mailbox(owner);
    let folder = mailbox.folder(&call.path[3])?;
    Ok(Reply::json(200, &json(mailbox, folder)))
}

/// Names are compared without case; a second one is `ErrorFolderExists`.
pub(super) fn create(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let name = text(&call.json()?, "displayName");
    if name.is_empty() {
        return Err(invalid("ErrorInvalidRequest"));
    }
    let mailbox = state.mailbox(owner);
    let parent = parent(mailbox, call)?;
    let mut here = mailbox.folders.iter();
    if here.any(|folder| folder.parent == parent && same(&folder.name, &name)) {
        let message = "A folder with the specified name already exists.";
        return Err(Reply::error(409, "ErrorFolderExists", message));
    }
    let folder = mailbox.add_folder(owner, &parent, &name);
    Ok(Reply::json(201, &json(mailbox, &folder)))
}

pub(super) fn delete(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let mailbox = state.mailbox(owner);
    let folder = mailbox.folder(&call.path[3])?.id.clone();
    mailbox.remove_folder(&folder);
    Ok(Reply::empty(204))
}

/// Removes a folder with everything in it, also from where its user could restore it ("mailFolder:
/// permanentDelete"; the global cloud alone has it).
pub(super) fn delete_for_good(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    if state.has(Quirk::DeletesSoftly) {
        return Err(invalid("ErrorInvalidRequest"));
    }
    delete(state, owner, call)
}

/// The id of the folder that the request is about the children of.
fn parent(mailbox: &Mailbox, call: &Call) -> Result<String, Reply> {
    match call.path.get(3) {
        Some(name) if name != "msgfolderroot" => Ok(mailbox.folder(name)?.id.clone()),
        _ => Ok(String::new()),
    }
}

fn display_name(filter: &str) -> Result<String, Reply> {
    let value = filter.strip_prefix("displayName eq '");
    let value = value.and_then(|rest| rest.strip_suffix('\''));
    let value = value.ok_or_else(|| invalid("ErrorInvalidUrlQueryFilter"))?;
    Ok(value.replace("''", "'"))
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn json(mailbox: &Mailbox, folder: &Folder) -> Value {
    let messages = mailbox.messages.values();
    let here: Vec<_> = messages
        .filter(|message| message.parent == folder.id)
        .collect();
    let children = mailbox.folders.iter();
    json!({
        "id": folder.id,
        "displayName": folder.name,
        "parentFolderId": folder.parent,
        "childFolderCount": children.filter(|child| child.parent == folder.id).count(),
        "totalItemCount": here.len(),
        "unreadItemCount": here.iter().filter(|message| !message.is_read).count(),
        "isHidden": false,
    })
}
