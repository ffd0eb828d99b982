use chatkeep_ingestion::Found;
use chatkeep_pipeline::Verdict;
use chatkeep_proto::v1::Run;

use crate::{
    build::{compliance, event, mail},
    sandbox::Sandbox,
};

const OCTOBER_14: i64 = 1_476_403_200;
const DAY: i64 = 86_400;
/// In 2042.
const LATER: i64 = 2_300_000_000;

#[tokio::test]
async fn what_lies_outside_the_window_stays_uncaptured() {
    let mut sandbox = Sandbox::export();
    sandbox.write("a.eml", mail().bytes());
    let before = Run {
        to: Some(OCTOBER_14),
        ..Run::default()
    };

    let outside = sandbox.run(before).await.unwrap();
    let inside = sandbox.archive().await;

    assert_eq!(
        (outside.captured.outside, outside.captured.records_read),
        (1, 0)
    );
    assert!(outside.captured.files.is_empty());
    assert_eq!(inside.conversations.len(), 1);
}

#[tokio::test]
async fn events_outside_the_window_keep_their_file_uncaptured() {
    let mut sandbox = Sandbox::rooms();
    let events = [
        event("x", "CHAT", "ann", OCTOBER_14 + 5).saying(1, "in"),
        event("x", "CHAT", "ann", OCTOBER_14 + DAY).saying(2, "out"),
    ];
    sandbox.write("a.xml", compliance(&events));
    let one_day = Run {
        from: Some(OCTOBER_14),
        to: Some(OCTOBER_14 + DAY),
        ..Run::default()
    };

    let window = sandbox.run(one_day).await.unwrap();
    let all = sandbox.archive().await;

    assert_eq!(
        (window.captured.outside, window.captured.records_read),
        (1, 1)
    );
    assert!(window.captured.files.is_empty());
    assert_eq!(
        (all.captured.records_read, all.captured.duplicates.len()),
        (2, 1)
    );
    assert_eq!(all.assembled.records, 1);
}

#[tokio::test]
async fn scheduled_runs_leave_young_files_and_unfinished_days() {
    let mut sandbox = Sandbox::rooms();
    let events = [
        event("x", "JOIN", "ann", OCTOBER_14 + 1),
        event("x", "CHAT", "bob", OCTOBER_14 + DAY + 1).saying(1, "today"),
    ];
    sandbox.write("a.xml", compliance(&events));
    let scheduled = |opened| Run {
        scheduled: true,
        opened,
        ..Run::default()
    };
    let path = sandbox.path("a.xml");
    let set_modified = |seconds| {
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
    };
    let opened = OCTOBER_14 + DAY + 3_600;
    set_modified(opened.unsigned_abs() - 10);
    let young = sandbox.run(scheduled(opened)).await.unwrap();

    set_modified(opened.unsigned_abs() - 100);
    let first = sandbox.run(scheduled(opened)).await.unwrap();
    let second = sandbox.run(scheduled(opened + DAY)).await.unwrap();

    assert_eq!((young.listed.files, young.listed.young), (0, 1));
    assert_eq!((first.assembled.records, first.assembled.open), (1, 1));
    assert_eq!((second.assembled.records, second.assembled.open), (1, 0));
    // Ann came yesterday and has not left.
    let participants = &second.conversations[0].participants;
    let addresses: Vec<_> = participants.iter().map(|one| &*one.address).collect();
    assert_eq!(addresses, ["bob@contoso.com", "ann@contoso.com"]);
}

#[tokio::test]
async fn the_window_of_a_scheduled_run_keeps_nothing_out() {
    let mut sandbox = Sandbox::export();
    sandbox.write("late.eml", mail().bytes());
    let after = Run {
        from: Some(OCTOBER_14 + 30 * DAY),
        to: Some(OCTOBER_14 + 31 * DAY),
        scheduled: true,
        opened: LATER,
        ..Run::default()
    };

    let run = sandbox.run(after).await.unwrap();

    assert_eq!(run.conversations.len(), 1);
    assert_eq!(run.captured.outside, 0);
}

#[tokio::test]
async fn a_backfill_keeps_to_its_window_and_leaves_who_is_present_alone() {
    let mut sandbox = Sandbox::rooms();
    let today = [event("x", "JOIN", "cid", OCTOBER_14 + 9 * DAY)];
    sandbox.write("today.xml", compliance(&today));
    sandbox.archive().await;
    let rosters = sandbox.ledger.state().rosters.clone();
    let events = [
        event("x", "JOIN", "ann", OCTOBER_14 + 5),
        event("x", "CHAT", "bob", OCTOBER_14 + 6).saying(1, "in"),
        event("x", "CHAT", "ann", OCTOBER_14 + DAY).saying(2, "out"),
    ];
    sandbox.write("then.xml", compliance(&events));
    let backfill = Run {
        from: Some(OCTOBER_14),
        to: Some(OCTOBER_14 + DAY),
        scheduled: true,
        backfill: true,
        opened: LATER,
        ..Run::default()
    };

    let run = sandbox.run(backfill).await.unwrap();

    assert_eq!((run.captured.records_read, run.captured.outside), (2, 1));
    let participants = &run.conversations[0].participants;
    let addresses: Vec<_> = participants.iter().map(|one| &*one.address).collect();
    // Cid came later.
    assert_eq!(addresses, ["ann@contoso.com", "bob@contoso.com"]);
    assert_eq!(sandbox.ledger.state().rosters, rosters);
}

#[tokio::test]
async fn a_missing_folder_is_refused_with_what_to_do() {
    let mut sandbox = Sandbox::export();
    std::fs::remove_dir(sandbox.path("")).unwrap();

    let error = sandbox.run(Run::default()).await.unwrap_err();

    assert_eq!(
        (error.verdict, error.action),
        (Verdict::Reject, "list source folder")
    );
    let findings = chatkeep_ingestion::check(&sandbox.connector());
    let problem = findings[0].result.as_ref().unwrap_err().to_string();
    assert!(problem.contains("check sources.path"), "{problem}");
}

#[tokio::test]
async fn check_reads_the_first_files_as_a_trial() {
    let sandbox = Sandbox::export();
    sandbox.write("a.eml", mail().bytes());
    sandbox.write("b.eml", "");
    sandbox.write("c.txt", "");

    let findings = chatkeep_ingestion::check(&sandbox.connector());

    let Ok(Found::Files(sample)) = &findings[0].result else {
        panic!("{findings:?}")
    };
    assert_eq!((sample.files, sample.foreign, sample.read), (2, 1, 2));
    assert_eq!(sample.damaged, [("b.eml".to_owned(), "file is empty")]);
}
