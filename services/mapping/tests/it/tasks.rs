use std::fmt::Write as _;

use chatkeep_proto::v1::{
    HeldRow, Placement, PlanRow, Task, TaskKind, complete_request::Result as TaskResult,
};

use crate::world::{World, task};

const ANN: &str =
    "ann@contoso.com,Ann,ann.example@contoso.com,smtp:ann.maiden@contoso.com,sip:ann@contoso.com\n";
const BOB: &str = "bob@contoso.com,Bob,bob@contoso.com,,sip:bob@contoso.com\n";

fn places<'a>(rows: &'a [PlanRow]) -> Vec<(u8, &'a str, Placement, &'a str)> {
    let place = |row: &'a PlanRow| {
        let (participant, mailbox) = (row.participant.as_str(), row.mailbox.as_str());
        (row.item[0], participant, row.placement(), mailbox)
    };
    rows.iter().map(place).collect()
}

fn planned(result: Option<TaskResult>) -> Vec<PlanRow> {
    match result.unwrap() {
        TaskResult::Planned(planned) => planned.rows,
        other => panic!("not planned: {other:?}"),
    }
}

fn resolved(result: Option<TaskResult>) -> Vec<PlanRow> {
    match result.unwrap() {
        TaskResult::Resolved(resolved) => resolved.rows,
        other => panic!("not resolved: {other:?}"),
    }
}

#[tokio::test]
async fn a_snapshot_depends_on_what_the_files_say_and_not_on_how() {
    let world = World::start(&format!("{ANN}{BOB}"), "x@contoso.com,bob@contoso.com\n");
    let first = world.refresh().await;

    let bob = BOB.replace("bob@", "BOB@");
    world.write(
        "directory.csv",
        &format!("\u{FEFF}USERPRINCIPALNAME,displayName,mail,proxyAddresses,SipAddress\r\n{bob}{ANN}{bob}"),
    );
    let reordered = world.refresh().await;
    world.write("mapping.csv", "source_user,mailbox\n");
    let changed = world.refresh().await;

    assert_eq!(reordered, first);
    assert_eq!(changed.directory, first.directory);
    assert_ne!(changed.custom_mapping, first.custom_mapping);
}

#[tokio::test]
async fn refreshing_counts_the_conflicts_that_the_custom_mapping_leaves() {
    let shared = "a@contoso.com,,,smtp:s@contoso.com;smtp:t@contoso.com,\n\
                  b@contoso.com,,,smtp:s@contoso.com;smtp:t@contoso.com,\n";
    let world = World::start(shared, "t@contoso.com,a@contoso.com\n");

    assert_eq!(world.refresh().await.conflicts, 1);
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_fails_the_task() {
    let world = World::start(ANN, "");
    world.write("directory.csv", "name,mail\n");

    let failed = world.work(task(TaskKind::Refresh)).await.unwrap_err();

    assert_eq!(failed.reason, "read directory");
}

#[tokio::test]
async fn every_participant_of_every_item_is_planned_once_in_order() {
    let world = World::start(ANN, "dana@fabrikam.com,partners@contoso.com\n");
    world.pin().await;
    let input = world
        .index(&[
            &["ann@contoso.com", "gone@contoso.com", "ann@contoso.com"],
            &[
                "guid@anonymous.invalid",
                "dana@fabrikam.com",
                "ann.maiden@contoso.com",
            ],
        ])
        .await;

    let plan = Task {
        input: Some(input),
        ..task(TaskKind::Plan)
    };
    let completed = world.work(plan.clone()).await.unwrap();
    let again = world.work(plan).await.unwrap();

    assert_eq!(completed, again);
    assert!(completed.next.is_empty());
    assert_eq!(
        places(&planned(completed.result)),
        [
            (
                0,
                "ann@contoso.com",
                Placement::Mapped,
                "ann.example@contoso.com"
            ),
            (0, "gone@contoso.com", Placement::Held, ""),
            (1, "guid@anonymous.invalid", Placement::External, ""),
            (
                1,
                "dana@fabrikam.com",
                Placement::Mapped,
                "partners@contoso.com"
            ),
            (
                1,
                "ann.maiden@contoso.com",
                Placement::Mapped,
                "ann.example@contoso.com"
            ),
        ]
    );
}

#[tokio::test]
async fn only_the_task_s_range_of_items_is_planned() {
    let world = World::start(ANN, "");
    world.pin().await;
    let item: &[&str] = &["ann@contoso.com"];
    let input = world.index(&[item; 5]).await;

    let plan = Task {
        input: Some(input),
        first: 1,
        count: 2,
        ..task(TaskKind::Plan)
    };
    let rows = planned(world.work(plan).await.unwrap().result);

    let items: Vec<_> = rows.iter().map(|row| row.item[0]).collect();
    assert_eq!(items, [1, 2]);
}

#[tokio::test]
async fn a_plan_too_large_for_one_completion_goes_on_in_the_next_task() {
    let world = World::start(ANN, "");
    world.pin().await;
    let crowd: Vec<_> = (0..8_000).map(|n| format!("p{n}@fabrikam.com")).collect();
    let crowd: Vec<_> = crowd.iter().map(String::as_str).collect();
    let input = world.index(&[crowd.as_slice(); 5]).await;

    let mut next = Task {
        input: Some(input),
        count: 5,
        ..task(TaskKind::Plan)
    };
    let mut items = Vec::new();
    let mut tasks = 0;
    loop {
        tasks += 1;
        let completed = world.work(next).await.unwrap();
        items.extend(planned(completed.result).iter().map(|row| row.item[0]));
        let Some(following) = completed.next.first() else {
            break;
        };
        next = Task {
            input: following.input.clone(),
            first: following.first,
            count: following.count,
            ..task(following.kind())
        };
    }

    let expected: Vec<_> = (0..5).flat_map(|item| [item; 8_000]).collect();
    assert_eq!(items, expected);
    assert_eq!(tasks, 3);
}

#[tokio::test]
async fn held_rows_that_are_known_by_now_come_back_and_no_others() {
    let world = World::start(ANN, "");
    world.pin().await;
    let row = |row, participant: &str, email: &str| HeldRow {
        row,
        item: vec![9; 32].into(),
        participant: participant.to_owned(),
        email: email.to_owned(),
    };
    *world.ledger.0.held.lock().unwrap() = vec![
        row(3, "gone@contoso.com", ""),
        row(5, "ann@contoso.com", ""),
        row(8, "renamed@contoso.com", "ann.maiden@contoso.com"),
        row(9, "eve@no-longer-ours.org", ""),
    ];

    let completed = world.work(task(TaskKind::Resolve)).await.unwrap();

    assert!(completed.next.is_empty());
    assert_eq!(
        places(&resolved(completed.result)),
        [
            (
                9,
                "ann@contoso.com",
                Placement::Mapped,
                "ann.example@contoso.com"
            ),
            (
                9,
                "renamed@contoso.com",
                Placement::Mapped,
                "ann.example@contoso.com"
            ),
            (9, "eve@no-longer-ours.org", Placement::External, ""),
        ]
    );
}

#[tokio::test]
async fn held_rows_too_many_for_one_completion_go_on_in_the_next_task() {
    let mut directory = String::new();
    for n in 0..22_500 {
        writeln!(directory, "p{n}@contoso.com,,,,").unwrap();
    }
    let world = World::start(&directory, "");
    world.pin().await;
    let held = (0..22_500).map(|n| HeldRow {
        row: n + 1,
        item: vec![9; 32].into(),
        participant: format!("p{n}@contoso.com"),
        email: String::new(),
    });
    *world.ledger.0.held.lock().unwrap() = held.collect();

    let first = world.work(task(TaskKind::Resolve)).await.unwrap();
    let next = first.next[0].clone();
    let done = resolved(first.result).len();
    world.ledger.0.held.lock().unwrap().drain(..done);
    let second = Task {
        shard: next.shard,
        ..task(next.kind())
    };
    let second = world.work(second).await.unwrap();

    assert_eq!(next.shard, 1, "set apart from the first");
    assert!(second.next.is_empty());
    assert_eq!(done + resolved(second.result).len(), 22_500);
}

#[tokio::test]
async fn a_run_without_a_pinned_directory_is_not_planned() {
    let world = World::start(ANN, "");
    let input = world.index(&[&["ann@contoso.com"]]).await;

    let plan = Task {
        input: Some(input),
        ..task(TaskKind::Plan)
    };
    let failed = world.work(plan).await.unwrap_err();

    assert_eq!(failed.reason, "find directory snapshot");
}
