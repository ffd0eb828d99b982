use std::time::Duration;

use chatkeep_control::Settings;
use chatkeep_proto::v1::{
    Begun, DeliveriesRequest, Delivery, DeliveryState, FailRequest, Imported, JournalRequest,
    LeaseRequest, LeaseResponse, RunState, Settled, Task, TaskKind,
    complete_request::Result as Outcome,
};
use tonic::Code;

use crate::{
    lab::{Lab, settings},
    world::{World, conversation},
};

async fn lease(lab: &Lab, task: &Task) -> LeaseResponse {
    let request = LeaseRequest {
        task: task.id.clone(),
    };
    lab.ledger
        .clone()
        .lease(request)
        .await
        .unwrap()
        .into_inner()
}

fn deliveries_request(task: &Task, fence: u64) -> DeliveriesRequest {
    DeliveriesRequest {
        task: task.id.clone(),
        fence,
        limit: 100,
        ..DeliveriesRequest::default()
    }
}

async fn deliveries(lab: &Lab, task: &Task, fence: u64) -> Vec<Delivery> {
    let request = deliveries_request(task, fence);
    lab.ledger
        .clone()
        .deliveries(request)
        .await
        .unwrap()
        .into_inner()
        .deliveries
}

fn journal(task: &Task, fence: u64) -> JournalRequest {
    JournalRequest {
        task: task.id.clone(),
        fence,
        ..JournalRequest::default()
    }
}

fn begun(deliveries: &[Delivery]) -> Begun {
    Begun {
        mailbox: deliveries[0].mailbox.clone(),
        uid_validity: 3,
        uid_next: 9,
        deliveries: deliveries.iter().map(|one| one.id).collect(),
    }
}

fn settled(delivery: &Delivery, state: DeliveryState) -> Settled {
    Settled {
        delivery: delivery.id,
        state: state.into(),
        ..Settled::default()
    }
}

/// Works until an import task arrives.
pub(crate) async fn import_task(lab: &Lab, world: &World) -> Task {
    let wait = Duration::from_millis(5);
    let work = async {
        loop {
            for queue in ["mapping", "ingestion", "conversion"] {
                while let Ok(task) = tokio::time::timeout(wait, lab.receive(queue)).await {
                    world.work(lab, &task).await;
                }
            }
            if let Ok(task) = tokio::time::timeout(wait, lab.receive("mailbox-import")).await {
                return task;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), work)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_stale_holder_is_refused_and_the_new_one_learns_what_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(
        (0..3)
            .map(|number| conversation(number, &["ann@contoso.com"]))
            .collect(),
    );
    lab.open_run().await;
    let task = import_task(&lab, &world).await;
    let old = lease(&lab, &task).await;
    assert_eq!((old.open.len(), old.settled_in), (0, 0));
    let batch = deliveries(&lab, &task, old.fence).await;
    let begin = JournalRequest {
        begun: vec![begun(&batch[..2])],
        ..journal(&task, old.fence)
    };
    lab.ledger.clone().journal(begin).await.unwrap();

    let new = lease(&lab, &task).await;

    let late = JournalRequest {
        settled: vec![settled(&batch[0], DeliveryState::Imported)],
        ..journal(&task, old.fence)
    };
    let refused = lab.ledger.clone().journal(late).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(new.open.len(), 1);
    assert_eq!(new.open[0].deliveries, [batch[0].id, batch[1].id]);
    assert_eq!((new.open[0].uid_validity, new.open[0].uid_next), (3, 9));
    // The lease's minute, and the minute until what was sent last has arrived.
    assert!(new.settled_in > 60_000 && new.settled_in <= 120_000);
    let rest = deliveries(&lab, &task, new.fence).await;
    assert_eq!(
        rest.iter().map(|one| one.id).collect::<Vec<_>>(),
        [batch[2].id]
    );
    let all = DeliveriesRequest {
        begun_too: true,
        ..deliveries_request(&task, new.fence)
    };
    let all = lab
        .ledger
        .clone()
        .deliveries(all)
        .await
        .unwrap()
        .into_inner()
        .deliveries;
    assert_eq!(all, batch);
}

#[tokio::test]
async fn settling_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(vec![conversation(1, &["ann@contoso.com"])]);
    let run = lab.open_run().await.run;
    let task = import_task(&lab, &world).await;
    let fence = lease(&lab, &task).await.fence;
    let batch = deliveries(&lab, &task, fence).await;
    let settle = JournalRequest {
        settled: vec![settled(&batch[0], DeliveryState::Imported)],
        ..journal(&task, fence)
    };

    lab.ledger.clone().journal(settle.clone()).await.unwrap();
    lab.ledger.clone().journal(settle).await.unwrap();
    lab.complete(&task, Outcome::Imported(Imported {}), Vec::new())
        .await;

    assert_eq!(lab.ended(run).await, RunState::Succeeded);
    assert_eq!(lab.progress(run).await.deliveries_done, 1);
}

#[tokio::test]
async fn pages_follow_mailbox_and_date() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(
        (0..7)
            .map(|number| conversation(number, &["ann@contoso.com"]))
            .collect(),
    );
    world.conversations.reverse();
    lab.open_run().await;
    let task = import_task(&lab, &world).await;
    let fence = lease(&lab, &task).await.fence;
    let all = deliveries(&lab, &task, fence).await;

    let mut paged: Vec<Delivery> = Vec::new();
    loop {
        let request = DeliveriesRequest {
            task: task.id.clone(),
            fence,
            after_mailbox: paged
                .last()
                .map_or(String::new(), |last| last.mailbox.clone()),
            after_delivery: paged.last().map_or(0, |last| last.id),
            limit: 2,
            begun_too: false,
        };
        let page = lab
            .ledger
            .clone()
            .deliveries(request)
            .await
            .unwrap()
            .into_inner()
            .deliveries;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }

    assert_eq!(paged, all);
    assert!(all.is_sorted_by_key(|one| one.date));
    assert_eq!(all.len(), 7);
}

#[tokio::test]
async fn deliveries_wait_for_company_until_their_mailbox_is_ripe() {
    let folder = tempfile::tempdir().unwrap();
    let patient = Settings {
        linger: Duration::from_hours(1),
        ..settings()
    };
    let lab = Lab::open_with(folder.path(), &patient).await;
    let world = World::of(
        (0..60)
            .map(|number| conversation(number, &["ann@contoso.com"]))
            .collect(),
    );
    lab.open_run().await;
    world.work(&lab, &lab.next("mapping").await).await;
    world.work(&lab, &lab.next("ingestion").await).await;
    let mut plans = Vec::new();
    for _ in 0..6 {
        world.work(&lab, &lab.next("ingestion").await).await;
        world.work(&lab, &lab.next("conversion").await).await;
        plans.push(lab.next("mapping").await);
    }

    for plan in &plans[..4] {
        world.work(&lab, plan).await;
    }
    assert!(lab.is_quiet("mailbox-import").await);
    world.work(&lab, &plans[4]).await;

    assert_eq!(lab.next("mailbox-import").await.kind(), TaskKind::Import);
    world.work(&lab, &plans[5]).await;
    // One open task per shard, whatever else comes.
    assert!(lab.is_quiet("mailbox-import").await);
}

#[tokio::test]
async fn a_throttled_delivery_comes_back_when_its_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(vec![conversation(1, &["ann@contoso.com"])]);
    let run = lab.open_run().await.run;
    let task = import_task(&lab, &world).await;
    let fence = lease(&lab, &task).await.fence;
    let batch = deliveries(&lab, &task, fence).await;
    let later = std::time::SystemTime::now() + Duration::from_millis(300);
    let later = later.duration_since(std::time::UNIX_EPOCH).unwrap();
    let put_back = JournalRequest {
        settled: vec![Settled {
            not_before: later.as_millis().try_into().unwrap(),
            reason: "throttled".to_owned(),
            ..settled(&batch[0], DeliveryState::Waiting)
        }],
        ..journal(&task, fence)
    };
    lab.ledger.clone().journal(put_back).await.unwrap();
    lab.complete(&task, Outcome::Imported(Imported {}), Vec::new())
        .await;

    assert_eq!(lab.progress(run).await.deliveries_waiting, 1);
    let again = lab.next("mailbox-import").await;
    assert_ne!(again.id, task.id);
    world.work(&lab, &again).await;

    assert_eq!(lab.ended(run).await, RunState::Succeeded);
}

#[tokio::test]
async fn deliveries_of_a_task_that_keeps_failing_fail_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let impatient = Settings {
        import_attempts: 1,
        ..settings()
    };
    let lab = Lab::open_with(folder.path(), &impatient).await;
    let world = World::of(vec![conversation(1, &["ann@contoso.com"])]);
    let run = lab.open_run().await.run;
    let task = import_task(&lab, &world).await;

    let fail = FailRequest {
        task: task.id,
        reason: "append item".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();

    assert_eq!(lab.ended(run).await, RunState::SucceededWithExceptions);
    assert_eq!(lab.report(1).await.deliveries.unwrap().failed, 1);
}
