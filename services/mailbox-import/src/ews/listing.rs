//! What stands in a folder ([MS-OXWSSRCH]).

use super::{
    client::Client,
    failure::{EwsError, Failure},
    item::utc,
    property,
    xml::Element,
};
use crate::target::{Copy, CopyKey};

/// Items in an answer: the most that Exchange gives, unless its throttling policy says otherwise
/// (`EwsFindCountLimit`).
const PAGE: usize = 1_000;
/// How often a folder is listed that changes meanwhile.
const TRIES: u32 = 5;

/// Messages with an import key that were created from `since` on, Unix seconds, the oldest first; all for
/// 0.
pub(super) async fn list(client: &Client, folder: &str, since: u32) -> Result<Vec<Copy>, Failure> {
    for _ in 0..TRIES {
        if let Some(copies) = try_list(client, folder, since).await? {
            return Ok(copies);
        }
    }
    Err(Failure::Doubtful(EwsError::Invalid))
}

/// `None` where the folder changed between two pages: an item that went would hide another one. Each page
/// begins with the last item of the one before, which shows it.
async fn try_list(client: &Client, folder: &str, since: u32) -> Result<Option<Vec<Copy>>, Failure> {
    let mut copies: Vec<Copy> = Vec::new();
    loop {
        let offset = copies.len().saturating_sub(1);
        let (found, _) = client.ask(&request(folder, since, offset)).await?;
        let invalid = || Failure::Doubtful(EwsError::Invalid);
        let root = found.child("RootFolder").ok_or_else(invalid)?;
        let is_last = root.attribute("IncludesLastItemInRange") == Some("true");
        let items = root
            .child("Items")
            .map_or(&[][..], |items| items.children.as_slice());
        let page: Option<Vec<_>> = items.iter().map(copy).collect();
        let mut page = page.ok_or_else(invalid)?;
        if let Some(last) = copies.last() {
            if page.first() != Some(last) {
                return Ok(None);
            }
            page.remove(0);
        }
        if page.is_empty() && !is_last {
            return Ok(None);
        }
        copies.extend(page);
        if is_last {
            return Ok(Some(copies));
        }
    }
}

fn request(folder: &str, since: u32, offset: usize) -> String {
    let key = property::KEY;
    let has_key = format!("<t:Exists>{key}</t:Exists>");
    let wanted = if since == 0 {
        has_key
    } else {
        format!(
            "<t:And>{has_key}<t:IsGreaterThanOrEqualTo><t:FieldURI FieldURI=\"item:DateTimeCreated\"/>\
             <t:FieldURIOrConstant><t:Constant Value=\"{}\"/></t:FieldURIOrConstant>\
             </t:IsGreaterThanOrEqualTo></t:And>",
            utc(since.into())
        )
    };
    format!(
        "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>\
         <t:AdditionalProperties>{key}</t:AdditionalProperties></m:ItemShape>\
         <m:IndexedPageItemView MaxEntriesReturned=\"{PAGE}\" Offset=\"{offset}\" BasePoint=\"Beginning\"/>\
         <m:Restriction>{wanted}</m:Restriction><m:SortOrder><t:FieldOrder Order=\"Ascending\">\
         <t:FieldURI FieldURI=\"item:DateTimeCreated\"/></t:FieldOrder></m:SortOrder>\
         <m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"
    )
}

fn copy(item: &Element) -> Option<Copy> {
    Some(Copy {
        key: CopyKey::Id(item.child("ItemId")?.attribute("Id")?.to_owned()),
        id: property::value(item, "ChatkeepKey")?.to_owned(),
        is_whole: true,
    })
}
