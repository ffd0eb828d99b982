//! The folder in a mailbox: found or made.

use chatkeep_microsoft365::Request;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{Client, PATIENCE, encode, quoted},
    trouble::Trouble,
};
use crate::exchange::folder::levels;

/// Somebody else may make or remove the folder at the same time.
const TRIES: u32 = 5;

#[derive(Deserialize)]
struct Listed {
    value: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// The id of the folder, made where it is missing.
pub(super) async fn open(client: &Client, path: &str) -> Result<String, Trouble> {
    let (root, levels) = levels(path);
    let mut folder = root.to_owned();
    for level in levels {
        folder = find_or_make(client, &folder, level).await?;
    }
    Ok(folder)
}

/// The id of the folder, where it is there.
pub(super) async fn find(client: &Client, path: &str) -> Result<Option<String>, Trouble> {
    let (root, levels) = levels(path);
    let mut folder = root.to_owned();
    for level in levels {
        match child(client, &folder, level).await? {
            Some(id) => folder = id,
            None => return Ok(None),
        }
    }
    Ok(Some(folder))
}

async fn find_or_make(client: &Client, parent: &str, name: &str) -> Result<String, Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        if let Some(id) = child(client, parent, name).await? {
            return Ok(id);
        }
        match make(client, parent, name).await {
            Ok(id) => return Ok(id),
            // Somebody was faster, or it was us: then it is found now.
            Err(Trouble::Refused { status: 409, .. } | Trouble::Doubtful { .. })
                if tries < TRIES => {}
            Err(trouble) => return Err(trouble),
        }
    }
}

async fn child(client: &Client, parent: &str, name: &str) -> Result<Option<String>, Trouble> {
    let parent = encode(parent);
    let filter = format!("displayName%20eq%20{}", quoted(name));
    let path = format!("mailFolders/{parent}/childFolders?$filter={filter}&$select=id,displayName");
    let listed: Listed = client.get(&client.path(&path)).await?;
    Ok(listed.value.into_iter().next().map(|folder| folder.id))
}

async fn make(client: &Client, parent: &str, name: &str) -> Result<String, Trouble> {
    let path = client.path(&format!("mailFolders/{}/childFolders", encode(parent)));
    let request = Request::post(path, &json!({ "displayName": name }));
    let request = request.map_err(Trouble::Setup)?;
    client.admitted(0, PATIENCE).await?;
    let made: Named = client
        .send(request)
        .await?
        .json()
        .map_err(|source| Trouble::Doubtful {
            after: None,
            source,
        })?;
    Ok(made.id)
}
