//! Up to where databases were read.

use chatkeep_proto::v1::{
    CancelRunRequest, Captured, CursorRequest, FailRequest, Listed, Reach, Refreshed, RunState,
    Stretch, Task, TaskKind, complete_request::Result as Outcome,
};

use crate::{
    lab::{Lab, new_task},
    world::blob,
};

const CONNECTOR: &str = r#"
name = "Contoso"
domain = "contoso.com"
id = "contoso"

[[sources]]
type = "archiving-database"
server = "sql01"
auth = { type = "sql", user = "env:USER", password = "env:PASSWORD" }

[directory]
type = "csv"
path = "/directory.csv"

[target]
type = "maildir"
path = "/mailboxes"
"#;

/// Begins a run that reads this of a database; its only CAPTURE task.
async fn reading(lab: &Lab, identity: &str, stretch: (Option<i64>, i64)) -> Task {
    lab.try_open(CONNECTOR).await.unwrap();
    let refresh = lab.next("mapping").await;
    let refreshed = Refreshed {
        directory: Some(blob("directory")),
        ..Refreshed::default()
    };
    lab.complete(&refresh, Outcome::Refreshed(refreshed), Vec::new())
        .await;
    let list = lab.next("ingestion").await;
    let reach = Reach {
        database: "db".to_owned(),
        identity: identity.to_owned(),
        stretches: vec![Stretch {
            stream: "Messages".to_owned(),
            from: stretch.0,
            to: stretch.1,
        }],
    };
    let listed = Listed {
        reach: Some(reach),
        ..Listed::default()
    };
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 1));
    lab.complete(&list, Outcome::Listed(listed), vec![capture])
        .await;
    lab.next("ingestion").await
}

/// Reads all of it.
async fn read(lab: &Lab, identity: &str, stretch: (Option<i64>, i64)) {
    let capture = reading(lab, identity, stretch).await;
    let captured = Outcome::Captured(Captured::default());
    lab.complete(&capture, captured, Vec::new()).await;
    lab.ended(capture.run).await;
}

/// Identity and position.
async fn cursor(lab: &Lab) -> (String, Option<i64>) {
    let request = CursorRequest {
        connector: "contoso".to_owned(),
        database: "db".to_owned(),
        hours: 0,
    };
    let cursor = lab.ledger.clone().cursor(request).await;
    let cursor = cursor.unwrap().into_inner();
    let position = cursor.positions.first().map(|one| one.position);
    (cursor.identity, position)
}

fn at(position: i64) -> (String, Option<i64>) {
    ("one".to_owned(), Some(position))
}

#[tokio::test]
async fn a_position_moves_when_everything_is_captured() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let capture = reading(&lab, "one", (None, 100)).await;
    assert_eq!(cursor(&lab).await, (String::new(), None));
    let captured = Outcome::Captured(Captured::default());
    lab.complete(&capture, captured, Vec::new()).await;
    lab.ended(capture.run).await;

    assert_eq!(cursor(&lab).await, at(100));
}

#[tokio::test]
async fn a_position_never_passes_a_gap_and_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    read(&lab, "one", (Some(0), 100)).await;
    assert_eq!(cursor(&lab).await, (String::new(), None));

    read(&lab, "one", (None, 100)).await;
    for (stretch, expected) in [
        ((Some(150), 200), 100),
        ((Some(10), 50), 100),
        ((Some(100), 200), 200),
        ((Some(50), 300), 300),
        ((None, 250), 300),
    ] {
        read(&lab, "one", stretch).await;
        assert_eq!(cursor(&lab).await, at(expected), "{stretch:?}");
    }
}

#[tokio::test]
async fn a_cancelled_run_moves_no_position() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let capture = reading(&lab, "one", (None, 100)).await;
    let request = CancelRunRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    lab.control.clone().cancel_run(request).await.unwrap();
    lab.ended(capture.run).await;

    assert_eq!(cursor(&lab).await, (String::new(), None));
}

#[tokio::test]
async fn a_database_that_was_accepted_anew_has_a_position_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    read(&lab, "one", (None, 100)).await;

    read(&lab, "two", (None, 50)).await;

    assert_eq!(cursor(&lab).await, ("two".to_owned(), Some(50)));
}

#[tokio::test]
async fn a_day_of_a_database_that_cannot_be_read_fails_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let capture = reading(&lab, "one", (None, 100)).await;

    let fail = FailRequest {
        task: capture.id.clone(),
        reason: "read database".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();

    assert_eq!(lab.ended(capture.run).await, RunState::Failed);
    assert_eq!(cursor(&lab).await, (String::new(), None));
    // Nothing is passed over: the run goes on with the same task.
    lab.try_open(CONNECTOR).await.unwrap();
    assert_eq!(lab.next("ingestion").await.id, capture.id);
}
