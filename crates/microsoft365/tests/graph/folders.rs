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
