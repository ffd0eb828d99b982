use chatkeep_microsoft365::Request;
use http::Method;
use serde_json::json;

use crate::support::{ANN, World, message};

#[tokio::test]
async fn a_folder_is_found_by_its_name_and_made_once() {
    let world = World::start().await;
    let path = format!("users/{ANN}/mailFolders/inbox/childFolders");
    let filter = format!("{path}?$filter=displayName%20eq%20'Skype%20for%20Business'");

    let before = world.get(&filter).await.unwrap();
    let made = world.folder("Skype for Business").await;
    let again = world
        .post(&path, &json!({ "displayName": "SKYPE for Business" }))
        .await;
    let after = world.get(&filter).await.unwrap();

    assert_eq!(before["value"].as_array().unwrap().len(), 0);
    assert_eq!(again.unwrap_err().code(), Some("ErrorFolderExists"));
    assert_eq!(after["value"][0]["id"], made);
    assert!(
        world
            .tenant
            .folders(ANN)
            .contains(&"Inbox/Skype for Business".to_owned())
    );
}

#[tokio::test]
async fn a_folder_that_its_user_deleted_is_not_found() {
    let world = World::start().await;
    let folder = world.folder("Skype for Business").await;
    let path = format!("users/{ANN}/mailFolders/{folder}/messages");
    world
        .post(&path, &message("<1@contoso.com>"))
        .await
        .unwrap();

    world.tenant.delete_folder(ANN, "Inbox/Skype for Business");
    let refused = world
        .post(&path, &message("<2@contoso.com>"))
        .await
        .unwrap_err();

    assert_eq!(refused.code(), Some("ErrorItemNotFound"));
    assert!(world.tenant.messages(ANN).is_empty());
}

/// "mailFolder: permanentDelete"
#[tokio::test]
async fn a_folder_is_removed_for_good_with_everything_in_it() {
    let world = World::start().await;
    let folder = world.folder("Skype for Business").await;
    let path = format!("users/{ANN}/mailFolders/{folder}");
    let messages = format!("{path}/messages");
    let stored = world.post(&messages, &message("<1@contoso.com>")).await;
    stored.unwrap();

    let mut remove = Request::get(format!("{path}/permanentDelete"));
    remove.method = Method::POST;
    let removed = world.graph.send(remove).await.unwrap();
    let gone = world.delete(&path).await.err().unwrap();

    assert_eq!(removed.status, 204);
    assert_eq!(gone.code(), Some("ErrorItemNotFound"));
    assert!(world.tenant.messages(ANN).is_empty());
    assert!(
        !world
            .tenant
            .folders(ANN)
            .iter()
            .any(|one| one.contains("Skype"))
    );
}
