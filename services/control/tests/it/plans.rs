use chatkeep_proto::v1::{
    Captured, Converted, DeliverHeldRequest, DeliveriesRequest, LeaseRequest, Part, Placement,
    Planned, RunState, TaskKind, TraceItemRequest, TraceItemResponse,
    complete_request::Result as Outcome, exception::Exception as Kind,
};

use crate::{
    lab::{CONNECTOR, Lab, new_task},
    world::{World, blob, conversation, item, item_id, record_id, row},
};

async fn trace(lab: &Lab, number: u32) -> TraceItemResponse {
    let request = TraceItemRequest {
        item: item_id(number).into(),
        ..TraceItemRequest::default()
    };
    lab.control
        .clone()
        .trace_item(request)
        .await
        .unwrap()
        .into_inner()
}

async fn deliver_held(lab: &Lab) -> i64 {
    let request = DeliverHeldRequest {
        connector_file: CONNECTOR.to_owned(),
        max_part_bytes: 1_000_000,
    };
    lab.control
        .clone()
        .deliver_held(request)
        .await
        .unwrap()
        .into_inner()
        .run
}

#[tokio::test]
async fn the_first_recorded_bytes_and_the_first_plan_of_an_item_stand() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 1));
    lab.list(vec![capture]).await;
    let capture = lab.next("ingestion").await;
    let converts = [0, 1].map(|first| new_task(TaskKind::Convert, &blob("batch"), (first, 1)));
    lab.complete(
        &capture,
        Outcome::Captured(Captured::default()),
        converts.to_vec(),
    )
    .await;

    for (number, sha256) in [(0, record_id(7)), (1, record_id(8))] {
        let task = lab.next("conversion").await;
        let part = Part {
            offset: 0,
            size: 7,
            sha256: sha256.into(),
        };
        let item = chatkeep_proto::v1::Item {
            parts: vec![part],
            ..item(1)
        };
        let converted = Converted {
            blob: Some(blob("items")),
            items: vec![item],
            ..Converted::default()
        };
        let plan = new_task(TaskKind::Plan, &blob("index"), (number, 1));
        lab.complete(&task, Outcome::Converted(converted), vec![plan])
            .await;
    }
    for mailbox in ["ann@contoso.com", "bob@contoso.com"] {
        let task = lab.next("mapping").await;
        let planned = Planned {
            rows: vec![row(1, "ann@contoso.com", Placement::Mapped, mailbox)],
        };
        lab.complete(&task, Outcome::Planned(planned), Vec::new())
            .await;
    }

    let import = lab.next("mailbox-import").await;
    let lease = LeaseRequest {
        task: import.id.clone(),
    };
    let fence = lab
        .ledger
        .clone()
        .lease(lease)
        .await
        .unwrap()
        .into_inner()
        .fence;
    let request = DeliveriesRequest {
        task: import.id,
        fence,
        limit: 10,
        ..DeliveriesRequest::default()
    };
    let deliveries = lab
        .ledger
        .clone()
        .deliveries(request)
        .await
        .unwrap()
        .into_inner()
        .deliveries;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].mailbox, "ann@contoso.com");
    assert_eq!(deliveries[0].parts[0].sha256, record_id(7));
    assert!(lab.is_quiet("mailbox-import").await);
}

#[tokio::test]
async fn participants_that_share_a_mailbox_get_one_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "annie@contoso.com"],
    )]);
    world
        .directory
        .insert("annie@contoso.com", "ann@contoso.com");
    let run = lab.open_run().await;

    world.drive(&lab, run.run).await;

    let deliveries = lab.report(1).await.deliveries.unwrap();
    assert_eq!((deliveries.planned, deliveries.imported), (1, 1));
}

#[tokio::test]
async fn what_is_held_is_delivered_once_the_directory_knows_the_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "new@contoso.com"],
    )]);
    let run = lab.open_run().await.run;
    assert_eq!(
        world.drive(&lab, run).await,
        RunState::SucceededWithExceptions
    );
    assert_eq!(lab.report(1).await.deliveries.unwrap().held, 1);
    let held = lab.exceptions(run).await;
    assert!(
        held.iter()
            .any(|one| matches!(&one.exception, Some(Kind::Held(user))
        if user.source_user == "new@contoso.com" && user.items == 1))
    );

    world.directory.insert("new@contoso.com", "new@contoso.com");
    let second = deliver_held(&lab).await;
    assert_eq!(world.drive(&lab, second).await, RunState::Succeeded);

    let report = lab.report(1).await;
    let deliveries = report.deliveries.unwrap();
    assert_eq!(report.state(), RunState::Succeeded);
    assert_eq!(
        (deliveries.planned, deliveries.imported, deliveries.held),
        (2, 2, 0)
    );
    assert_eq!(lab.report(2).await.earlier_deliveries, 1);
    let copies = folder.path().join("copies");
    lab.copy_manifests(&copies).await;
    let addendum = std::fs::read_to_string(copies.join("000002.jsonl")).unwrap();
    assert!(addendum.contains(r#""run":1,"kind":"addendum""#));
}

#[tokio::test]
async fn delivering_held_mail_without_news_leaves_no_run_behind() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "new@contoso.com"],
    )]);
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;

    let second = deliver_held(&lab).await;

    assert_eq!(world.drive(&lab, second).await, RunState::NothingNew);
    assert_eq!(lab.report(0).await.number, 1);
}

#[tokio::test]
async fn a_changed_mapping_never_moves_old_mail() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "new@contoso.com"],
    )]);
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;

    world.directory.insert("ann@contoso.com", "bob@contoso.com");
    world.directory.insert("new@contoso.com", "ann@contoso.com");
    let second = deliver_held(&lab).await;
    world.drive(&lab, second).await;

    // The held one turned out to share a mailbox that has the item: it is not planned any more.
    let deliveries = lab.report(1).await.deliveries.unwrap();
    assert_eq!((deliveries.planned, deliveries.imported), (1, 1));
    let archived = world.archived.lock().unwrap().clone();
    assert_eq!(archived, [(item_id(1), "ann@contoso.com".to_owned())]);
    let trace = trace(&lab, 1).await;
    assert_eq!(trace.files, ["0.eml"]);
    assert_eq!(trace.copies[0].mailbox, "ann@contoso.com");
    assert_eq!(trace.copies[1].mailbox, "ann@contoso.com");
}

#[tokio::test]
async fn what_is_held_too_long_fails() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let file = CONNECTOR.replace("[target]", "[mapping]\nhold_for = \"1ms\"\n\n[target]");
    let mut world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "new@contoso.com"],
    )]);
    let run = lab.try_open(&file).await.unwrap().run;
    world.drive(&lab, run).await;

    world
        .conversations
        .push(conversation(2, &["ann@contoso.com"]));
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let run = lab.try_open(&file).await.unwrap().run;
    world.drive(&lab, run).await;

    let deliveries = lab.report(1).await.deliveries.unwrap();
    assert_eq!(
        (deliveries.planned, deliveries.failed, deliveries.held),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn a_batch_that_is_planned_in_two_steps_is_planned_whole() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.open_run().await;
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 1));
    lab.list(vec![capture]).await;
    let capture = lab.next("ingestion").await;
    let convert = new_task(TaskKind::Convert, &blob("batch"), (0, 2));
    lab.complete(
        &capture,
        Outcome::Captured(Captured::default()),
        vec![convert],
    )
    .await;
    let task = lab.next("conversion").await;
    let converted = Converted {
        blob: Some(blob("items")),
        items: vec![item(1), item(2)],
        ..Converted::default()
    };
    let plan = new_task(TaskKind::Plan, &blob("index"), (0, 2));
    lab.complete(&task, Outcome::Converted(converted), vec![plan])
        .await;

    let first = lab.next("mapping").await;
    let rest = new_task(TaskKind::Plan, &blob("index"), (1, 1));
    let planned = |number| {
        Outcome::Planned(Planned {
            rows: vec![row(
                number,
                "ann@contoso.com",
                Placement::Mapped,
                "ann@contoso.com",
            )],
        })
    };
    lab.complete(&first, planned(1), vec![rest]).await;
    let second = lab.next("mapping").await;
    lab.complete(&second, planned(2), vec![]).await;

    for number in [1, 2] {
        let copies = trace(&lab, number).await.copies;
        assert_eq!(copies.len(), 1, "item {number}");
        assert_eq!(copies[0].placement(), Placement::Mapped);
    }
}
