use chatkeep_proto::v1::{
    Captured, Converted, DeliveryState, GetRunRequest, LogRequest, OpenRunRequest,
    PutConnectorRequest, RetryRequest, RunState, TaskKind, complete_request::Result as Outcome,
    exception::Exception as Kind, log_entry::Entry,
};
use tonic::Code;

use crate::{
    lab::{CONNECTOR, Lab, new_task},
    world::{Conversation, World, blob, conversation, item},
};

const PEOPLE: [&str; 4] = [
    "ann@contoso.com",
    "bob@contoso.com",
    "cid@contoso.com",
    "dora@contoso.com",
];

fn refusing(mut world: World, mailboxes: &[&'static str]) -> World {
    let refused = mailboxes
        .iter()
        .map(|mailbox| (*mailbox, (DeliveryState::Failed, "quota")));
    world.mailboxes = refused.collect();
    world
}

#[tokio::test]
async fn a_record_that_nothing_became_of_leaves_the_run_unreconciled() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await.run;
    lab.list(vec![new_task(TaskKind::Capture, &blob("listing"), (0, 3))])
        .await;
    let capture = lab.next("ingestion").await;
    let captured = Captured {
        records_read: 3,
        ..Captured::default()
    };
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;

    assert_eq!(lab.ended(run).await, RunState::Unreconciled);
    let report = lab.report(1).await;
    assert_eq!(
        report.reason,
        "records: read differs from what became of them by 3"
    );
    assert_eq!(report.seal, "");
}

#[tokio::test]
async fn an_item_that_was_never_planned_leaves_the_run_unreconciled() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await.run;
    lab.list(vec![new_task(TaskKind::Capture, &blob("listing"), (0, 1))])
        .await;
    let capture = lab.next("ingestion").await;
    let captured = Captured {
        records_read: 1,
        ..Captured::default()
    };
    let convert = new_task(TaskKind::Convert, &blob("batch"), (0, 1));
    lab.complete(&capture, Outcome::Captured(captured), vec![convert])
        .await;
    let convert = lab.next("conversion").await;
    let converted = Converted {
        blob: Some(blob("items")),
        items: vec![item(1)],
        ..Converted::default()
    };
    lab.complete(&convert, Outcome::Converted(converted), Vec::new())
        .await;

    assert_eq!(lab.ended(run).await, RunState::Unreconciled);
    assert_eq!(lab.report(1).await.reason, "items: 1 were never planned");
}

#[tokio::test]
async fn a_run_that_finds_nothing_new_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of((0..3).map(|number| conversation(number, &PEOPLE)).collect());
    let first = lab.open_run().await;
    world.drive(&lab, first.run).await;

    let second = lab.open_run().await;
    let state = world.drive(&lab, second.run).await;

    assert_eq!(state, RunState::NothingNew);
    assert_eq!(lab.report(0).await.number, 1);
    assert_eq!(lab.open_run().await.number, 2);
}

#[tokio::test]
async fn a_second_run_with_new_records_is_a_supplement() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![conversation(1, &PEOPLE)]);
    let first = lab.open_run().await;
    world.drive(&lab, first.run).await;

    world.conversations.push(conversation(2, &PEOPLE));
    // The same record in another file.
    world.conversations.push(conversation(1, &PEOPLE));
    let second = lab.open_run().await;
    let state = world.drive(&lab, second.run).await;

    assert_eq!(state, RunState::Succeeded);
    let report = lab.report(2).await;
    assert_eq!(report.kind, "supplement");
    assert_eq!(report.records.unwrap().rendered, 1);
}

#[tokio::test]
async fn a_run_is_paused_when_everything_fails_for_one_reason_and_goes_on_when_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of((0..5).map(|number| conversation(number, &PEOPLE)).collect());
    let mut world = refusing(world, &PEOPLE);
    let run = lab.open_run().await.run;

    assert_eq!(world.drive(&lab, run).await, RunState::Paused);
    assert_eq!(lab.progress(run).await.reason, "quota");
    world.mailboxes.clear();
    let resumed = lab.open_run().await;

    assert!(resumed.resumed);
    assert_eq!(world.drive(&lab, run).await, RunState::Succeeded);
    assert_eq!(lab.report(1).await.deliveries.unwrap().imported, 20);
}

#[tokio::test]
async fn one_refusing_mailbox_does_not_pause_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let people = &PEOPLE[..1];
    let world = World::of((0..5).map(|number| conversation(number, people)).collect());
    let world = refusing(world, people);
    let run = lab.open_run().await.run;

    assert_eq!(
        world.drive(&lab, run).await,
        RunState::SucceededWithExceptions
    );
}

#[tokio::test]
async fn unreadable_files_pause_the_run_once_and_stay_quarantined() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let unreadable = |number| Conversation {
        unreadable: Some("not an e-mail"),
        ..conversation(number, &PEOPLE)
    };
    let world = World::of((0..4).map(unreadable).collect());
    let run = lab.open_run().await.run;
    assert_eq!(world.drive(&lab, run).await, RunState::Paused);

    lab.open_run().await;

    assert_eq!(
        world.drive(&lab, run).await,
        RunState::SucceededWithExceptions
    );
    let quarantined = lab.exceptions(run).await;
    let is_quarantined = |kind: &Option<Kind>| matches!(kind, Some(Kind::Quarantined(_)));
    assert_eq!(
        quarantined
            .iter()
            .filter(|one| is_quarantined(&one.exception))
            .count(),
        4
    );
}

#[tokio::test]
async fn failed_deliveries_are_listed_logged_and_delivered_when_retried() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(vec![conversation(1, &PEOPLE)]);
    let mut world = refusing(world, &PEOPLE[..1]);
    let run = lab.open_run().await.run;
    assert_eq!(
        world.drive(&lab, run).await,
        RunState::SucceededWithExceptions
    );
    let log = LogRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    let mut log = lab.control.clone().log(log).await.unwrap().into_inner();
    let Some(Entry::Summary(summary)) = log.message().await.unwrap().unwrap().entry else {
        panic!("no summary");
    };
    assert_eq!(
        (summary.items_available_for_import, summary.items_failed),
        (4, 1)
    );
    let Some(Entry::Failure(failure)) = log.message().await.unwrap().unwrap().entry else {
        panic!("no failure");
    };
    assert_eq!(
        (failure.source_user.as_str(), failure.reason.as_str()),
        (PEOPLE[0], "quota")
    );

    world.mailboxes.clear();
    let moved = CONNECTOR.replace("path = \"/mailboxes\"", "path = \"/moved\"");
    let put = PutConnectorRequest {
        connector_file: moved,
        ..PutConnectorRequest::default()
    };
    lab.control.clone().put_connector(put).await.unwrap();
    let retry = RetryRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    let retried = lab.control.clone().retry(retry).await.unwrap().into_inner();

    assert_eq!(retried.deliveries, 1);
    // Where the connector stores now, not where it did when the run was opened.
    let files = crate::store::ask(folder.path(), "SELECT file FROM runs WHERE number = 1");
    assert!(files.concat().contains("/moved"), "{files:?}");
    assert_eq!(world.drive(&lab, run).await, RunState::Succeeded);
    assert_eq!(lab.report(1).await.deliveries.unwrap().imported, 4);
}

#[tokio::test]
async fn a_changed_domain_is_refused_with_the_key_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;

    let other = CONNECTOR.replace("domain = \"contoso.com\"", "domain = \"fabrikam.com\"");
    let refused = lab.try_open(&other).await.unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("domain: was contoso.com"));
    assert!(refused.message().contains("set it back"));
}

#[tokio::test]
async fn a_changed_id_is_refused_with_the_key_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;

    let other = CONNECTOR.replace("id = \"contoso\"", "id = \"other\"");
    let refused = lab.try_open(&other).await.unwrap_err();

    assert!(refused.message().starts_with("id: was contoso"));
}

#[tokio::test]
async fn an_unfinished_run_keeps_its_window() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;

    let request = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        from: Some(1),
        ..OpenRunRequest::default()
    };
    let refused = lab.control.clone().open_run(request).await.unwrap_err();

    assert!(refused.message().starts_with("--from/--to"));
}

#[tokio::test]
async fn a_run_that_is_opened_without_a_limit_of_parts_has_its_connectors() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let request = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        ..OpenRunRequest::default()
    };

    let opened = lab.control.clone().open_run(request).await.unwrap();

    let run = opened.into_inner().run;
    let run = lab.ledger.clone().get_run(GetRunRequest { run }).await;
    assert_eq!(run.unwrap().into_inner().max_part_bytes, 25_000_000);
    lab.stop().await;
}
