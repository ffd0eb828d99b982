//! Scheduled runs: files that may still be written, and events of days not yet over, are left for a later
//! run.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use chatkeep_control::Clock;
use chatkeep_proto::v1::{ListRunsRequest, PutConnectorRequest};
use jiff::Timestamp;

use crate::{
    embedded::{Services, connector, covered},
    exactly_once::{event, room},
    sandbox::Sandbox,
    scheduled_run::{Ran, scheduled_run},
};

/// Read, rendered, open; the rest is zero, or the equation would not close.
fn records(ran: &Ran) -> (u64, u64, u64) {
    let records = ran.report.records.unwrap();
    assert_eq!(records.read, records.rendered + records.open, "{records:?}");
    (records.read, records.rendered, records.open)
}

fn set_modified(path: &Path, time: &str) {
    let time: Timestamp = time.parse().unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(time.into()).unwrap();
}

/// Texts of the mails in Ann's mailbox.
fn texts(sandbox: &Sandbox) -> Vec<String> {
    let mails = sandbox.mails("ann@contoso.com");
    mails.iter().map(crate::sandbox::Mail::text).collect()
}

fn how_often(sandbox: &Sandbox, words: &str) -> usize {
    let texts = texts(sandbox).into_iter();
    texts.map(|text| text.matches(words).count()).sum()
}

#[test]
fn a_file_that_is_not_quiet_yet_is_left_for_the_next_run() {
    for (quiet, age) in [("", "59s"), ("quiet = \"10m\"\n", "599s")] {
        let sandbox = Sandbox::new();
        sandbox.edit_connector(
            "path = \"exports\"\n",
            &format!("path = \"exports\"\n{quiet}"),
        );
        sandbox.session("quiet", 0, &[("ann", "settled"), ("bob", "hi")]);
        sandbox.session("young", 1, &[("ann", "fresh"), ("bob", "hi")]);
        let now: Timestamp = "2026-09-20T12:00:00Z".parse().unwrap();
        let written = now - age.parse::<jiff::SignedDuration>().unwrap();
        set_modified(&sandbox.path("exports/quiet.eml"), "2026-09-20T11:49:00Z");
        set_modified(&sandbox.path("exports/young.eml"), &written.to_string());

        let first = scheduled_run(&sandbox, &now.to_string());
        assert_eq!(records(&first), (1, 1, 0));
        assert_eq!(first.report.listed.unwrap().young, 1);
        assert_eq!(how_often(&sandbox, "settled"), 1);
        assert_eq!(how_often(&sandbox, "fresh"), 0);

        let second = scheduled_run(&sandbox, "2026-09-20T12:00:02Z");
        assert_eq!(records(&second), (1, 1, 0));
        assert_eq!(how_often(&sandbox, "settled"), 1);
        assert_eq!(how_often(&sandbox, "fresh"), 1);
        assert!(!scheduled_run(&sandbox, "2026-09-20T12:00:03Z").is_new);
    }
}

/// Puts events of the room into a file that is long quiet.
fn write_room(sandbox: &Sandbox, file: &str, events: &[String]) {
    let name = format!("compliance/{file}.xml");
    sandbox.write(&name, room(events));
    set_modified(&sandbox.path(&name), "2026-09-14T00:00:00Z");
}

/// Ann joins and writes on the 14th, and on the 15th again.
fn two_days() -> Sandbox {
    let sandbox = Sandbox::new();
    let events = [
        event("JOIN", 0, "", 0, 0),
        event("CHAT", 0, "granite", 0, 1),
        event("CHAT", 0, "marble", 1, 2),
    ];
    write_room(&sandbox, "a", &events);
    sandbox
}

#[test]
fn a_day_not_yet_over_stays_open_and_is_rendered_once_after_midnight() {
    let sandbox = two_days();

    let first = scheduled_run(&sandbox, "2026-09-15T10:00:00Z");
    assert_eq!(records(&first), (3, 2, 1));
    assert_eq!(how_often(&sandbox, "granite"), 1);
    assert_eq!(how_often(&sandbox, "marble"), 0);

    write_room(&sandbox, "b", &[event("CHAT", 0, "basalt", 1, 3)]);
    let second = scheduled_run(&sandbox, "2026-09-15T23:59:59Z");
    assert_eq!(records(&second), (2, 0, 2));
    assert!(!scheduled_run(&sandbox, "2026-09-15T23:59:59Z").is_new);
    assert_eq!(texts(&sandbox).len(), 1);

    let third = scheduled_run(&sandbox, "2026-09-16T00:00:00Z");
    assert_eq!(records(&third), (2, 2, 0));
    assert_eq!(texts(&sandbox).len(), 2);
    for words in ["granite", "marble", "basalt"] {
        assert_eq!(how_often(&sandbox, words), 1, "{words}");
    }
    assert!(!scheduled_run(&sandbox, "2026-09-17T00:00:00Z").is_new);
    assert_eq!(texts(&sandbox).len(), 2);
}

#[test]
fn the_one_shot_archive_renders_what_scheduled_runs_left_open() {
    let sandbox = two_days();
    scheduled_run(&sandbox, "2026-09-15T10:00:00Z");

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("records.read"), 1);
    assert_eq!(outcome.count("records.rendered"), 1);
    for words in ["granite", "marble"] {
        assert_eq!(how_often(&sandbox, words), 1, "{words}");
    }
}

/// A file under a folder.
fn file_in(folder: &Path) -> PathBuf {
    let path = std::fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    if path.is_dir() { file_in(&path) } else { path }
}

#[test]
fn a_file_of_a_day_that_is_left_open_again_belongs_to_the_later_run() {
    const STORED: &str = "0988239a-bb66-4616-90a4-b07771a2097c.txt";
    let sandbox = Sandbox::new();
    sandbox.write(&format!("compliance/{STORED}"), "the numbers");
    let uploaded = [
        event("JOIN", 0, "", 1, 0),
        event("FILEUPLOAD", 0, STORED, 1, 1),
    ];
    write_room(&sandbox, "a", &uploaded);
    scheduled_run(&sandbox, "2026-09-15T10:00:00Z");
    let staged = file_in(&sandbox.path(".chatkeep/staging/attachment"));
    let now = SystemTime::now();
    let file = File::open(&staged).unwrap();
    file.set_modified(now - Duration::from_hours(1)).unwrap();

    write_room(&sandbox, "b", &[event("CHAT", 0, "basalt", 1, 3)]);
    let second = scheduled_run(&sandbox, "2026-09-15T12:00:00Z");

    assert_eq!(records(&second), (3, 0, 3));
    let modified = std::fs::metadata(&staged).unwrap().modified().unwrap();
    assert!(modified >= now);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_with_a_schedule_is_archived_by_itself_window_by_window() {
    let sandbox = two_days();
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    let clock = Clock::standing_at(time("2026-09-15T00:59:00Z").into());
    let Services {
        mut control,
        lifecycle,
    } = Services::start(&sandbox, &clock).await;
    let request = PutConnectorRequest {
        connector_file: connector(&sandbox).to_toml().unwrap(),
        schedule: true,
        max_part_bytes: 0,
        ..PutConnectorRequest::default()
    };
    control.put_connector(request).await.unwrap();

    clock.set(time("2026-09-15T01:00:00Z").into());
    covered(&mut control, time("2026-09-15T00:00:00Z")).await;
    assert_eq!(how_often(&sandbox, "granite"), 1);
    assert_eq!(how_often(&sandbox, "marble"), 0);
    // It lies before the next window, and came too late for its own.
    write_room(&sandbox, "late", &[event("CHAT", 0, "basalt", 0, 3)]);
    clock.set(time("2026-09-16T01:00:00Z").into());
    covered(&mut control, time("2026-09-16T00:00:00Z")).await;

    for words in ["granite", "marble", "basalt"] {
        assert_eq!(how_often(&sandbox, words), 1, "{words}");
    }
    let request = ListRunsRequest {
        connector: String::new(),
        limit: 10,
        ..ListRunsRequest::default()
    };
    let runs = control.list_runs(request).await.unwrap().into_inner().runs;
    let day = |text| Some(time(text).as_second());
    let windows: Vec<_> = runs.iter().map(|run| (run.from, run.to)).collect();
    let expected = [
        (day("2026-09-15T00:00:00Z"), day("2026-09-16T00:00:00Z")),
        (None, day("2026-09-15T00:00:00Z")),
    ];
    assert_eq!(windows, expected);
    assert!(lifecycle.stop().await);
}
