//! What stages tell beside their results, and what is counted of databases.

use chatkeep_proto::v1::{
    Captured, CompleteRequest, CursorRequest, Finding, HourCount, Listed, LogRequest, Reach,
    Refreshed, RunState, Stretch, Task, TaskKind, complete_request::Result as Outcome,
    exception::Exception as Kind, log_entry::Entry,
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

fn finding(subject: &str) -> Finding {
    Finding {
        kind: "late-rows".to_owned(),
        subject: subject.to_owned(),
        expected: Some(3),
        seen: Some(2),
        advice: "capture them".to_owned(),
    }
}

/// Begins a run whose listing tells this; its only CAPTURE task.
async fn listing(lab: &Lab, identity: &str, stretch: (Option<i64>, i64), told: &[Finding]) -> Task {
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
    let request = CompleteRequest {
        task: list.id.clone(),
        next: vec![new_task(TaskKind::Capture, &blob("listing"), (0, 1))],
        result: Some(Outcome::Listed(listed)),
        findings: told.to_vec(),
    };
    for _ in 0..2 {
        lab.ledger.clone().complete(request.clone()).await.unwrap();
    }
    lab.next("ingestion").await
}

/// Reads hours of a database: their beginnings and how many records each has.
async fn read(lab: &Lab, identity: &str, stretch: (Option<i64>, i64), hours: &[(i64, u64)]) {
    let capture = listing(lab, identity, stretch, &[]).await;
    let hours = hours.iter().map(|(hour, records)| HourCount {
        stream: "Messages".to_owned(),
        hour: *hour,
        records: *records,
    });
    let captured = Captured {
        hours: hours.collect(),
        ..Captured::default()
    };
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;
    lab.ended(capture.run).await;
}

/// Hours as far back from the position, and from when on they are known.
async fn hours(lab: &Lab, back: i64) -> (Vec<(i64, u64)>, Option<i64>) {
    let request = CursorRequest {
        connector: "contoso".to_owned(),
        database: "db".to_owned(),
        hours: back,
    };
    let cursor = lab.ledger.clone().cursor(request).await;
    let cursor = cursor.unwrap().into_inner();
    let hours = cursor.hours.iter().map(|one| (one.hour, one.records));
    let counted = cursor.positions.first().and_then(|one| one.counted);
    (hours.collect(), counted)
}

#[tokio::test]
async fn what_a_stage_tells_is_listed_once_counted_and_logged() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let told = [finding("eight"), finding("nine")];
    let capture = listing(&lab, "one", (None, 36_000), &told).await;
    let captured = Outcome::Captured(Captured::default());
    lab.complete(&capture, captured, Vec::new()).await;

    let state = lab.ended(capture.run).await;

    assert_eq!(state, RunState::Succeeded);
    let mut listed = Vec::new();
    for exception in lab.exceptions(capture.run).await {
        match exception.exception {
            Some(Kind::Finding(finding)) => listed.push(finding),
            other => panic!("{other:?}"),
        }
    }
    // Control's own stands behind them: the source read nothing.
    assert_eq!(listed[..2], told);
    assert_eq!(listed[2].kind, "silent-source");
    assert_eq!(lab.report(1).await.findings, 3);
    let log = LogRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    let mut log = lab.control.clone().log(log).await.unwrap().into_inner();
    let mut logged = 0;
    while let Some(entry) = log.message().await.unwrap() {
        logged += u64::from(matches!(entry.entry, Some(Entry::Finding(_))));
    }
    assert_eq!(logged, 3);
}

#[tokio::test]
async fn a_run_that_read_nothing_new_stays_for_what_was_told_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    read(&lab, "one", (None, 36_000), &[]).await;

    read(&lab, "one", (Some(36_000), 39_600), &[]).await;
    let told = [finding("eight")];
    let capture = listing(&lab, "one", (Some(39_600), 43_200), &told).await;
    let captured = Outcome::Captured(Captured::default());
    lab.complete(&capture, captured, Vec::new()).await;

    assert_eq!(lab.ended(capture.run).await, RunState::Succeeded);
    // The one between left no trace.
    assert_eq!(lab.report(2).await.run, capture.run);
}

#[tokio::test]
async fn hours_are_known_with_the_position_and_replaced_when_they_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    read(
        &lab,
        "one",
        (None, 7_300),
        &[(0, 5), (3_600, 2), (7_200, 1)],
    )
    .await;
    assert_eq!(
        hours(&lab, 100_000).await,
        (vec![(0, 5), (3_600, 2), (7_200, 1)], Some(0))
    );

    read(
        &lab,
        "one",
        (Some(7_300), 10_900),
        &[(7_200, 4), (10_800, 0)],
    )
    .await;

    let expected = vec![(3_600, 2), (7_200, 4), (10_800, 0)];
    assert_eq!(hours(&lab, 7_300).await, (expected, Some(0)));
    assert!(hours(&lab, 0).await.0.is_empty());
}

#[tokio::test]
async fn hours_of_a_database_that_is_no_more_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    read(&lab, "one", (None, 7_200), &[(0, 5), (3_600, 2)]).await;

    read(&lab, "two", (None, 7_200), &[(3_600, 1)]).await;

    assert_eq!(hours(&lab, 100_000).await.0, [(3_600, 1)]);
}
