//! Connectors as objects that several people edit: versions, deletion, and what stays of a deleted one.

use chatkeep_proto::v1::{
    ConnectorState, DeleteConnectorRequest, GetConnectorRequest, GetConnectorResponse,
    ListConnectorsRequest, ListRunsRequest, PutConnectorRequest, PutConnectorResponse,
    RetryRequest, RunState,
};
use tonic::{Code, Status};

use crate::{
    calendar::{Calendar, hour},
    lab::{CONNECTOR, Lab},
    world::{World, conversation},
};

const PEOPLE: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];

async fn put(
    lab: &Lab,
    file: &str,
    expected_version: Option<i64>,
) -> Result<PutConnectorResponse, Status> {
    let request = PutConnectorRequest {
        connector_file: file.to_owned(),
        expected_version,
        ..PutConnectorRequest::default()
    };
    let stored = lab.control.clone().put_connector(request).await?;
    Ok(stored.into_inner())
}

async fn get(lab: &Lab) -> GetConnectorResponse {
    let request = GetConnectorRequest {
        connector: "contoso".to_owned(),
    };
    let stored = lab.control.clone().get_connector(request).await;
    stored.unwrap().into_inner()
}

async fn delete(lab: &Lab, expected_version: Option<i64>) -> Result<(), Status> {
    let request = DeleteConnectorRequest {
        connector: "contoso".to_owned(),
        expected_version,
        ..DeleteConnectorRequest::default()
    };
    lab.control
        .clone()
        .delete_connector(request)
        .await
        .map(drop)
}

async fn listed(lab: &Lab, deleted: bool) -> Vec<(String, ConnectorState)> {
    let request = ListConnectorsRequest { deleted };
    let listed = lab.control.clone().list_connectors(request).await;
    let connectors = listed.unwrap().into_inner().connectors.into_iter();
    let connectors = connectors.map(|it| (it.connector.clone(), it.state()));
    connectors.collect()
}

fn at_five() -> String {
    format!("{CONNECTOR}\n[schedule]\nat = \"05:00\"\n")
}

#[tokio::test]
async fn of_two_who_edit_one_connector_the_second_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let first = put(&lab, CONNECTOR, Some(0)).await.unwrap();
    assert_eq!((first.version, first.is_new), (1, true));

    let one = put(&lab, &at_five(), Some(first.version)).await.unwrap();
    let other = put(&lab, CONNECTOR, Some(first.version)).await;

    assert_eq!((one.version, one.is_new), (2, false));
    assert_eq!(other.unwrap_err().code(), Code::Aborted);
    let stored = get(&lab).await;
    assert_eq!(stored.connector_file, at_five());
    assert_eq!(stored.summary.unwrap().version, 2);
    lab.stop().await;
}

#[tokio::test]
async fn who_creates_a_connector_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    put(&lab, CONNECTOR, Some(0)).await.unwrap();

    let again = put(&lab, &at_five(), Some(0)).await.unwrap_err();

    assert_eq!(again.code(), Code::AlreadyExists);
    assert_eq!(get(&lab).await.connector_file, CONNECTOR);
    lab.stop().await;
}

#[tokio::test]
async fn what_is_stored_again_unchanged_keeps_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    put(&lab, CONNECTOR, None).await.unwrap();

    let again = put(&lab, CONNECTOR, None).await.unwrap();
    let scheduled = PutConnectorRequest {
        connector_file: CONNECTOR.to_owned(),
        schedule: true,
        ..PutConnectorRequest::default()
    };
    let scheduled = lab.control.clone().put_connector(scheduled).await;

    assert_eq!(again.version, 1);
    assert_eq!(scheduled.unwrap().into_inner().version, 2);
    assert!(get(&lab).await.schedule);
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_that_does_not_exist_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let gone = put(&lab, CONNECTOR, Some(4)).await.unwrap_err();

    assert_eq!(gone.code(), Code::Aborted);
    assert_eq!(listed(&lab, true).await, []);
    lab.stop().await;
}

#[tokio::test]
async fn a_run_with_another_file_makes_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    put(&lab, CONNECTOR, None).await.unwrap();

    lab.try_open(&at_five()).await.unwrap();
    lab.try_open(&at_five()).await.unwrap();

    let stored = get(&lab).await;
    assert_eq!(stored.summary.unwrap().version, 2);
    assert_eq!(stored.connector_file, at_five());
    lab.stop().await;
}

/// A connector that has archived something and was deleted.
async fn deleted(lab: &Lab) {
    let world = World::of(vec![conversation(1, &PEOPLE)]);
    let run = lab.open_run().await.run;
    assert_eq!(world.drive(lab, run).await, RunState::Succeeded);
    delete(lab, Some(1)).await.unwrap();
}

#[tokio::test]
async fn a_deleted_connector_is_listed_only_for_who_asks_and_its_runs_stay() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    deleted(&lab).await;

    assert_eq!(listed(&lab, false).await, []);
    let all = listed(&lab, true).await;
    assert_eq!(all, [("contoso".to_owned(), ConnectorState::Deleted)]);
    assert_eq!(lab.report(1).await.deliveries.unwrap().imported, 2);
    let runs = ListRunsRequest {
        connector: "contoso".to_owned(),
        limit: 1,
        ..ListRunsRequest::default()
    };
    let runs = lab.control.clone().list_runs(runs).await.unwrap();
    assert_eq!(runs.into_inner().runs.len(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn nothing_is_begun_for_a_deleted_connector() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    deleted(&lab).await;

    let opened = lab.try_open(CONNECTOR).await.unwrap_err();
    let retry = RetryRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    let retried = lab.control.clone().retry(retry).await.unwrap_err();
    let again = delete(&lab, None).await.unwrap_err();

    assert_eq!(opened.code(), Code::FailedPrecondition);
    assert!(opened.message().contains("store it again"), "{opened}");
    assert_eq!(retried.code(), Code::FailedPrecondition);
    assert_eq!(again.code(), Code::NotFound);
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_that_is_stored_again_archives_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    deleted(&lab).await;

    let stored = put(&lab, CONNECTOR, Some(0)).await.unwrap();
    // Both files are read once more.
    let world = World::of(vec![conversation(1, &PEOPLE), conversation(2, &PEOPLE)]);
    let run = lab.open_run().await;
    world.drive(&lab, run.run).await;

    assert_eq!((stored.version, stored.is_new), (3, false));
    assert_eq!(run.number, 2);
    let records = lab.report(2).await.records.unwrap();
    assert_eq!((records.duplicates, records.rendered), (1, 1));
    assert_eq!(world.archived.lock().unwrap().len(), 2);
    lab.stop().await;
}

#[tokio::test]
async fn the_name_of_a_deleted_connector_is_no_other_ones() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    deleted(&lab).await;
    let namesake = CONNECTOR.replace("\"contoso\"", "\"other\"");

    let refused = put(&lab, &namesake, None).await.unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("contoso"), "{refused}");
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_does_not_take_anothers_name() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    put(&lab, CONNECTOR, None).await.unwrap();
    let namesake = CONNECTOR.replace("\"contoso\"", "\"other\"");
    let other = namesake.replace("\"Contoso\"", "\"Other\"");
    put(&lab, &other, None).await.unwrap();

    let refused = put(&lab, &namesake, None).await.unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_with_an_unfinished_run_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;

    let refused = delete(&lab, None).await.unwrap_err();

    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("a run is unfinished"));
    assert_eq!(listed(&lab, false).await.len(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_with_an_open_backfill_is_not_deleted() {
    let calendar = Calendar::open(World::of(Vec::new()), hour(100, 12)).await;
    calendar.pause().await;
    calendar.backfill((10, 20), 1).await;

    let refused = delete(&calendar.lab, None).await.unwrap_err();

    assert_eq!(refused.code(), Code::FailedPrecondition);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn another_version_than_the_known_one_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    put(&lab, CONNECTOR, None).await.unwrap();
    put(&lab, &at_five(), None).await.unwrap();

    let refused = delete(&lab, Some(1)).await.unwrap_err();

    assert_eq!(refused.code(), Code::Aborted);
    delete(&lab, Some(2)).await.unwrap();
    lab.stop().await;
}

#[tokio::test]
async fn no_slot_of_a_deleted_connector_is_due() {
    let calendar = Calendar::open(World::of(Vec::new()), hour(100, 12)).await;
    delete(&calendar.lab, None).await.unwrap();

    calendar.clock.set(hour(102, 2));

    assert!(calendar.lab.is_quiet("mapping").await);
    assert_eq!(calendar.runs().await.len(), 0);
    assert_eq!(get(&calendar.lab).await.summary.unwrap().due, None);
    calendar.lab.stop().await;
}
