//! How messages are found again ("List messages", "singleValueLegacyExtendedProperty: get").

use chatkeep_microsoft365::Request;
use serde_json::{Value, json};

use crate::support::{ANN, World, message};

const KEY: &str = "String {0f7c7e10-5d4e-4a3f-8c63-6e1f0a6b5c11} Name ImportKey";

fn keyed(id: &str, key: &str) -> Value {
    let mut body = message(id);
    let properties = body["singleValueExtendedProperties"]
        .as_array_mut()
        .unwrap();
    properties.push(json!({ "id": KEY, "value": key }));
    body
}

fn ids(list: &Value) -> Vec<&str> {
    let list = list["value"].as_array().unwrap().iter();
    list.map(|one| one["internetMessageId"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_message_is_found_by_its_message_id_anywhere_in_the_mailbox() {
    let world = World::start().await;
    for id in ["<1@contoso.com>", "<2@contoso.com>"] {
        world.create(&message(id)).await.unwrap();
    }
    let filter = "internetMessageId%20eq%20'%3C2%40contoso.com%3E'";

    let found = world
        .get(&format!("users/{ANN}/messages?$filter={filter}"))
        .await;

    assert_eq!(ids(&found.unwrap()), ["<2@contoso.com>"]);
}

#[tokio::test]
async fn a_message_is_found_by_a_property_of_ours_and_shows_it() {
    let world = World::start().await;
    for (id, key) in [("<1@contoso.com>", "aa"), ("<2@contoso.com>", "bb")] {
        world.create(&keyed(id, key)).await.unwrap();
    }
    let condition = format!("ep/id eq '{KEY}' and ep/value eq 'bb'");
    let filter = format!("singleValueExtendedProperties/Any(ep: {condition})");
    let expand = format!("singleValueExtendedProperties($filter=id eq '{KEY}')");
    let path = format!("users/{ANN}/messages?$filter={filter}&$expand={expand}");

    let found = world.get(&path).await.unwrap();

    assert_eq!(ids(&found), ["<2@contoso.com>"]);
    let shown = &found["value"][0]["singleValueExtendedProperties"];
    assert_eq!(*shown, json!([{ "id": KEY, "value": "bb" }]));
}

#[tokio::test]
async fn the_name_of_a_property_has_case() {
    let world = World::start().await;
    world.create(&keyed("<1@contoso.com>", "aa")).await.unwrap();
    let other = KEY.replace("ImportKey", "importkey");
    let condition = format!("ep/id eq '{other}' and ep/value eq 'aa'");
    let filter = format!("singleValueExtendedProperties/Any(ep: {condition})");

    let found = world
        .get(&format!("users/{ANN}/messages?$filter={filter}"))
        .await;

    assert!(ids(&found.unwrap()).is_empty());
}

#[tokio::test]
async fn pages_follow_each_other_to_the_last_message() {
    let world = World::start().await;
    for number in 0..25 {
        let id = format!("<{number}@contoso.com>");
        world.create(&message(&id)).await.unwrap();
    }
    let since = "createdDateTime%20ge%202001-01-01T00:00:00Z";
    let mut path = format!(
        "users/{ANN}/mailFolders/inbox/messages?$select=id,internetMessageId&$top=10&$filter={since}"
    );

    let mut found = Vec::new();
    let mut pages = 0;
    loop {
        let page = world.graph.send(Request::get(path)).await.unwrap();
        let page: Value = page.json().unwrap();
        found.extend(ids(&page).into_iter().map(str::to_owned));
        pages += 1;
        match page["@odata.nextLink"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }

    found.sort_unstable();
    found.dedup();
    assert_eq!((found.len(), pages), (25, 3));
}

#[tokio::test]
async fn a_filter_it_does_not_know_is_refused_and_not_passed_over() {
    let world = World::start().await;

    let refused = world
        .get(&format!("users/{ANN}/messages?$filter=subject%20eq%20'x'"))
        .await
        .unwrap_err();

    assert_eq!(refused.code(), Some("ErrorInvalidUrlQueryFilter"));
}

#[tokio::test]
async fn deleting_moves_to_deleted_items_and_deleting_for_good_does_not() {
    let world = World::start().await;
    for id in ["<1@contoso.com>", "<2@contoso.com>"] {
        world.create(&message(id)).await.unwrap();
    }
    let stored = world.tenant.messages(ANN);
    let path = |index: usize| format!("users/{ANN}/messages/{}", stored[index].id);

    world.delete(&path(0)).await.unwrap();
    let for_good = Request::post(format!("{}/permanentDelete", path(1)), &json!({})).unwrap();
    world.graph.send(for_good).await.unwrap();

    let left = world.tenant.messages(ANN);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].folder, "Deleted Items");
}
