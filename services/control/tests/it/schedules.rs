//! Scheduled runs: when they are opened, and what their windows are.

use chatkeep_proto::v1::{
    ConnectorState, FailRequest, OpenRunRequest, PutConnectorRequest, RunState, TaskKind,
};
use tonic::Code;

use crate::{
    calendar::{Calendar, days, hour, midnight},
    lab::CONNECTOR,
    world::{World, conversation},
};

const PEOPLE: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];

fn world() -> World {
    World::of((0..3).map(|number| conversation(number, &PEOPLE)).collect())
}

/// The windows of all runs, in the order in which they were opened.
async fn windows(calendar: &Calendar) -> Vec<(Option<i64>, Option<i64>)> {
    let runs = calendar.runs().await;
    runs.iter().map(|(run, _)| days(run)).collect()
}

#[tokio::test]
async fn the_first_window_begins_with_everything_and_ends_at_the_last_midnight() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.settle().await;
    assert_eq!(windows(&calendar).await, []);

    calendar.clock.set(hour(101, 1));
    let run = calendar.newest(RunState::Running).await;
    calendar.settle().await;

    assert_eq!(days(&run), (None, Some(101)));
    assert!(run.scheduled);
    assert_eq!(run.max_part_bytes, 1_000_000);
    assert_eq!(run.opened, midnight(101) + 3_600);
    let report = calendar.lab.report(1).await;
    assert_eq!(report.state(), RunState::Succeeded);
    assert_eq!(report.to, Some(midnight(101)));
    let summary = calendar.summary().await;
    assert_eq!(summary.covered, Some(midnight(101)));
    assert_eq!(summary.due, Some(midnight(102) + 3_600));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_window_begins_where_the_one_before_ended() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;

    for day in 101..104 {
        calendar.clock.set(hour(day, 1));
        calendar.settle().await;
    }

    let expected = [
        (None, Some(101)),
        (Some(101), Some(102)),
        (Some(102), Some(103)),
    ];
    assert_eq!(windows(&calendar).await, expected);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn missed_slots_are_caught_up_in_order_one_run_after_the_other() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    calendar.settle().await;

    let calendar = calendar.down_until(hour(104, 12)).await;
    let worked = calendar.settle().await;

    let expected = [
        (None, Some(101)),
        (Some(101), Some(102)),
        (Some(102), Some(103)),
        (Some(103), Some(104)),
    ];
    assert_eq!(windows(&calendar).await, expected);
    assert!(worked.is_sorted());
    assert_eq!(calendar.summary().await.covered, Some(midnight(104)));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn missed_slots_of_one_day_share_a_run() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    let hourly = format!("{CONNECTOR}\n[schedule]\nevery = \"1h\"\nat = \"00:00\"\n");
    calendar.clock.set(hour(100, 20));
    calendar.put(&hourly).await;
    calendar.settle().await;

    calendar.clock.set(hour(101, 3));
    calendar.settle().await;

    let expected = [
        (None, Some(100)),
        (Some(100), Some(100)),
        (Some(100), Some(101)),
    ];
    assert_eq!(windows(&calendar).await, expected);
    assert_eq!(
        calendar.summary().await.due,
        Some(midnight(101) + 4 * 3_600)
    );
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_slot_waits_for_the_run_before_it() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    let first = calendar.newest(RunState::Running).await;

    calendar.clock.set(hour(102, 1));
    let refresh = calendar.lab.next("mapping").await;
    assert!(calendar.lab.is_quiet("mapping").await);
    assert_eq!(calendar.newest(RunState::Running).await.id, first.id);
    assert_eq!(calendar.summary().await.due, Some(midnight(102) + 3_600));

    calendar.world.work(&calendar.lab, &refresh).await;
    calendar.settle().await;
    let expected = [(None, Some(101)), (Some(101), Some(102))];
    assert_eq!(windows(&calendar).await, expected);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_failed_run_is_resumed_after_a_pause_that_grows() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    let begun = calendar.now();

    // The first minute, two more, four more.
    for resumed in [60, 180, 420] {
        let refresh = calendar.lab.next("mapping").await;
        let fail = FailRequest {
            task: refresh.id,
            reason: "read directory".to_owned(),
        };
        calendar.lab.ledger.clone().fail(fail).await.unwrap();
        calendar.newest(RunState::Failed).await;
        let at = |seconds: i64| {
            let seconds = u64::try_from(begun + seconds).unwrap();
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
        };
        calendar.clock.set(at(resumed - 1));
        assert!(calendar.lab.is_quiet("mapping").await);
        calendar.clock.set(at(resumed));
        calendar.newest(RunState::Running).await;
    }
    calendar.settle().await;

    assert_eq!(windows(&calendar).await, [(None, Some(101))]);
    assert_eq!(calendar.lab.report(1).await.state(), RunState::Succeeded);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_paused_connector_opens_no_run_and_hands_out_no_task_until_it_is_resumed() {
    let mut calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    let refresh = calendar.lab.next("mapping").await;

    calendar.pause().await;
    calendar.world.work(&calendar.lab, &refresh).await;
    calendar.clock.set(hour(102, 1));
    calendar = calendar.restart().await;

    assert!(calendar.receive().await.is_none());
    let paused = calendar.newest(RunState::Paused).await;
    assert_eq!(paused.number, 1);
    let summary = calendar.summary().await;
    assert_eq!(summary.state(), ConnectorState::Paused);
    assert_eq!(summary.last_run.unwrap().reason, "the connector is paused");
    let open = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        scheduled: true,
        ..OpenRunRequest::default()
    };
    let refused = calendar
        .lab
        .control
        .clone()
        .open_run(open)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);

    assert_eq!(calendar.resume().await, 1);
    // Exactly where it was: the snapshots are pinned.
    assert_eq!(calendar.lab.next("ingestion").await.kind(), TaskKind::List);
    calendar = calendar.restart().await;
    calendar.settle().await;
    let expected = [(None, Some(101)), (Some(101), Some(102))];
    assert_eq!(windows(&calendar).await, expected);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_run_that_everything_fails_in_waits_for_somebody_who_resumes_the_connector() {
    use chatkeep_proto::v1::DeliveryState;
    const MANY: [&str; 3] = ["ann@contoso.com", "bob@contoso.com", "cid@contoso.com"];

    let mut world = World::of(vec![conversation(1, &MANY)]);
    let refused = MANY.map(|mailbox| (mailbox, (DeliveryState::Failed, "quota")));
    world.mailboxes = refused.into();
    let mut calendar = Calendar::open(world, hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    let run = calendar.newest(RunState::Running).await.id;
    let state = calendar.world.drive(&calendar.lab, run).await;
    assert_eq!(state, RunState::Paused);

    calendar.clock.set(hour(110, 1));
    assert!(calendar.receive().await.is_none());
    calendar.world.mailboxes.clear();
    assert_eq!(calendar.resume().await, 1);
    calendar.settle().await;

    let report = calendar.lab.report(1).await;
    assert_eq!(report.deliveries.unwrap().imported, 3);
    assert_eq!(calendar.summary().await.covered, Some(midnight(110)));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_run_that_does_not_add_up_leaves_its_window_to_the_next_one() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    let capture = crate::world::blob("listing");
    let capture = crate::lab::new_task(TaskKind::Capture, &capture, (0, 1));
    calendar.lab.list(vec![capture]).await;
    let capture = calendar.lab.next("ingestion").await;
    let captured = chatkeep_proto::v1::Captured {
        records_read: 1,
        ..chatkeep_proto::v1::Captured::default()
    };
    let captured = chatkeep_proto::v1::complete_request::Result::Captured(captured);
    calendar.lab.complete(&capture, captured, Vec::new()).await;
    calendar.newest(RunState::Unreconciled).await;
    assert_eq!(calendar.summary().await.covered, None);

    calendar.clock.set(hour(102, 1));
    calendar.settle().await;

    let expected = [(None, Some(101)), (None, Some(102))];
    assert_eq!(windows(&calendar).await, expected);
    assert_eq!(calendar.summary().await.covered, Some(midnight(102)));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_connector_that_is_put_again_keeps_what_it_has_covered_and_what_it_missed() {
    let calendar = Calendar::open(world(), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    calendar.settle().await;
    let put = |schedule| {
        let request = PutConnectorRequest {
            connector_file: format!("{CONNECTOR}\n[schedule]\nat = \"05:00\"\n"),
            schedule,
            max_part_bytes: 0,
            ..PutConnectorRequest::default()
        };
        let mut control = calendar.lab.control.clone();
        async move { control.put_connector(request).await.unwrap().into_inner() }
    };

    let unscheduled = put(false).await;
    assert!(!unscheduled.is_new);
    assert_eq!(unscheduled.due, None);
    assert_eq!(calendar.summary().await.state(), ConnectorState::Manual);
    calendar.clock.set(hour(103, 1));
    assert!(calendar.receive().await.is_none());
    let scheduled = put(true).await;
    assert_eq!(scheduled.due, Some(midnight(103) + 5 * 3_600));
    calendar.clock.set(hour(103, 5));
    calendar.settle().await;

    let expected = [(None, Some(101)), (Some(101), Some(103))];
    assert_eq!(windows(&calendar).await, expected);
    let (run, _) = calendar.runs().await.pop().unwrap();
    // The connector's own limit.
    assert_eq!(run.max_part_bytes, 25_000_000);
    calendar.lab.stop().await;
}
