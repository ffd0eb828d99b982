//! Runs that somebody ends early.

use chatkeep_proto::v1::{
    Captured, Listed, RunState, TaskKind, complete_request::Result as Outcome,
};
use tonic::Code;

use crate::{
    calendar::{Calendar, days, hour, midnight},
    lab::new_task,
    world::{World, blob, conversation},
};

const PEOPLE: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];

fn world(conversations: u32) -> World {
    let conversations = (0..conversations).map(|number| conversation(number, &PEOPLE));
    World::of(conversations.collect())
}

/// A scheduled run with its next task.
async fn begun(world: World) -> Calendar {
    let calendar = Calendar::open(world, hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    calendar
}

#[tokio::test]
async fn what_a_cancelled_run_captured_is_archived_and_the_rest_is_the_next_runs() {
    let calendar = begun(world(20)).await;
    let lab = &calendar.lab;
    for queue in ["mapping", "ingestion", "ingestion"] {
        let task = lab.next(queue).await;
        calendar.world.work(lab, &task).await;
    }
    let left = lab.next("ingestion").await;
    assert_eq!(left.kind(), TaskKind::Capture);

    calendar.cancel(1).await.unwrap();

    let too_late = lab
        .try_complete(&left, Outcome::Captured(Captured::default()), Vec::new())
        .await;
    assert_eq!(too_late.unwrap_err().code(), Code::FailedPrecondition);
    calendar.settle().await;
    let report = lab.report(1).await;
    assert_eq!(report.state(), RunState::Cancelled);
    assert_ne!(report.seal, "");
    let (records, deliveries) = (report.records.unwrap(), report.deliveries.unwrap());
    assert_eq!((records.read, records.rendered), (10, 10));
    assert_eq!((deliveries.planned, deliveries.imported), (20, 20));
    assert_eq!(calendar.summary().await.covered, None);

    calendar.clock.set(hour(102, 1));
    calendar.settle().await;
    let (next, state) = calendar.runs().await.pop().unwrap();
    assert_eq!(
        (days(&next), state),
        ((None, Some(102)), RunState::Succeeded)
    );
    assert_eq!(lab.report(2).await.records.unwrap().rendered, 10);
    assert_eq!(calendar.world.archived.lock().unwrap().len(), 40);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_capture_that_has_claimed_records_is_finished_although_its_run_is_cancelled() {
    let calendar = begun(world(10)).await;
    let lab = &calendar.lab;
    for queue in ["mapping", "ingestion"] {
        let task = lab.next(queue).await;
        calendar.world.work(lab, &task).await;
    }
    let capture = lab.next("ingestion").await;
    let claim = chatkeep_proto::v1::ClaimRequest {
        task: capture.id.clone(),
        records: vec![crate::world::claim(0)],
    };
    lab.ledger.clone().claim(claim).await.unwrap();

    calendar.cancel(1).await.unwrap();
    calendar.world.work(lab, &capture).await;
    calendar.settle().await;

    let report = lab.report(1).await;
    assert_eq!(report.state(), RunState::Cancelled);
    assert_eq!(report.records.unwrap().rendered, 10);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_it_listed_anything_ends_at_once() {
    let calendar = begun(world(1)).await;
    let refresh = calendar.lab.next("mapping").await;

    calendar.cancel(1).await.unwrap();

    let run = calendar.newest(RunState::Cancelled).await;
    assert_eq!(run.number, 1);
    let listed = Outcome::Listed(Listed::default());
    let too_late = calendar
        .lab
        .try_complete(&refresh, listed, Vec::new())
        .await;
    assert_eq!(too_late.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(calendar.lab.report(0).await.records.unwrap().read, 0);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn of_two_sources_a_cancelled_run_lists_the_second_no_more() {
    let calendar = Calendar::open(world(1), hour(100, 2)).await;
    let second = "[[sources]]\ntype = \"archiving-export\"\npath = \"/more\"\n\n[directory]";
    let two = crate::lab::CONNECTOR.replace("[directory]", second);
    calendar.put(&two).await;
    calendar.clock.set(hour(101, 1));
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 1));
    let lab = &calendar.lab;
    lab.list(vec![capture]).await;
    let capture = lab.next("ingestion").await;
    let claim = chatkeep_proto::v1::ClaimRequest {
        task: capture.id.clone(),
        records: vec![crate::world::claim(0)],
    };
    lab.ledger.clone().claim(claim).await.unwrap();

    calendar.cancel(1).await.unwrap();
    calendar.world.work(lab, &capture).await;

    let run = calendar.newest(RunState::Running).await.id;
    assert_eq!(calendar.world.drive(lab, run).await, RunState::Cancelled);
    assert_eq!(lab.report(1).await.records.unwrap().rendered, 1);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_run_that_is_cancelled_while_its_connector_is_paused_ends_when_that_goes_on() {
    let calendar = begun(world(1)).await;
    calendar.newest(RunState::Running).await;
    calendar.pause().await;

    calendar.cancel(1).await.unwrap();

    calendar.newest(RunState::Paused).await;
    calendar.resume().await;
    calendar.newest(RunState::Cancelled).await;
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_run_that_failed_can_be_cancelled_and_one_that_ended_cannot() {
    let calendar = begun(world(1)).await;
    let refresh = calendar.lab.next("mapping").await;
    let fail = chatkeep_proto::v1::FailRequest {
        task: refresh.id,
        reason: "read directory".to_owned(),
    };
    calendar.lab.ledger.clone().fail(fail).await.unwrap();

    calendar.cancel(1).await.unwrap();
    calendar.newest(RunState::Cancelled).await;

    let refused = calendar.cancel(1).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(calendar.cancel(7).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(calendar.summary().await.due, Some(midnight(102) + 3_600));
    calendar.lab.stop().await;
}
