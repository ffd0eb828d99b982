//! Several requests in one ("Combine multiple HTTP requests using JSON batching").

use chatkeep_microsoft365::GraphError;
use chatkeep_testkit::graph::{Fault, Kind};
use serde_json::{Value, json};

use crate::support::{ANN, World, message};

fn batch(count: usize, chained: bool) -> Value {
    let request = |number: usize| {
        let mut request = json!({
            "id": number.to_string(),
            "method": "POST",
            "url": format!("/users/{ANN}/mailFolders/inbox/messages"),
            "headers": { "Content-Type": "application/json" },
            "body": message(&format!("<{number}@contoso.com>")),
        });
        if chained && number > 0 {
            request["dependsOn"] = json!([(number - 1).to_string()]);
        }
        request
    };
    json!({ "requests": (0..count).map(request).collect::<Vec<_>>() })
}

fn statuses(answer: &Value) -> Vec<u64> {
    let responses = answer["responses"].as_array().unwrap().iter();
    responses
        .map(|one| one["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn each_request_of_a_batch_has_an_outcome_of_its_own() {
    let world = World::start().await;
    let limit = Fault::Fail {
        status: 429,
        after: None,
    };
    world.tenant.faults().at(Kind::CreateMessage, 2, limit);
    world
        .tenant
        .faults()
        .at(Kind::CreateMessage, 3, Fault::TokenExpired);

    let answer = world.post("$batch", &batch(4, false)).await.unwrap();

    assert_eq!(statuses(&answer), [201, 429, 401, 201]);
    assert_eq!(world.tenant.messages(ANN).len(), 2);
    assert_eq!(
        world.tenant.counts().of(Kind::CreateMessage),
        4,
        "each counts"
    );
}

#[tokio::test]
async fn what_depends_on_a_failed_request_is_not_carried_out() {
    let world = World::start().await;
    world
        .tenant
        .faults()
        .at(Kind::CreateMessage, 2, Fault::TokenExpired);

    let answer = world.post("$batch", &batch(4, true)).await.unwrap();

    assert_eq!(statuses(&answer), [201, 401, 424, 424]);
    assert_eq!(world.tenant.messages(ANN).len(), 1);
}

#[tokio::test]
async fn more_than_twenty_are_refused_whole() {
    let world = World::start().await;

    let refused = world.post("$batch", &batch(21, false)).await.unwrap_err();

    assert_eq!(refused.code(), Some("MaximumValueExceeded"));
    assert!(world.tenant.messages(ANN).is_empty());
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_may_be_done_in_part() {
    let world = World::start().await;
    world
        .tenant
        .faults()
        .at(Kind::CreateMessage, 3, Fault::CommitThenDrop);

    let lost = world.post("$batch", &batch(5, false)).await.unwrap_err();

    let is_open = matches!(
        lost,
        GraphError::Unavailable {
            maybe_done: true,
            ..
        }
    );
    assert!(is_open, "{lost:?}");
    assert_eq!(world.tenant.messages(ANN).len(), 3);
}
