use std::path::Path;

use chatkeep_proto::v1::Finding;

use super::*;
use crate::ledger::alone;

/// A ledger with a run, nobody who works for it, and who measures it.
async fn with_run(folder: &Path) -> (Watcher, i64) {
    let (ledger, run) = alone::with_run(folder, None).await;
    let watcher = Watcher {
        ledger: Arc::new(ledger),
        samples: Arc::default(),
        asked: Arc::default(),
        closed: HashMap::new(),
    };
    (watcher, run.id)
}

/// Changes rows as whoever is not there would.
async fn change(watcher: &Watcher, sql: &str) {
    let mut tx = watcher.ledger.database.begin().await.unwrap();
    query(sql.to_owned()).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Values of a metric, by one of its attributes.
async fn values(watcher: &mut Watcher, metric: Metric, by: &str) -> Vec<(String, u64)> {
    let samples = watcher.look().await.unwrap().into_iter();
    let samples = samples.filter(|sample| sample.metric == metric);
    let name = |sample: &Sample| {
        let mut attributes = sample.attributes.iter();
        let attribute = attributes.find(|one| one.key.as_str() == by);
        attribute.unwrap().value.to_string()
    };
    samples
        .map(|sample| (name(&sample), sample.value))
        .collect()
}

#[tokio::test]
async fn findings_of_the_newest_run_are_measured_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut watcher, run) = with_run(folder.path()).await;
    let of_kind = |kind: &str| Finding {
        kind: kind.to_owned(),
        ..Finding::default()
    };
    let told = ["late-rows", "late-rows", "silent-source"].map(of_kind);
    let mut tx = watcher.ledger.database.begin().await.unwrap();
    findings::replace_ours(&mut tx, run, &told).await.unwrap();
    tx.commit().await.unwrap();

    let findings = values(&mut watcher, Metric::Findings, "chatkeep.finding").await;

    let expected = [("late-rows", 2), ("silent-source", 1)];
    assert_eq!(
        findings,
        expected.map(|(kind, count)| (kind.to_owned(), count))
    );
    assert_eq!(Metric::Findings.name(), "chatkeep.run.findings");
}

/// For how long each stage's oldest task has been open, in hours.
async fn hours(watcher: &mut Watcher) -> Vec<(String, u64)> {
    let mut oldest = values(watcher, Metric::OldestTask, "chatkeep.stage").await;
    oldest.retain(|(_, age)| *age > 0);
    for (_, age) in &mut oldest {
        *age /= 3600;
    }
    oldest
}

#[tokio::test]
async fn the_backlog_is_as_old_as_the_oldest_task_that_could_be_worked_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut watcher, run) = with_run(folder.path()).await;
    let opened = watcher.ledger.clock.now() - 3 * 3_600_000 - 1;
    for (kind, state, opened) in [(5, 1, 1), (5, 0, opened), (6, 0, 0)] {
        let task = format!(
            "INSERT INTO tasks (name, run, kind, source, shard, parent, state, input, first, entries, \
             items_first, items_count, records_read, claimed, reason, trace, opened) VALUES \
             ('{kind}{state}', {run}, {kind}, 0, 0, 0, {state}, '', 0, 0, 0, 0, 0, 0, '', '', {opened})"
        );
        change(&watcher, &task).await;
    }

    let running = hours(&mut watcher).await;
    change(&watcher, "UPDATE runs SET status = 2").await;
    let paused = hours(&mut watcher).await;

    // A task of an earlier program has no time, one that is done is no backlog.
    assert_eq!(running, [("conversion".to_owned(), 3)]);
    assert_eq!(paused, []);
}

#[tokio::test]
async fn what_failed_is_counted_over_all_runs_until_it_is_retried() {
    let folder = tempfile::tempdir().unwrap();
    let (mut watcher, _) = with_run(folder.path()).await;
    change(
        &watcher,
        "INSERT INTO mailboxes (id, connector, address, shard, pending) \
         SELECT 1, id, 'ann@b.c', 0, 0 FROM connectors",
    )
    .await;
    for (item, state) in [(1, 4), (2, 2), (3, 1), (4, 4)] {
        let delivery = format!(
            "INSERT INTO deliveries (item, mailbox, run, date, state) VALUES ({item}, 1, {item}, 0, {state})"
        );
        change(&watcher, &delivery).await;
    }
    change(
        &watcher,
        "INSERT INTO held (connector, run, item, hash, participant, email, conflict, state, mailbox, since) \
         SELECT id, 1, 5, '', 'dora', '', 0, 4, '', 0 FROM connectors",
    )
    .await;

    let before = values(&mut watcher, Metric::Failed, "chatkeep.outcome").await;
    change(&watcher, "UPDATE deliveries SET state = 0 WHERE item = 4").await;
    let after = values(&mut watcher, Metric::Failed, "chatkeep.outcome").await;

    let counts = |failed| {
        [
            ("partially imported".to_owned(), 1),
            ("failed".to_owned(), failed),
        ]
    };
    assert_eq!(before, counts(3));
    assert_eq!(after, counts(2));
}
