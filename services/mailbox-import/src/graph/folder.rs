//! The folder in a mailbox: found or made.

use chatkeep_microsoft365::Request;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    client::{Client, PATIENCE, encode, quoted},
    trouble::Trouble,
};
use crate::target::Position;

/// How far back a position lies behind the server's clock: what is created now is found from there.
const SKEW: i64 = 600;
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

/// The names of a path below the mailbox's root, and where it begins.
pub(super) fn levels(path: &str) -> (&'static str, Vec<&str>) {
    let mut levels: Vec<_> = path.split('/').filter(|level| !level.is_empty()).collect();
    let is_inbox = levels
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case("inbox"));
    if is_inbox {
        levels.remove(0);
    }
    // Well-known names: the inbox is called something else in most languages.
    (if is_inbox { "inbox" } else { "msgfolderroot" }, levels)
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

/// Where the next message will stand. A folder of Exchange has no numbers: the server's clock takes
/// their place.
pub(super) fn position(folder: &str, time: i64) -> Position {
    let digest = Sha256::digest(folder);
    let first = [digest[0], digest[1], digest[2], digest[3]];
    Position {
        // Zero stands for a position that is not known.
        uid_validity: u32::from_be_bytes(first).max(1),
        uid_next: u32::try_from(time - SKEW).unwrap_or(1).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_is_found_whatever_its_language() {
        assert_eq!(
            levels("Inbox/Skype for Business"),
            ("inbox", vec!["Skype for Business"])
        );
        assert_eq!(levels("/INBOX/A/B/"), ("inbox", vec!["A", "B"]));
        assert_eq!(levels("Archive"), ("msgfolderroot", vec!["Archive"]));
    }

    #[test]
    fn another_folder_of_the_same_name_has_another_position() {
        let one = position("AAMk1", 1_551_693_600);

        assert_ne!(
            one.uid_validity,
            position("AAMk2", 1_551_693_600).uid_validity
        );
        assert_eq!(one.uid_next, 1_551_693_000);
    }
}
