//! What is deleted from staging, and what is not.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use chatkeep_control::{JanitorSettings, Settings, verify_offline};
use chatkeep_model::connector::HoldFor;
use chatkeep_proto::v1::{
    Assembled, Captured, Chunk, DeliverHeldRequest, DeliveryState, OpenRunRequest, RetryRequest,
    RetryResponse, RunState, TaskKind, complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, KEPT, Staging};
use proptest::prelude::*;

use crate::{
    assembly::assemble,
    delivery::import_task,
    lab::{CONNECTOR, Lab, new_task, settings},
    properties::{conversations, fate},
    world::{Conversation, World, conversation},
};

/// Every blob that may go goes as soon as it may.
pub(crate) fn at_once() -> Settings {
    Settings {
        janitor: JanitorSettings {
            after: HoldFor::Time(Duration::ZERO),
            every: Duration::from_millis(20),
            orphans_after: Duration::ZERO,
        },
        ..settings()
    }
}

fn staged(conversations: Vec<Conversation>) -> World {
    let mut world = World::of(conversations);
    world.is_staged = true;
    world
}

/// Forty conversations of two with a mailbox, and one more of somebody without.
pub(crate) fn one_held() -> World {
    let people = ["ann@contoso.com", "bob@contoso.com"];
    let mut conversations: Vec<_> = (0..39)
        .map(|number| conversation(number, &people))
        .collect();
    conversations.push(conversation(39, &["ann@contoso.com", "late@contoso.com"]));
    staged(conversations)
}

async fn keys(staging: &Staging) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut from = None;
    loop {
        let page = staging.list("", from.as_deref()).await.unwrap();
        keys.extend(page.blobs.into_iter().map(|blob| blob.key));
        from = page.next;
        if from.is_none() {
            keys.retain(|key| !key.starts_with("ledger/") && !key.starts_with("seal/"));
            return keys;
        }
    }
}

/// What is kept, once nothing else is left.
pub(crate) async fn cleared(lab: &Lab) -> BTreeSet<String> {
    until(lab, |keys| keys.iter().all(|key| key.starts_with(KEPT))).await
}

async fn until(lab: &Lab, is_so: impl Fn(&BTreeSet<String>) -> bool) -> BTreeSet<String> {
    let poll = async {
        loop {
            let keys = keys(&lab.staging).await;
            if is_so(&keys) {
                return keys;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), poll)
        .await
        .unwrap()
}

/// Writes a file into the staging of a lab, so old.
fn write(folder: &Path, key: &str, age: Duration) {
    let path = folder.join("staging").join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "x").unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

const YEAR: Duration = Duration::from_hours(365 * 24);

/// The last key of all, of a blob that no run has written: when it is gone, everything was looked at.
fn last_key() -> String {
    format!("quarantine/ff/{}", "f".repeat(64))
}

/// Waits until everything was looked at.
async fn looked_through(lab: &Lab, folder: &Path) -> BTreeSet<String> {
    write(folder, &last_key(), YEAR);
    until(lab, |keys| !keys.contains(&last_key())).await
}

/// Tries a run again; nothing when there is no such run.
async fn retry(lab: &Lab, number: i64) -> Option<RetryResponse> {
    let request = RetryRequest {
        connector: "contoso".to_owned(),
        number,
    };
    let answer = lab.control.clone().retry(request).await;
    answer.ok().map(tonic::Response::into_inner)
}

async fn deliver_held(lab: &Lab) -> i64 {
    let request = DeliverHeldRequest {
        connector_file: CONNECTOR.to_owned(),
        max_part_bytes: 1_000_000,
    };
    let answer = lab.control.clone().deliver_held(request).await;
    answer.unwrap().into_inner().run
}

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

#[tokio::test]
async fn what_no_run_has_written_goes_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = at_once();
    settings.janitor.orphans_after = Duration::from_hours(10);
    let lab = Lab::open_with(folder.path(), &settings).await;
    let (young, old) = (
        format!("batch/00/00{}", "0".repeat(62)),
        format!("batch/11/11{}", "1".repeat(62)),
    );
    write(folder.path(), &young, Duration::from_hours(9));
    write(folder.path(), &old, Duration::from_hours(11));

    let left = looked_through(&lab, folder.path()).await;

    assert_eq!(left, [young].into());
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let foreign = [
        "notes.txt",
        "items/07/notes",
        "kept/items/07/notes",
        "Backup/1",
    ];
    for key in foreign {
        write(folder.path(), key, YEAR);
    }

    let left = looked_through(&lab, folder.path()).await;

    assert_eq!(left, foreign.map(str::to_owned).into());
}

#[tokio::test]
async fn nothing_is_deleted_where_another_ledger_works_with_the_same_staging() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::folder(&folder.path().join("staging")).unwrap();
    let other = staging.put(BlobKind::Ledger, "another").await.unwrap();
    write(folder.path(), &last_key(), YEAR);
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    assert!(lab.is_quiet("mapping").await);
    assert!(keys(&lab.staging).await.contains(&last_key()));

    fs::remove_file(folder.path().join("staging").join(other.key)).unwrap();

    until(&lab, BTreeSet::is_empty).await;
}

#[tokio::test]
async fn nothing_is_deleted_that_stays_forever() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = at_once();
    settings.janitor.after = HoldFor::Forever;
    write(folder.path(), &last_key(), YEAR);
    let lab = Lab::open_with(folder.path(), &settings).await;

    assert!(lab.is_quiet("mapping").await);

    assert!(keys(&lab.staging).await.contains(&last_key()));
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

/// What happens between two looks.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The cause of failures is gone, and they are tried again.
    Retry,
    /// Whoever was not known gets a mailbox.
    Learn,
    /// More is captured.
    Capture,
    /// Everything is looked through and cleared.
    Clear,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Retry),
        Just(Event::Learn),
        Just(Event::Capture),
        Just(Event::Clear),
    ]
}

/// Works until a run is over, also when everything fails alike.
async fn to_the_end(lab: &Lab, world: &World, run: i64) {
    if world.drive(lab, run).await == RunState::Paused {
        lab.open_run().await;
        world.drive(lab, run).await;
    }
}

async fn happen(lab: &Lab, world: &mut World, event: Event, more: &mut Vec<Conversation>) {
    match event {
        Event::Retry => {
            world.mailboxes.clear();
            for number in 1.. {
                let Some(retried) = retry(lab, number).await else {
                    break;
                };
                if retried.deliveries > 0 {
                    to_the_end(lab, world, retried.run).await;
                }
            }
        }
        Event::Learn => {
            world
                .directory
                .insert("unknown@contoso.com", "unknown@contoso.com");
            let run = deliver_held(lab).await;
            to_the_end(lab, world, run).await;
        }
        Event::Capture => {
            world.conversations.extend(more.pop());
            let run = lab.open_run().await.run;
            to_the_end(lab, world, run).await;
        }
        Event::Clear => drop(cleared(lab).await),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    // The world's importer fails the test when a delivery that waits has no blob to read.
    #[test]
    fn every_delivery_that_becomes_possible_finds_its_bytes(
        conversations in conversations(),
        mut more in conversations(),
        fates in prop::collection::vec(fate(), 4),
        events in prop::collection::vec(event(), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let lab = Lab::open_with(folder.path(), &at_once()).await;
            let mut world = staged(conversations);
            world.mailboxes = world.directory.keys().copied().zip(fates).collect();
            let run = lab.open_run().await.run;
            to_the_end(&lab, &world, run).await;

            for event in events.into_iter().chain([Event::Retry, Event::Learn, Event::Clear]) {
                happen(&lab, &mut world, event, &mut more).await;
            }

            let archived = world.archived.lock().unwrap().clone();
            let once: BTreeSet<_> = archived.iter().collect();
            prop_assert_eq!(once.len(), archived.len(), "archived twice");
            // Everything is delivered.
            until(&lab, |keys| !keys.iter().any(|key| key.starts_with("kept/items/"))).await;
            lab.stop().await;
            Ok(())
        })?;
    }
}
