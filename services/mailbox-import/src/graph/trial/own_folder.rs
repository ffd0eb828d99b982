//! The folder that the messages of a trial stand in, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use chatkeep_microsoft365::Request;
use http::Method;
use serde::Deserialize;

use super::letter::PREFIX;
use crate::graph::{
    client::{Client, encode},
    folder, listing,
    trouble::Trouble,
};

/// Its name, below the mailbox's root.
pub(super) const NAME: &str = "Chatkeep canary";
/// How often its removal is tried where the mailbox is busy, and how long is waited at most each time.
const TRIES: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    child_folder_count: u32,
}

/// Makes the folder, and returns its id. One that a trial left behind is removed before; `None` where
/// there is one with something else in it.
pub(super) async fn make(client: &Client) -> Result<Option<String>, Trouble> {
    if let Some(left) = folder::find(client, NAME).await? {
        if !is_of_a_trial(client, &left).await? {
            return Ok(None);
        }
        remove(client, &left).await?;
    }
    folder::open(client, NAME).await.map(Some)
}

async fn is_of_a_trial(client: &Client, id: &str) -> Result<bool, Trouble> {
    let path = format!("mailFolders/{}?$select=childFolderCount", encode(id));
    let about: About = client.get(&client.path(&path)).await?;
    let listed = listing::keys(client, id, 0).await?;
    let is_ours = |key: &Option<String>| key.as_ref().is_some_and(|key| key.starts_with(PREFIX));
    Ok(about.child_folder_count == 0 && listed.iter().all(|(_, key)| is_ours(key)))
}

/// Removes the folder with everything in it, for good where the cloud can do that (the global one alone
/// can: "mailFolder: permanentDelete").
pub(super) async fn remove(client: &Client, id: &str) -> Result<(), Trouble> {
    let path = client.path(&format!("mailFolders/{}", encode(id)));
    let for_good = || Request {
        method: Method::POST,
        body: Some(Bytes::new()),
        ..Request::get(format!("{path}/permanentDelete"))
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let removed = match client.patiently(for_good).await {
            Err(Trouble::Refused { .. }) => {
                client.patiently(|| Request::delete(path.as_str())).await
            }
            removed => removed,
        };
        match removed {
            Err(Trouble::Busy(after)) if tries < TRIES => {
                tokio::time::sleep(after.min(LONGEST_PAUSE)).await;
            }
            Err(trouble) if trouble.is_missing() => return Ok(()),
            removed => return removed.map(drop),
        }
    }
}
