//! How much a mailbox takes ("Microsoft Graph service-specific throttling limits", Outlook service limits).

use std::time::Duration;

use chatkeep_microsoft365::GraphError;
use chatkeep_testkit::graph::{Kind, Limits, Options, Person};

use crate::support::{ANN, World, message};

fn limits(limits: Limits) -> Options {
    Options {
        limits,
        ..Options::default()
    }
}

fn is_throttled<T>(answer: &Result<T, GraphError>) -> bool {
    matches!(answer, Err(GraphError::Throttled { .. }))
}

#[tokio::test]
async fn a_mailbox_takes_so_many_requests_in_a_window() {
    let world = World::with(limits(Limits {
        requests: 3,
        window: Duration::from_secs(5),
        ..Limits::default()
    }))
    .await;
    world.tenant.add(Person::new("bob@contoso.com"));
    let path = format!("users/{ANN}/messages");

    for _ in 0..3 {
        world.get(&path).await.unwrap();
    }
    let fourth = world.get(&path).await;
    let other = world.get("users/bob@contoso.com/messages").await;
    let after = fourth.as_ref().unwrap_err().after().unwrap();
    tokio::time::sleep(after).await;
    let later = world.get(&path).await;

    assert!(is_throttled(&fourth));
    assert!(other.is_ok(), "another mailbox has a budget of its own");
    assert!(later.is_ok(), "who waits as long as it says is let in");
    assert_eq!(world.tenant.counts().throttled, 1);
}

#[tokio::test]
async fn a_mailbox_takes_four_requests_at_the_same_time() {
    let world = World::with(Options {
        latency: Duration::from_secs(1),
        ..Options::default()
    })
    .await;
    let path = format!("users/{ANN}/messages");

    let answers = (0..7).map(|_| world.get(&path));
    let answers = futures::future::join_all(answers).await;

    let refused = answers.iter().filter(|answer| is_throttled(answer));
    assert_eq!(refused.count(), 3);
    assert_eq!(world.tenant.counts().most_concurrent, 4);
}

#[tokio::test]
async fn a_mailbox_takes_so_many_bytes_in_a_window() {
    let world = World::with(limits(Limits {
        upload: 700,
        ..Limits::default()
    }))
    .await;

    let first = world.create(&message("<1@contoso.com>")).await;
    let second = world.create(&message("<2@contoso.com>")).await;

    assert!(first.is_ok());
    assert!(is_throttled(&second));
    assert_eq!(world.tenant.messages(ANN).len(), 1);
}

#[tokio::test]
async fn the_application_has_a_limit_over_all_mailboxes_and_one_for_users() {
    let world = World::with(limits(Limits {
        tenant: Some(1),
        directory: Some(1),
        says_when: false,
        ..Limits::default()
    }))
    .await;
    world.tenant.add(Person::new("bob@contoso.com"));

    let first = world.get(&format!("users/{ANN}/messages")).await;
    let second = world.get("users/bob@contoso.com/messages").await;
    let users = [world.get("users").await, world.get("users").await];

    assert!(first.is_ok() && users[0].is_ok());
    assert!(is_throttled(&second) && is_throttled(&users[1]));
    assert_eq!(
        second.unwrap_err().after(),
        None,
        "it does not always say when"
    );
    assert_eq!(world.tenant.counts().of(Kind::ListMessages), 2);
}
