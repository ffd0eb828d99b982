//! What stands in a folder.

use chatkeep_microsoft365::GraphError;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    client::{Client, encode},
    item::utc,
    mailbox::message,
    property,
    trouble::Trouble,
};
use crate::target::{Copy, CopyKey};

/// Messages in an answer: the most that Graph gives.
const PAGE: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    value: Vec<Listed>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    #[serde(default)]
    internet_message_id: Option<String>,
    created_date_time: Timestamp,
    #[serde(default)]
    single_value_extended_properties: Vec<Property>,
}

/// A property as Graph gives it back.
#[derive(Deserialize)]
pub(super) struct Property {
    id: String,
    value: String,
}

/// Names of files alone.
#[derive(Deserialize)]
struct Attachments {
    value: Vec<serde::de::IgnoredAny>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// The value of a property.
pub(super) fn value<'a>(properties: &'a [Property], wanted: &str) -> Option<&'a str> {
    let found = properties
        .iter()
        .find(|property| property::is(&property.id, wanted))?;
    Some(&found.value)
}

/// A query for these properties.
pub(super) fn expand(properties: &[&str]) -> String {
    let ids = properties.iter().map(|id| format!("id eq '{id}'"));
    let ids = ids.collect::<Vec<_>>().join(" or ");
    let filter = encode(&ids);
    format!("$expand=singleValueExtendedProperties($filter={filter})")
}

/// Messages with an import key or Message-ID that were created from `since` on, Unix seconds, the oldest
/// first; all for 0.
pub(super) async fn list(client: &Client, folder: &str, since: u32) -> Result<Vec<Copy>, Trouble> {
    let mut listed = Vec::new();
    let mut next = Some(address(client, folder, since));
    while let Some(path) = next {
        let page: Page = client.get(&path).await?;
        for message in page.value {
            listed.extend(copy(client, message).await?);
        }
        next = page.next;
    }
    listed.sort_by(|(one, a), (other, b)| (one, &a.id).cmp(&(other, &b.id)));
    Ok(listed.into_iter().map(|(_, copy)| copy).collect())
}

/// Ids and import keys of all messages that the same list has, also of those that have no key.
pub(super) async fn keys(
    client: &Client,
    folder: &str,
    since: u32,
) -> Result<Vec<(String, Option<String>)>, Trouble> {
    let mut keys = Vec::new();
    let mut next = Some(address(client, folder, since));
    while let Some(path) = next {
        let page: Page = client.get(&path).await?;
        keys.extend(page.value.into_iter().map(|message| {
            let key = value(&message.single_value_extended_properties, property::KEY);
            let key = key.map(str::to_owned);
            (message.id, key)
        }));
        next = page.next;
    }
    Ok(keys)
}

/// The first page of the list.
fn address(client: &Client, folder: &str, since: u32) -> String {
    let folder = encode(folder);
    let expand = expand(&[property::KEY, property::FILES]);
    let path = client.path(&format!(
        "mailFolders/{folder}/messages?$top={PAGE}&$select=id,internetMessageId,createdDateTime&{expand}"
    ));
    if since == 0 {
        return path;
    }
    let since = encode(&format!("createdDateTime ge {}", utc(since.into())));
    format!("{path}&$filter={since}")
}

async fn copy(client: &Client, listed: Listed) -> Result<Option<(Timestamp, Copy)>, Trouble> {
    let properties = &listed.single_value_extended_properties;
    let id = value(properties, property::KEY).map(str::to_owned);
    let Some(id) = id.or(listed.internet_message_id) else {
        return Ok(None);
    };
    let is_whole = match value(properties, property::FILES) {
        None => true,
        Some(files) => {
            let files: usize = files.parse().map_err(|_| Trouble::Doubtful {
                after: None,
                source: GraphError::Invalid,
            })?;
            attachments(client, &listed.id).await? >= files
        }
    };
    let copy = Copy {
        key: CopyKey::Id(listed.id),
        id,
        is_whole,
    };
    Ok(Some((listed.created_date_time, copy)))
}

/// How many files a message has.
async fn attachments(client: &Client, id: &str) -> Result<usize, Trouble> {
    let mut count = 0;
    let mut next = Some(format!(
        "{}/attachments?$select=id,name",
        message(client, id)
    ));
    while let Some(path) = next {
        let page: Attachments = match client.get(&path).await {
            // Its owner removed it between two requests.
            Err(trouble) if trouble.is_missing() => return Ok(count),
            page => page?,
        };
        count += page.value.len();
        next = page.next;
    }
    Ok(count)
}
