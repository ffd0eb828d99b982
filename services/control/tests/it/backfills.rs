//! Backfills beside daily runs.

use chatkeep_proto::v1::{BackfillState, ClaimRequest, FailRequest, RunState, Task, TaskKind};
use tonic::Code;

use crate::{
    calendar::{Calendar, days, hour, midnight},
    world::{World, claim, conversation},
};

const PEOPLE: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];

fn world(conversations: u32) -> World {
    let conversations = (0..conversations).map(|number| conversation(number, &PEOPLE));
    World::of(conversations.collect())
}

/// A connector whose first scheduled run is done, with a backfill of one slice.
async fn begun(conversations: u32) -> Calendar {
    let calendar = Calendar::open(world(0), hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    calendar.settle().await;
    let calendar = Calendar {
        world: world(conversations),
        ..calendar
    };
    calendar.backfill((50, 57), 7).await;
    calendar
}

/// Works the backfill's tasks until the first one of this kind comes.
async fn first(calendar: &Calendar, kind: TaskKind) -> Task {
    loop {
        let task = calendar.receive().await;
        match task {
            Some(task) if task.kind() == kind => return task,
            Some(task) => calendar.world.work(&calendar.lab, &task).await,
            None => tokio::task::yield_now().await,
        }
    }
}

/// Opens the daily run of the next day and works until it closes. Returns its number, and whether a task
/// of another run came meanwhile.
async fn daily(calendar: &Calendar) -> (i64, bool) {
    calendar.clock.set(hour(102, 1));
    let run = calendar.newest(RunState::Running).await;
    let mut was_disturbed = false;
    while calendar.lab.progress(run.id).await.state() == RunState::Running {
        if let Some(task) = calendar.receive().await {
            // One that comes once the daily run is closed comes when it should.
            let is_of_another = task.run != run.id;
            was_disturbed |=
                is_of_another && calendar.lab.progress(run.id).await.state() == RunState::Running;
            calendar.world.work(&calendar.lab, &task).await;
        }
    }
    (run.number, was_disturbed)
}

async fn assert_closed(calendar: &Calendar, number: i64, (rendered, duplicates): (u64, u64)) {
    let report = calendar.lab.report(number).await;
    assert_eq!(report.state(), RunState::Succeeded, "{}", report.reason);
    let records = report.records.unwrap();
    assert_eq!(
        (records.rendered, records.duplicates),
        (rendered, duplicates)
    );
    assert_eq!(records.read, rendered + duplicates);
    let deliveries = report.deliveries.unwrap();
    assert_eq!(
        (deliveries.planned, deliveries.imported),
        (2 * rendered, 2 * rendered)
    );
}

async fn claim_all(calendar: &Calendar, capture: &Task) {
    let numbers = capture.first..capture.first + capture.count;
    let request = ClaimRequest {
        task: capture.id.clone(),
        records: numbers.map(claim).collect(),
    };
    calendar.lab.ledger.clone().claim(request).await.unwrap();
}

#[tokio::test]
async fn a_backfill_is_cut_into_slices_that_run_in_order() {
    let calendar = Calendar::open(world(3), hour(100, 2)).await;

    calendar.backfill((50, 67), 0).await;
    assert_eq!(calendar.backfills().await[0].slice_days, 7);
    let worked = calendar.settle().await;

    let runs = calendar.runs().await;
    let windows: Vec<_> = runs.iter().map(|(run, _)| days(run)).collect();
    let expected = [(50, 57), (57, 64), (64, 67)].map(|(from, to)| (Some(from), Some(to)));
    assert_eq!(windows, expected);
    assert!(runs.iter().all(|(run, _)| run.backfill && run.scheduled));
    assert!(worked.is_sorted());
    let backfill = &calendar.backfills().await[0];
    assert_eq!(backfill.state(), BackfillState::Finished);
    assert_eq!(backfill.covered, midnight(67));
    assert_eq!(calendar.summary().await.covered, None);
    assert_ne!(calendar.lab.report(1).await.backfill, 0);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_backfill_may_begin_with_its_last_days() {
    let calendar = Calendar::open(world(3), hour(100, 2)).await;

    calendar.backfill_newest_first((50, 67)).await;
    calendar.settle().await;

    let runs = calendar.runs().await;
    let windows: Vec<_> = runs.iter().map(|(run, _)| days(run)).collect();
    let expected = [(60, 67), (53, 60), (50, 53)].map(|(from, to)| (Some(from), Some(to)));
    assert_eq!(windows, expected);
    let backfill = &calendar.backfills().await[0];
    assert_eq!(backfill.state(), BackfillState::Finished);
    assert_eq!(backfill.covered, midnight(50));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_backfill_says_how_long_the_rest_takes() {
    let calendar = Calendar::open(world(3), hour(100, 2)).await;
    calendar.backfill((50, 78), 7).await;
    let before = calendar.backfills().await[0];
    let list = first(&calendar, TaskKind::List).await;
    calendar.clock.set(hour(100, 3));
    calendar.world.work(&calendar.lab, &list).await;

    let _next_slice = first(&calendar, TaskKind::List).await;

    assert_eq!((before.runs, before.remaining), (0, None));
    let backfill = &calendar.backfills().await[0];
    assert_eq!((backfill.runs, backfill.items), (1, 3));
    // One of four slices took an hour.
    assert_eq!(backfill.remaining, Some(3 * 3_600_000));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_due_run_does_not_wait_for_a_backfill_which_goes_on_when_it_is_done() {
    let calendar = begun(20).await;
    let list = first(&calendar, TaskKind::List).await;

    calendar.clock.set(hour(102, 1));
    let run = calendar.newest(RunState::Running).await;
    assert!(!run.backfill);
    // The captures that it leads to are for later.
    calendar.world.work(&calendar.lab, &list).await;
    let (number, was_disturbed) = daily(&calendar).await;

    assert!(!was_disturbed);
    assert_closed(&calendar, number, (20, 0)).await;
    calendar.settle().await;
    assert_eq!(
        calendar.backfills().await[0].state(),
        BackfillState::Finished
    );
    assert_eq!(calendar.world.archived.lock().unwrap().len(), 40);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn what_both_read_is_claimed_once_and_the_equations_of_both_close() {
    let mut calendar = begun(20).await;
    let capture = first(&calendar, TaskKind::Capture).await;
    claim_all(&calendar, &capture).await;
    // What the queues had is lost; what the daily run may wait for comes again all the same.
    calendar.clock.set(hour(102, 1));
    let run = calendar.newest(RunState::Running).await;
    calendar = calendar.restart().await;
    let mut of_backfill = Vec::new();
    while of_backfill.is_empty() || calendar.lab.progress(run.id).await.records < 20 {
        match calendar.receive().await {
            Some(task) if task.run == run.id => calendar.world.work(&calendar.lab, &task).await,
            task => of_backfill.extend(task),
        }
    }
    assert_eq!(of_backfill, [capture]);

    calendar.world.work(&calendar.lab, &of_backfill[0]).await;
    let (number, _) = daily(&calendar).await;
    calendar.settle().await;

    assert_closed(&calendar, number, (10, 10)).await;
    let (slice, _) = calendar
        .runs()
        .await
        .into_iter()
        .find(|(run, _)| run.backfill)
        .unwrap();
    assert_closed(&calendar, slice.number, (10, 10)).await;
    assert_eq!(calendar.world.archived.lock().unwrap().len(), 40);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn what_a_backfill_claimed_and_failed_to_capture_is_the_daily_runs() {
    let calendar = begun(10).await;
    let capture = first(&calendar, TaskKind::Capture).await;
    claim_all(&calendar, &capture).await;
    calendar.clock.set(hour(102, 1));
    let run = calendar.newest(RunState::Running).await;
    let lab = &calendar.lab;
    for queue in ["mapping", "ingestion", "ingestion"] {
        let task = lab.next(queue).await;
        assert_eq!(task.run, run.id);
        calendar.world.work(lab, &task).await;
    }
    assert!(lab.is_quiet("ingestion").await);

    let fail = FailRequest {
        task: capture.id,
        reason: "read file".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();

    let again = lab.next("ingestion").await;
    assert_eq!((again.run, again.kind()), (run.id, TaskKind::Capture));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_daily_run_closes_although_a_backfill_had_deliveries_under_way() {
    let mut calendar = begun(10).await;
    let import = first(&calendar, TaskKind::Import).await;
    calendar.world.conversations.push(conversation(10, &PEOPLE));
    calendar.clock.set(hour(102, 1));
    calendar.newest(RunState::Running).await;
    calendar = calendar.restart().await;

    let (number, _) = daily(&calendar).await;

    assert_closed(&calendar, number, (1, 0)).await;
    calendar.settle().await;
    assert!(import.run < calendar.newest(RunState::Succeeded).await.id);
    assert_eq!(calendar.world.archived.lock().unwrap().len(), 22);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_cancelled_backfill_opens_no_further_run() {
    let calendar = Calendar::open(world(20), hour(100, 2)).await;
    let backfill = calendar.backfill((50, 90), 7).await;
    let request = || chatkeep_proto::v1::CancelBackfillRequest {
        connector: "contoso".to_owned(),
        backfill,
    };
    let _held = first(&calendar, TaskKind::List).await;

    let mut control = calendar.lab.control.clone();
    control.cancel_backfill(request()).await.unwrap();
    calendar.settle().await;

    let runs = calendar.runs().await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].1, RunState::Cancelled);
    let backfills = calendar.backfills().await;
    assert_eq!(backfills[0].state(), BackfillState::Cancelled);
    assert_eq!(backfills[0].covered, midnight(50));
    let refused = control.cancel_backfill(request()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn whoever_cancels_a_run_of_a_backfill_cancels_the_backfill() {
    let calendar = Calendar::open(world(20), hour(100, 2)).await;
    calendar.backfill((50, 90), 7).await;
    let _held = first(&calendar, TaskKind::List).await;

    calendar.cancel(1).await.unwrap();
    calendar.settle().await;

    assert_eq!(calendar.runs().await.len(), 1);
    assert_eq!(
        calendar.backfills().await[0].state(),
        BackfillState::Cancelled
    );
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_range_that_is_not_of_days_that_are_over_is_refused() {
    let calendar = Calendar::open(world(0), hour(100, 2)).await;

    for (range, key) in [
        ((midnight(50) + 1, midnight(60)), "from: "),
        ((midnight(50), midnight(60) + 1), "to: "),
        ((midnight(50), midnight(50)), "to: is not after from"),
        (
            (midnight(50), midnight(101)),
            "to: is after the last midnight",
        ),
    ] {
        let refused = calendar.try_backfill(range, 7).await.unwrap_err();

        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(key), "{}", refused.message());
    }
    calendar.lab.stop().await;
}
