//! Changes of users ("Get incremental changes for users").

use chatkeep_microsoft365::GraphError;
use chatkeep_testkit::graph::{Options, Person};
use serde_json::Value;

use crate::support::{ANN, World};

const FIRST: &str = "users/delta?$select=userPrincipalName,mail,proxyAddresses,userType&$top=2";

/// Goes through a round. Returns what it told, and where the next one begins.
async fn round(world: &World, link: &str) -> Result<(Vec<Value>, String), GraphError> {
    let mut told = Vec::new();
    let mut link = link.to_owned();
    loop {
        let page = world.get(&link).await?;
        told.extend(page["value"].as_array().unwrap().iter().cloned());
        if let Some(end) = page["@odata.deltaLink"].as_str() {
            return Ok((told, end.to_owned()));
        }
        page["@odata.nextLink"]
            .as_str()
            .unwrap()
            .clone_into(&mut link);
    }
}

#[tokio::test]
async fn a_round_tells_what_changed_since_the_last_one() {
    let world = World::start().await;
    let gone = world.tenant.add(Person::new("gone@contoso.com"));
    for number in 0..4 {
        world
            .tenant
            .add(Person::new(&format!("p{number}@contoso.com")));
    }

    let (everybody, link) = round(&world, FIRST).await.unwrap();
    world
        .tenant
        .change(ANN, |ann| ann.rename("ann.example@contoso.com"));
    world.tenant.remove("gone@contoso.com", false);
    let (changes, link) = round(&world, &link).await.unwrap();
    let (nothing, _) = round(&world, &link).await.unwrap();

    assert_eq!(everybody.len(), 6);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0]["mail"], "ann.example@contoso.com");
    assert_eq!(changes[0]["userType"], "Member", "also what did not change");
    assert_eq!(changes[1]["id"], gone);
    assert_eq!(changes[1]["@removed"]["reason"], "changed");
    assert!(nothing.is_empty());
}

#[tokio::test]
async fn a_minimal_round_leaves_out_what_did_not_change() {
    let world = World::with(Options {
        changes_are_minimal: true,
        ..Options::default()
    })
    .await;

    let (_, link) = round(&world, FIRST).await.unwrap();
    world.tenant.change(ANN, |ann| ann.mail = None);
    let (changes, _) = round(&world, &link).await.unwrap();

    let names: Vec<_> = changes[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "mail"]);
    assert!(changes[0]["mail"].is_null());
}

#[tokio::test]
async fn a_property_that_was_never_set_is_left_out() {
    let world = World::start().await;
    world.tenant.add(Person::without_mailbox("eve@contoso.com"));

    let (everybody, _) = round(&world, FIRST).await.unwrap();

    let eve = everybody
        .iter()
        .find(|user| user["userPrincipalName"] == "eve@contoso.com");
    assert!(eve.unwrap().get("mail").is_none());
}

#[tokio::test]
async fn a_token_that_is_too_old_is_gone() {
    let world = World::start().await;
    let (_, link) = round(&world, FIRST).await.unwrap();

    world.tenant.expire_delta_tokens();
    let refused = round(&world, &link).await.unwrap_err();

    assert_eq!(refused.code(), Some("syncStateNotFound"));
    assert!(refused.to_string().contains("410"), "{refused}");
}
