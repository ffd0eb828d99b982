//! The folder in a mailbox: found or made ([MS-OXWSFOLD]).

use super::{
    client::Client,
    failure::{EwsError, Failure},
    xml::{self, Element},
};
use crate::exchange::folder::levels;

/// Somebody else may make or remove the folder at the same time.
const TRIES: u32 = 5;

/// A folder, as an element that names it, and what time it was there, Unix seconds.
pub(super) struct Place {
    pub(super) folder: String,
    pub(super) time: i64,
}

/// The folder, made where it is missing.
pub(super) async fn open(client: &Client, path: &str) -> Result<Place, Failure> {
    let (root, levels) = levels(path);
    let mut place: Option<Place> = None;
    for level in levels {
        let parent = place.map_or_else(|| client.root(root), |place| place.folder);
        place = Some(find_or_make(client, &parent, level).await?);
    }
    match place {
        Some(place) => Ok(place),
        None => get(client, root).await,
    }
}

/// The folder, where it is there. The mailbox is opened also where it is not.
pub(super) async fn find(client: &Client, path: &str) -> Result<Option<Place>, Failure> {
    let (root, levels) = levels(path);
    let mut place = get(client, root).await?;
    for level in levels {
        match child(client, &place.folder, level).await? {
            Some(found) => place = found,
            None => return Ok(None),
        }
    }
    Ok(Some(place))
}

async fn find_or_make(client: &Client, parent: &str, name: &str) -> Result<Place, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        if let Some(found) = child(client, parent, name).await? {
            return Ok(found);
        }
        match make(client, parent, name).await {
            // Somebody was faster, or it was us: then it is found now.
            Err(Failure::Exists | Failure::Doubtful(_)) if tries < TRIES => {}
            made => return made,
        }
    }
}

async fn get(client: &Client, root: &str) -> Result<Place, Failure> {
    let root = client.root(root);
    let request = format!(
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>\
         <m:FolderIds>{root}</m:FolderIds></m:GetFolder>"
    );
    let (found, time) = client.ask(&request).await?;
    named(&found, time)
}

async fn child(client: &Client, parent: &str, name: &str) -> Result<Option<Place>, Failure> {
    let name = xml::text(name);
    let request = format!(
        "<m:FindFolder Traversal=\"Shallow\"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>\
         <m:IndexedPageFolderView MaxEntriesReturned=\"1\" Offset=\"0\" BasePoint=\"Beginning\"/>\
         <m:Restriction><t:IsEqualTo><t:FieldURI FieldURI=\"folder:DisplayName\"/><t:FieldURIOrConstant>\
         <t:Constant Value=\"{name}\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>\
         <m:ParentFolderIds>{parent}</m:ParentFolderIds></m:FindFolder>"
    );
    let (found, time) = client.ask(&request).await?;
    let root = found.child("RootFolder");
    let folders = root.and_then(|root| root.child("Folders"));
    match folders {
        Some(folders) if !folders.children.is_empty() => named(folders, time).map(Some),
        _ => Ok(None),
    }
}

async fn make(client: &Client, parent: &str, name: &str) -> Result<Place, Failure> {
    let name = xml::text(name);
    let request = format!(
        "<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId><m:Folders><t:Folder>\
         <t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>{name}</t:DisplayName></t:Folder></m:Folders>\
         </m:CreateFolder>"
    );
    let answer = client.send(&request).await?;
    let reply = answer.replies.first();
    let reply = reply.ok_or(Failure::Doubtful(EwsError::Invalid))?;
    named(reply.content()?, answer.time)
}

/// The first folder of an answer.
fn named(answer: &Element, time: i64) -> Result<Place, Failure> {
    let id = answer.find("FolderId").and_then(|id| id.attribute("Id"));
    let id = id.ok_or(Failure::Doubtful(EwsError::Invalid))?;
    Ok(Place {
        folder: format!("<t:FolderId Id=\"{}\"/>", xml::text(id)),
        time,
    })
}
