//! What the ledger forgets by age, and what it says of that.

use std::{
    fmt::Debug,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatkeep_control::Settings;
use chatkeep_model::connector::HoldFor;
use chatkeep_proto::v1::{TraceItemRequest, TracedCopy};

use crate::{
    clearing::at_once,
    lab::{Lab, settings},
    store,
    world::{World, conversation, item_id},
};

const HOUR: i64 = 3_600_000;
/// For how long traces and reports are known unless somebody says otherwise.
const KEPT: u64 = 30 * 24 * 3600;

/// Nothing is cleared.
fn nothing_goes() -> Settings {
    let mut settings = settings();
    settings.janitor.after = HoldFor::Forever;
    settings
}

/// Unix milliseconds so many hours ago.
fn ago(hours: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap() - hours * HOUR
}

/// Asks until the answer is this one.
async fn until<T: PartialEq + Debug>(mut ask: impl AsyncFnMut() -> T, expected: T) {
    let mut last = None;
    let poll = async {
        while last.as_ref() != Some(&expected) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            last = Some(ask().await);
        }
    };
    let came = tokio::time::timeout(Duration::from_mins(1), poll).await;
    assert!(came.is_ok(), "{last:?} instead of {expected:?}");
}

/// Ann's copy of an item.
async fn copy(lab: &Lab, number: u32) -> TracedCopy {
    let request = TraceItemRequest {
        item: item_id(number).into(),
        ..TraceItemRequest::default()
    };
    let trace = lab.control.clone().trace_item(request).await.unwrap();
    let mut copies = trace.into_inner().copies.into_iter();
    copies
        .find(|copy| copy.mailbox == "ann@contoso.com")
        .unwrap()
}

/// A ledger in which Ann has got an item in each of so many runs, that nobody works with.
async fn archived(folder: &Path, runs: u32) {
    let lab = Lab::open_with(folder, &nothing_goes()).await;
    let mut world = World::of(Vec::new());
    for number in 1..=runs {
        let people = ["ann@contoso.com"];
        world.conversations.push(conversation(number, &people));
        let run = lab.open_run().await.run;
        world.drive(&lab, run).await;
    }
    lab.stop().await;
}

#[tokio::test]
async fn the_trace_of_an_old_copy_is_forgotten_and_its_item_says_how_long_traces_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    archived(folder.path(), 3).await;
    let days = |days: i64| ago(days * 24);
    // More than a page of leases are older than all of these.
    for (run, age) in [(1, 50), (2, 29), (3, 2)] {
        let settled = format!("UPDATE deliveries SET settled = {}", days(age));
        let of_run = format!("{settled} WHERE run IN (SELECT id FROM runs WHERE number = {run})");
        store::change(folder.path(), &of_run);
    }
    for (trace, taken) in [
        ("first", ago(50 * 24 + 1)),
        ("second", days(40)),
        ("third", ago(49)),
    ] {
        let lease = format!(
            "INSERT INTO leases (shard, taken, trace) SELECT shard, {taken}, '{trace}' FROM shards"
        );
        store::change(folder.path(), &lease);
    }
    let many = format!(
        "INSERT INTO leases (shard, taken, trace) WITH RECURSIVE n(x) AS \
         (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 700) \
         SELECT shard, {} - x, 'older' FROM n, shards",
        days(60)
    );
    store::change(folder.path(), &many);

    let lab = Lab::open_with(folder.path(), &at_once()).await;

    let told = async |number| {
        let copy = copy(&lab, number).await;
        (copy.settled_in, copy.traces_kept)
    };
    until(async || told(1).await, (String::new(), KEPT)).await;
    // The one that was taken before traces are forgotten is still that of what was settled since.
    assert_eq!(told(2).await, ("second".to_owned(), 0));
    assert_eq!(told(3).await, ("third".to_owned(), 0));
    let left = "SELECT trace FROM leases GROUP BY trace ORDER BY trace";
    assert_eq!(store::ask(folder.path(), left), ["second", "third"]);
    lab.stop().await;
}

#[tokio::test]
async fn a_trace_is_known_as_long_as_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    archived(folder.path(), 1).await;
    let settled = format!("UPDATE deliveries SET settled = {}", ago(5));
    store::change(folder.path(), &settled);
    for (trace, taken) in [("its own", ago(6)), ("last", ago(4))] {
        let lease = format!(
            "INSERT INTO leases (shard, taken, trace) SELECT shard, {taken}, '{trace}' FROM shards"
        );
        store::change(folder.path(), &lease);
    }
    let mut settings = at_once();
    settings.janitor.forget_after = HoldFor::Forever;
    let lab = Lab::open_with(folder.path(), &settings).await;
    crate::clearing::looked_through(&lab, folder.path()).await;
    assert_eq!(copy(&lab, 1).await.settled_in, "its own");
    lab.stop().await;

    settings.janitor.forget_after = HoldFor::Time(Duration::from_hours(3));
    let lab = Lab::open_with(folder.path(), &settings).await;

    until(async || copy(&lab, 1).await.traces_kept, 3 * 3600).await;
    lab.stop().await;
}

#[tokio::test]
async fn reports_that_were_sent_are_forgotten_and_those_that_nobody_got_never_are() {
    let folder = tempfile::tempdir().unwrap();
    archived(folder.path(), 1).await;
    let lab = Lab::open_with(folder.path(), &nothing_goes()).await;
    lab.open_run().await;
    lab.stop().await;
    // Run, state, when it was due, and for whom.
    for (run, state, due, recipient) in [
        (1, 1, ago(31 * 24), "sent long ago"),
        (1, 2, ago(31 * 24), "refused long ago"),
        (1, 3, ago(31 * 24), "given up long ago"),
        (1, 0, ago(31 * 24), "waits"),
        (1, 1, ago(29 * 24), "sent lately"),
        (2, 1, ago(31 * 24), "of a run that is not over"),
    ] {
        let report = format!(
            "INSERT INTO reports (connector, run, stopped, reason, recipient, state, made, due, attempts, \
             code, mail) SELECT connector, id, 1, '', '{recipient}', {state}, 0, {due}, 1, 0, '' \
             FROM runs WHERE number = {run}"
        );
        store::change(folder.path(), &report);
    }

    let lab = Lab::open_with(folder.path(), &at_once()).await;

    let left = "SELECT recipient FROM reports ORDER BY recipient";
    let expected = [
        "given up long ago",
        "of a run that is not over",
        "refused long ago",
        "sent lately",
        "waits",
    ];
    let expected: Vec<_> = expected.map(str::to_owned).into();
    until(async || store::ask(folder.path(), left), expected).await;
    lab.stop().await;
}
