use std::collections::BTreeSet;

use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    Captured, Converted, FailRequest, Listed, Planned, Refreshed, RetryRequest, RunState, TaskKind,
    complete_request::Result as Outcome,
};
use chatkeep_staging::BlobKind;
use tonic::Code;

use crate::{
    lab::{Lab, new_task},
    staged::{conversation_of, stored},
    world::{World, blob, conversation, item, item_id},
};

async fn refresh(lab: &Lab) {
    let task = lab.next("mapping").await;
    let refreshed = Refreshed {
        directory: Some(blob("directory")),
        ..Refreshed::default()
    };
    lab.complete(&task, Outcome::Refreshed(refreshed), Vec::new())
        .await;
}

#[tokio::test]
async fn completing_a_task_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await;
    refresh(&lab).await;
    let list = lab.next("ingestion").await;
    let listed = Outcome::Listed(Listed {
        files: 5,
        ..Listed::default()
    });
    let next = vec![new_task(TaskKind::Capture, &blob("listing"), (0, 5))];

    lab.complete(&list, listed.clone(), next.clone()).await;
    lab.complete(&list, listed, next).await;

    lab.next("ingestion").await;
    assert!(lab.is_quiet("ingestion").await);
    assert_eq!(lab.progress(run.run).await.files, 5);
}

#[tokio::test]
async fn an_unknown_task_cannot_be_completed() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;
    let mut task = lab.next("mapping").await;
    task.id = "00".repeat(32);

    let refused = lab
        .try_complete(&task, Outcome::Planned(Planned::default()), Vec::new())
        .await;

    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_reopened_ledger_publishes_open_tasks_again() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;
    refresh(&lab).await;
    let list = lab.next("ingestion").await;
    lab.stop().await;

    let lab = Lab::open(folder.path()).await;

    assert_eq!(lab.next("ingestion").await, list);
}

#[tokio::test]
async fn a_failing_task_is_split_down_to_the_one_conversation_which_is_quarantined() {
    const POISON: u32 = 5;
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await;
    refresh(&lab).await;
    let list = lab.next("ingestion").await;
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 7));
    lab.complete(&list, Outcome::Listed(Listed::default()), vec![capture])
        .await;
    let capture = lab.next("ingestion").await;
    let captured = Captured {
        records_read: 14,
        ..Captured::default()
    };
    // Count 0: all entries of the blob.
    let conversations: Vec<_> = (0..7)
        .map(|number| conversation_of(number, [2 * number, 2 * number + 1]))
        .collect();
    let batch = stored(&lab, BlobKind::Batch, &conversations).await;
    let convert = new_task(TaskKind::Convert, &batch, (0, 0));
    lab.complete(&capture, Outcome::Captured(captured), vec![convert])
        .await;

    let mut done = BTreeSet::new();
    let mut failed = 0;
    while done.len() < 6 || failed < 4 {
        let task = lab.next("conversion").await;
        let count = if task.count == 0 { 7 } else { task.count };
        let range = task.first..task.first + count;
        if range.contains(&POISON) {
            let fail = FailRequest {
                task: task.id,
                reason: "render items".to_owned(),
            };
            lab.ledger.clone().fail(fail.clone()).await.unwrap();
            lab.ledger.clone().fail(fail).await.unwrap();
            failed += 1;
            continue;
        }
        let items = range.clone().map(|number| chatkeep_proto::v1::Item {
            records: 2,
            ..item(number)
        });
        let converted = Converted {
            blob: Some(blob("items")),
            items: items.collect(),
            ..Converted::default()
        };
        let index = blob(&format!("index {}", task.first));
        let plan = new_task(TaskKind::Plan, &index, (0, 0));
        lab.complete(&task, Outcome::Converted(converted), vec![plan])
            .await;
        // Nobody took part: planned for nobody.
        let plan = lab.next("mapping").await;
        lab.complete(&plan, Outcome::Planned(Planned::default()), Vec::new())
            .await;
        done.extend(range);
    }

    assert_eq!(lab.ended(run.run).await, RunState::SucceededWithExceptions);
    let records = lab.report(1).await.records.unwrap();
    assert_eq!(
        (records.read, records.rendered, records.quarantined),
        (14, 12, 2)
    );
    let exceptions = lab.exceptions(run.run).await;
    let chatkeep_proto::v1::exception::Exception::Quarantined(entry) =
        exceptions[0].exception.clone().unwrap()
    else {
        panic!("not quarantined");
    };
    assert_eq!(
        entry.source,
        ItemId::from_slice(&item_id(POISON)).unwrap().to_string()
    );
    assert_eq!(entry.reason, "render items");
    assert!(entry.original.is_some());
}

#[tokio::test]
async fn a_task_the_run_cannot_do_without_fails_the_run_which_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await;
    let task = lab.next("mapping").await;
    let fail = FailRequest {
        task: task.id.clone(),
        reason: "read directory".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();
    assert_eq!(lab.ended(run.run).await, RunState::Failed);
    assert_eq!(lab.progress(run.run).await.reason, "read directory");

    let resumed = lab.open_run().await;

    assert!(resumed.resumed);
    assert_eq!(resumed.run, run.run);
    assert_eq!(lab.next("mapping").await, task);
}

#[tokio::test]
async fn a_large_run_is_published_piece_by_piece_and_completely() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await;
    refresh(&lab).await;
    let list = lab.next("ingestion").await;
    let captures = (0..700).map(|n| new_task(TaskKind::Capture, &blob("listing"), (n, 1)));
    lab.complete(
        &list,
        Outcome::Listed(Listed::default()),
        captures.collect(),
    )
    .await;

    let mut seen = BTreeSet::new();
    for _ in 0..700 {
        let task = lab.next("ingestion").await;
        assert!(seen.insert(task.first), "published twice");
        lab.complete(&task, Outcome::Captured(Captured::default()), Vec::new())
            .await;
    }

    assert_eq!(lab.ended(run.run).await, RunState::Succeeded);
}

#[tokio::test]
async fn a_second_source_is_listed_when_the_first_one_is_captured() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let two = crate::lab::CONNECTOR.replace(
        "[directory]",
        "[[sources]]\ntype = \"archiving-export\"\npath = \"/more\"\n\n[directory]",
    );
    lab.try_open(&two).await.unwrap();
    refresh(&lab).await;
    let list = lab.next("ingestion").await;
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 1));
    lab.complete(&list, Outcome::Listed(Listed::default()), vec![capture])
        .await;
    let capture = lab.next("ingestion").await;
    assert!(lab.is_quiet("ingestion").await);

    lab.complete(&capture, Outcome::Captured(Captured::default()), Vec::new())
        .await;

    let list = lab.next("ingestion").await;
    assert_eq!((list.kind(), list.source), (TaskKind::List, 1));
}

#[tokio::test]
async fn a_whole_run_succeeds_and_both_equations_close() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let people = ["ann@contoso.com", "bob@contoso.com", "eve@fabrikam.com"];
    let world = World::of(
        (0..25)
            .map(|number| conversation(number, &people))
            .collect(),
    );
    let run = lab.open_run().await;

    let state = world.drive(&lab, run.run).await;

    assert_eq!(state, RunState::Succeeded);
    let report = lab.report(0).await;
    let (records, deliveries) = (report.records.unwrap(), report.deliveries.unwrap());
    assert_eq!(
        (report.kind.as_str(), report.number, report.items),
        ("capture", 1, 25)
    );
    assert_eq!((records.read, records.rendered), (25, 25));
    assert_eq!((deliveries.planned, deliveries.imported), (50, 50));
    assert_eq!(world.archived.lock().unwrap().len(), 50);
}

#[tokio::test]
async fn a_retry_has_a_quarantined_conversation_rendered_again() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await;
    lab.list(vec![new_task(TaskKind::Capture, &blob("listing"), (0, 1))])
        .await;
    let capture = lab.next("ingestion").await;
    let captured = Captured {
        records_read: 1,
        ..Captured::default()
    };
    let conversation = conversation_of(7, [7]);
    let batch = stored(&lab, BlobKind::Batch, &[conversation]).await;
    let convert = new_task(TaskKind::Convert, &batch, (0, 1));
    lab.complete(&capture, Outcome::Captured(captured), vec![convert])
        .await;
    let convert = lab.next("conversion").await;
    let fail = FailRequest {
        task: convert.id.clone(),
        reason: "render items".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();
    assert_eq!(lab.ended(run.run).await, RunState::SucceededWithExceptions);
    let retry = RetryRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    let retried = lab.control.clone().retry(retry).await.unwrap().into_inner();

    assert_eq!(retried.conversations, 1);
    assert_eq!(lab.next("conversion").await, convert);
    let converted = Converted {
        blob: Some(blob("items")),
        items: vec![item(7)],
        ..Converted::default()
    };
    let plan = new_task(TaskKind::Plan, &blob("index"), (0, 0));
    lab.complete(&convert, Outcome::Converted(converted), vec![plan])
        .await;
    let plan = lab.next("mapping").await;
    lab.complete(&plan, Outcome::Planned(Planned::default()), Vec::new())
        .await;
    assert_eq!(lab.ended(run.run).await, RunState::Succeeded);
    let records = lab.report(1).await.records.unwrap();
    assert_eq!((records.rendered, records.quarantined), (1, 0));
}

#[tokio::test]
async fn a_refresh_that_read_no_directory_has_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;
    let refresh = lab.next("mapping").await;

    let nothing = Outcome::Refreshed(Refreshed::default());
    let refused = lab.try_complete(&refresh, nothing, Vec::new()).await;

    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    assert!(lab.is_quiet("mapping").await);
    lab.stop().await;
}
