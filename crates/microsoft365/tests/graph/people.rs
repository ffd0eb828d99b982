//! Users, and mailboxes that cannot be used.

use chatkeep_testkit::graph::{Options, Person, Role};

use crate::support::{ANN, World, message};

#[tokio::test]
async fn a_user_is_found_by_id_and_principal_name_and_not_by_an_alias() {
    let world = World::start().await;
    let id = world.tenant.add(Person::new("bob@contoso.com"));
    world.tenant.change(&id, |bob| {
        bob.mail = Some("robert@contoso.com".to_owned());
        bob.proxies = vec!["SMTP:robert@contoso.com".to_owned()];
    });

    let by_id = world
        .get(&format!("users/{id}?$select=mail"))
        .await
        .unwrap();
    let by_name = world.get("users/Bob@contoso.com").await.unwrap();
    let by_mail = world.get("users/robert@contoso.com/messages").await;
    let filter = "users?$filter=proxyAddresses/any(p:p%20eq%20'smtp:robert@contoso.com')";
    let found = world.get(filter).await.unwrap();

    assert_eq!(by_id["mail"], "robert@contoso.com");
    assert_eq!(by_name["userPrincipalName"], "bob@contoso.com");
    assert_eq!(by_mail.unwrap_err().code(), Some("ErrorInvalidUser"));
    assert_eq!(found["value"][0]["userPrincipalName"], "bob@contoso.com");
}

#[tokio::test]
async fn who_has_no_mailbox_and_whose_mailbox_is_out_of_scope_are_told_apart() {
    let world = World::start().await;
    world.tenant.add(Person::without_mailbox("eve@contoso.com"));

    let none = world
        .get("users/eve@contoso.com/messages")
        .await
        .unwrap_err();
    world.tenant.deny(ANN, true);
    let denied = world.create(&message("<1@contoso.com>")).await.unwrap_err();

    assert_eq!(none.code(), Some("MailboxNotEnabledForRESTAPI"));
    assert_eq!(denied.code(), Some("ErrorAccessDenied"));
}

#[tokio::test]
async fn a_missing_permission_is_worded_by_the_directory_and_by_mailboxes() {
    let roles = |roles: &[Role]| Options {
        roles: roles.to_vec(),
        ..Options::default()
    };
    let no_users = World::with(roles(&[Role::MailReadWrite])).await;
    let no_mail = World::with(roles(&[Role::UserReadAll])).await;

    let users = no_users.get("users/delta").await.unwrap_err();
    let mail = no_mail
        .create(&message("<1@contoso.com>"))
        .await
        .unwrap_err();

    assert_eq!(users.code(), Some("Authorization_RequestDenied"));
    assert_eq!(mail.code(), Some("ErrorAccessDenied"));
}

#[tokio::test]
async fn a_full_mailbox_takes_nothing_more() {
    let world = World::start().await;
    world.tenant.set_room(ANN, Some(10));

    let refused = world.create(&message("<1@contoso.com>")).await.unwrap_err();

    assert_eq!(refused.code(), Some("ErrorQuotaExceeded"));
    assert!(world.tenant.messages(ANN).is_empty());
}

#[tokio::test]
async fn users_are_listed_page_by_page() {
    let world = World::start().await;
    for number in 0..9 {
        world
            .tenant
            .add(Person::new(&format!("p{number}@contoso.com")));
    }

    let first = world.get("users?$select=id,mail&$top=7").await.unwrap();
    let next = first["@odata.nextLink"].as_str().unwrap();
    let second = world.get(next).await.unwrap();

    assert_eq!(first["value"].as_array().unwrap().len(), 7);
    assert_eq!(second["value"].as_array().unwrap().len(), 3);
    assert!(second.get("@odata.nextLink").is_none());
}
