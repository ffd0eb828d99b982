//! What is known of directories that tell their changes.

use chatkeep_proto::v1::{
    GetRunRequest, Listed, Mirror, Refreshed, Task, complete_request::Result as Outcome,
};

use crate::{
    lab::{CONNECTOR, Lab},
    world::blob,
};

fn refreshed(users: &str, changes: &str) -> Outcome {
    Outcome::Refreshed(Refreshed {
        directory: Some(blob("directory")),
        mirror: Some(Mirror {
            users: Some(blob(users)),
            changes: changes.to_owned(),
        }),
        ..Refreshed::default()
    })
}

/// Opens a run and returns its REFRESH task.
async fn open(lab: &Lab) -> Task {
    lab.try_open(CONNECTOR).await.unwrap();
    lab.next("mapping").await
}

/// Ends a run that has refreshed: its source has nothing.
async fn end(lab: &Lab, run: i64) {
    let list = lab.next("ingestion").await;
    lab.complete(&list, Outcome::Listed(Listed::default()), Vec::new())
        .await;
    lab.ended(run).await;
}

/// Users and changes that a run begins with.
async fn known(lab: &Lab, run: i64) -> Option<(String, String)> {
    let run = lab.ledger.clone().get_run(GetRunRequest { run }).await;
    let mirror = run.unwrap().into_inner().mirror?;
    Some((mirror.users.unwrap().key, mirror.changes))
}

#[tokio::test]
async fn the_next_run_begins_where_the_last_refresh_ended() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let first = open(&lab).await;
    let before = known(&lab, first.run).await;
    lab.complete(&first, refreshed("users 1", "changes 1"), Vec::new())
        .await;
    end(&lab, first.run).await;
    let second = open(&lab).await;
    let then = known(&lab, second.run).await;
    lab.complete(&second, refreshed("users 2", "changes 2"), Vec::new())
        .await;
    end(&lab, second.run).await;
    let third = open(&lab).await;

    assert_eq!(before, None);
    let pair = |number: i32| {
        let (users, changes) = (
            blob(&format!("users {number}")),
            format!("changes {number}"),
        );
        Some((users.key, changes))
    };
    assert_eq!(then, pair(1));
    assert_eq!(known(&lab, third.run).await, pair(2));
}

#[tokio::test]
async fn a_refresh_that_is_told_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let task = open(&lab).await;

    lab.complete(&task, refreshed("users 1", "changes 1"), Vec::new())
        .await;
    lab.complete(&task, refreshed("users 2", "changes 2"), Vec::new())
        .await;

    let (_, changes) = known(&lab, task.run).await.unwrap();
    assert_eq!(changes, "changes 1");
}
