//! What is deleted from staging of runs, and what is not.

use std::{collections::BTreeSet, time::Duration};

use chatkeep_control::verify_offline;
use chatkeep_model::connector::HoldFor;
use chatkeep_proto::v1::{
    Assembled, Captured, Chunk, DeliveryState, OpenRunRequest, RunState, TaskKind,
    complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, KEPT};

use crate::{
    assembly::assemble,
    clearing::{
        YEAR, at_once, cleared, deliver_held, keys, looked_through, one_held, retry, staged, until,
        write,
    },
    delivery::import_task,
    lab::{CONNECTOR, Lab, new_task},
    world::conversation,
};

#[tokio::test]
async fn of_a_finished_run_only_what_may_be_needed_again_stays() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let mut world = one_held();
    world.conversations[0].unreadable = Some("not an e-mail");
    let run = lab.open_run().await.run;

    world.drive(&lab, run).await;

    let kept = cleared(&lab).await;
    let items = lab.staging.put(BlobKind::Items, "items 30").await.unwrap();
    let original = lab.staging.put(BlobKind::Quarantine, "0.eml").await;
    let expected = [items, original.unwrap()].map(|blob| format!("{KEPT}{}", blob.key));
    assert_eq!(kept, expected.into());
    // The ledger names what is kept.
    let exceptions = lab.exceptions(run).await;
    let named = format!("{exceptions:?}");
    assert!(named.contains("kept/quarantine/"), "{named}");
    // And nobody touches what proves it all.
    let copies = folder.path().join("copies");
    lab.copy_manifests(&copies).await;
    verify_offline(&copies.join("000001.jsonl")).unwrap();
}

#[tokio::test]
async fn what_failed_and_what_was_held_is_delivered_from_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let mut world = one_held();
    world.mailboxes = [
        ("bob@contoso.com", (DeliveryState::Failed, "quota")),
        (
            "ann@contoso.com",
            (DeliveryState::PartiallyImported, "size"),
        ),
    ]
    .into();
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    cleared(&lab).await;

    world.mailboxes.clear();
    assert_eq!(retry(&lab, 1).await.unwrap().deliveries, 39 + 40);
    assert_eq!(
        world.drive(&lab, run).await,
        RunState::SucceededWithExceptions
    );
    // Only the batch with the delivery that is held is left.
    until(&lab, |keys| keys.len() == 1).await;
    world
        .directory
        .insert("late@contoso.com", "late@contoso.com");
    let run = deliver_held(&lab).await;
    world.drive(&lab, run).await;

    until(&lab, BTreeSet::is_empty).await;
    let deliveries = lab.report(1).await.deliveries.unwrap();
    assert_eq!((deliveries.planned, deliveries.imported), (80, 80));
    assert_eq!(world.archived.lock().unwrap().len(), 80);
    lab.stop().await;
}

#[tokio::test]
async fn nothing_of_an_unfinished_run_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let world = one_held();
    let run = lab.open_run().await.run;
    let import = import_task(&lab, &world).await;
    let before = keys(&lab.staging).await;

    let after = looked_through(&lab, folder.path()).await;

    assert!(before.iter().any(|key| key.starts_with("items/")));
    assert_eq!(after, before);
    world.work(&lab, &import).await;
    world.drive(&lab, run).await;
    assert_eq!(cleared(&lab).await.len(), 1);
}

#[tokio::test]
async fn snapshots_of_directories_stay_whatever_age_they_have() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let snapshot = format!("directory/ab/{}", "ab".repeat(32));
    write(folder.path(), &snapshot, YEAR);

    looked_through(&lab, folder.path()).await;

    assert!(folder.path().join("staging").join(snapshot).exists());
}

#[tokio::test]
async fn blobs_stay_for_a_while_after_the_run_was_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = at_once();
    settings.janitor.after = HoldFor::Time(Duration::from_hours(1));
    settings.janitor.orphans_after = Duration::from_hours(1);
    let lab = Lab::open_with(folder.path(), &settings).await;
    let world = one_held();
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    let before = keys(&lab.staging).await;

    assert_eq!(looked_through(&lab, folder.path()).await, before);
    lab.stop().await;

    // The same, when nobody waits for anything.
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    assert_eq!(cleared(&lab).await.len(), 1);
}

#[tokio::test]
async fn what_a_later_run_wrote_again_stays_as_long_as_that_one_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let mut world = one_held();
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    cleared(&lab).await;
    world.conversations = (40..60)
        .map(|number| conversation(number, &["ann@contoso.com"]))
        .collect();
    let mut world = staged(world.conversations);
    world
        .directory
        .insert("late@contoso.com", "late@contoso.com");

    // Its blobs have the keys of the first run's.
    let run = lab.open_run().await.run;
    let import = import_task(&lab, &world).await;
    looked_through(&lab, folder.path()).await;
    world.work(&lab, &import).await;
    world.drive(&lab, run).await;

    until(&lab, BTreeSet::is_empty).await;
    assert_eq!(world.archived.lock().unwrap().len(), 21);
}

/// A chunk with records in the first shard.
async fn chunk(lab: &Lab, content: &'static str) -> Chunk {
    let mut offsets = vec![100; 17];
    offsets[0] = 0;
    Chunk {
        blob: Some(lab.staging.put(BlobKind::Chunk, content).await.unwrap()),
        offsets,
        sha256: Vec::new(),
    }
}

async fn open_rooms(lab: &Lab) -> i64 {
    let request = OpenRunRequest {
        connector_file: CONNECTOR.replace("archiving-export", "persistent-chat-xml"),
        scheduled: true,
        max_part_bytes: 1_000_000,
        ..OpenRunRequest::default()
    };
    let opened = lab.control.clone().open_run(request).await.unwrap();
    opened.into_inner().run
}

#[tokio::test]
async fn records_of_an_open_day_stay_until_a_sealed_run_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let run = open_rooms(&lab).await;
    lab.list(vec![new_task(
        TaskKind::Capture,
        &crate::world::blob("listing"),
        (0, 1),
    )])
    .await;
    let capture = lab.next("ingestion").await;
    let captured = Captured {
        records_read: 2,
        chunk: Some(chunk(&lab, "captured").await),
        ..Captured::default()
    };
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;
    let task = lab.next("ingestion").await;
    let open = chunk(&lab, "open").await;
    let assembled = Assembled {
        open: 2,
        open_records: Some(open.clone()),
        ..Assembled::default()
    };
    lab.complete(&task, Outcome::Assembled(assembled), Vec::new())
        .await;
    assert_eq!(lab.ended(run).await, RunState::Succeeded);

    let left = looked_through(&lab, folder.path()).await;
    let key = open.blob.unwrap().key;
    assert!(left.contains(&key));
    let run = open_rooms(&lab).await;
    lab.list(Vec::new()).await;
    let task = lab.next("ingestion").await;
    let left = looked_through(&lab, folder.path()).await;
    assert!(left.contains(&key));
    let later = Assembled {
        open: 1,
        open_records: Some(chunk(&lab, "later").await),
        ..rendered()
    };
    assemble(&lab, &task, later, 1).await;
    lab.ended(run).await;
    looked_through(&lab, folder.path()).await;
    let run = open_rooms(&lab).await;
    lab.list(Vec::new()).await;
    let task = lab.next("ingestion").await;
    assemble(&lab, &task, rendered(), 2).await;
    lab.ended(run).await;

    until(&lab, BTreeSet::is_empty).await;
}

/// One conversation of one record.
fn rendered() -> Assembled {
    Assembled {
        conversations: 1,
        records: 1,
        ..Assembled::default()
    }
}
