use std::time::Duration;

use chatkeep_microsoft365::{GraphError, Request};
use chatkeep_testkit::{
    free_port,
    graph::{Fault, Kind},
};

use crate::support::{ANN, World, message};

async fn fails(world: &World, fault: Fault) -> GraphError {
    world.tenant.faults().at(Kind::CreateMessage, 1, fault);
    world.create(&message("<1@contoso.com>")).await.unwrap_err()
}

fn maybe_done(error: &GraphError) -> Option<bool> {
    match error {
        GraphError::Unavailable { maybe_done, .. } => Some(*maybe_done),
        _ => None,
    }
}

#[tokio::test]
async fn a_broken_connection_leaves_open_whether_it_was_done() {
    let world = World::start().await;

    let committed = fails(&world, Fault::CommitThenDrop).await;
    let before = world.tenant.messages(ANN).len();
    let dropped = fails(&world, Fault::DropBeforeCommit).await;

    assert_eq!(maybe_done(&committed), Some(true));
    assert_eq!(maybe_done(&dropped), Some(true));
    assert_eq!((before, world.tenant.messages(ANN).len()), (1, 1));
}

#[tokio::test]
async fn a_gateway_that_gave_up_leaves_it_open_too() {
    let world = World::start().await;

    for status in [500, 502, 503, 504] {
        let error = fails(&world, Fault::CommitThenFail(status)).await;

        assert_eq!(maybe_done(&error), Some(true), "{status}");
    }
    assert_eq!(world.tenant.messages(ANN).len(), 4);
}

#[tokio::test]
async fn a_request_may_be_done_long_after_its_connection_broke() {
    let world = World::start().await;
    let delay = Duration::from_secs(2);

    let error = fails(&world, Fault::LateCommit(delay)).await;
    let at_once = world.tenant.messages(ANN).len();
    tokio::time::sleep(delay * 2).await;

    assert_eq!(maybe_done(&error), Some(true));
    assert_eq!((at_once, world.tenant.messages(ANN).len()), (0, 1));
}

#[tokio::test]
async fn throttling_means_not_done_and_says_when_to_come_back() {
    let world = World::start().await;
    let after = Some(Duration::from_secs(17));

    let told = fails(&world, Fault::Fail { status: 429, after }).await;
    let silent = Fault::Fail {
        status: 429,
        after: None,
    };
    let silent = fails(&world, silent).await;

    assert!(matches!(told, GraphError::Throttled { status: 429, .. }));
    assert_eq!(told.after(), after);
    assert!(matches!(silent, GraphError::Throttled { after: None, .. }));
    assert!(world.tenant.messages(ANN).is_empty());
}

#[tokio::test]
async fn without_a_connection_nothing_was_done() {
    let World { tenant, graph } = World::start().await;
    graph.send(Request::get("users")).await.unwrap();

    drop(tenant);
    // The connection that was kept is found closed.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let error = graph.send(Request::get("users")).await.err().unwrap();

    assert_eq!(maybe_done(&error), Some(false), "{error:?}");
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_gets_no_token() {
    let world = World::start().await;
    let port = free_port().unwrap();

    for link in [
        format!("http://127.0.0.1:{port}/v1.0/users"),
        "https://graph.microsoft.com.example/v1.0/users".to_owned(),
        format!("{}/beta/users", world.tenant.authority()),
        "../beta/users".to_owned(),
    ] {
        let refused = world.graph.send(Request::get(link)).await;

        assert!(matches!(refused, Err(GraphError::Invalid)));
    }
    assert_eq!(world.tenant.counts().of(Kind::Token), 0);
}

#[tokio::test]
async fn a_refusal_names_the_code_and_nothing_that_was_asked() {
    let world = World::start().await;

    let refused = world.get("users/nobody@contoso.com/messages").await;

    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Some("ErrorInvalidUser"));
    let shown = format!("{refused} {refused:?}");
    assert!(!shown.contains("nobody"), "{shown}");
}
