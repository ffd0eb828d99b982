//! Held deliveries: between two slots the directory is asked again who they are for.

use chatkeep_proto::v1::RunState;

use crate::{
    calendar::{Calendar, hour, midnight},
    lab::CONNECTOR,
    world::{World, conversation},
};

const NEW: &str = "new@contoso.com";

/// The run of a day's slot is over, and has a delivery held for somebody new.
async fn with_one_held() -> Calendar {
    let world = World::of(vec![conversation(1, &["ann@contoso.com", NEW])]);
    let calendar = Calendar::open(world, hour(100, 2)).await;
    calendar.clock.set(hour(101, 1));
    calendar.settle().await;
    assert_eq!(calendar.lab.report(1).await.deliveries.unwrap().held, 1);
    calendar
}

/// The states of all runs, in the order in which they were opened.
async fn states(calendar: &Calendar) -> Vec<RunState> {
    let runs = calendar.runs().await;
    runs.into_iter().map(|(_, state)| state).collect()
}

#[tokio::test]
async fn held_mail_is_delivered_between_slots_once_the_directory_knows_the_mailbox() {
    let mut calendar = with_one_held().await;

    calendar.world.directory.insert(NEW, NEW);
    calendar.clock.set(hour(101, 2));
    calendar.newest(RunState::Running).await;
    calendar.settle().await;

    let report = calendar.lab.report(1).await;
    let deliveries = report.deliveries.unwrap();
    assert_eq!(report.state(), RunState::Succeeded);
    assert_eq!(
        (deliveries.planned, deliveries.imported, deliveries.held),
        (2, 2, 0)
    );
    assert_eq!(calendar.lab.report(2).await.earlier_deliveries, 1);
    let copies = calendar.folder.path().join("copies");
    calendar.lab.copy_manifests(&copies).await;
    let addendum = std::fs::read_to_string(copies.join("000002.jsonl")).unwrap();
    assert!(addendum.contains(r#""run":1,"kind":"addendum""#));
    // The slot is still to come.
    assert_eq!(calendar.summary().await.due, Some(midnight(102) + 3_600));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_directory_without_news_leaves_no_run_behind_and_is_asked_again_later() {
    let calendar = with_one_held().await;

    calendar.clock.set(hour(101, 2));
    calendar.newest(RunState::Running).await;
    calendar.settle().await;
    assert!(calendar.lab.is_quiet("mapping").await);
    calendar.clock.set(hour(101, 3));
    calendar.newest(RunState::Running).await;
    calendar.settle().await;

    let expected = [
        RunState::SucceededWithExceptions,
        RunState::NothingNew,
        RunState::NothingNew,
    ];
    assert_eq!(states(&calendar).await, expected);
    assert_eq!(calendar.lab.report(0).await.number, 1);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn how_often_the_directory_is_asked_can_be_set() {
    let calendar = with_one_held().await;
    let often = format!("{CONNECTOR}\n[schedule]\nrefresh = \"6h\"\n");
    // A slot that is due right now would be due again.
    calendar
        .clock
        .set(hour(101, 2) - std::time::Duration::from_secs(1));
    calendar.put(&often).await;

    calendar.clock.set(hour(101, 6));
    assert!(calendar.lab.is_quiet("mapping").await);
    calendar.clock.set(hour(101, 7));
    calendar.newest(RunState::Running).await;

    calendar.lab.stop().await;
}

#[tokio::test]
async fn nobody_is_asked_while_nothing_is_held_or_the_connector_is_paused() {
    let world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "bob@contoso.com"],
    )]);
    let idle = Calendar::open(world, hour(100, 2)).await;
    idle.clock.set(hour(101, 1));
    idle.settle().await;
    let paused = with_one_held().await;
    paused.pause().await;

    for calendar in [idle, paused] {
        calendar.clock.set(hour(101, 12));
        assert!(calendar.lab.is_quiet("mapping").await);
        assert_eq!(calendar.runs().await.len(), 1);
        calendar.lab.stop().await;
    }
}

#[tokio::test]
async fn a_slot_comes_before_asking_again() {
    let mut calendar = with_one_held().await;
    calendar.world.directory.insert(NEW, NEW);

    calendar.clock.set(hour(102, 1));
    let run = calendar.newest(RunState::Running).await;
    calendar.settle().await;

    assert_eq!(run.to, Some(midnight(102)));
    assert_eq!(calendar.lab.report(1).await.deliveries.unwrap().held, 0);
    calendar.lab.stop().await;
}
