//! Calls about one thing at two replicas at the same time: it is decided once.

use std::{path::Path, time::Duration};

use chatkeep_control::Settings;
use chatkeep_proto::v1::{
    Begun, ClaimRequest, DeliveriesRequest, JournalRequest, LeaseRequest, RecordClaim, Session,
    Task, TaskKind,
};
use tonic::Code;

use crate::{
    lab::{Lab, new_task, settings},
    store::ask,
    world::{World, blob, claim, conversation, item_id},
};

/// Two replicas on one ledger; the first directs. An import task waits until everything is planned.
async fn replicas(folder: &Path) -> (Lab, Lab) {
    let patient = Settings {
        linger: Duration::from_hours(1),
        ..settings()
    };
    let first = Lab::open_with(folder, &patient).await;
    first.open_run().await;
    while ask(folder, "SELECT COUNT(*) FROM directors") != ["1"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (first, Lab::open_with(folder, &patient).await)
}

/// A record of a conversation of which two pools have a copy each.
fn copy(number: u32, conversation: u32) -> RecordClaim {
    RecordClaim {
        // The day of its start.
        day: 0,
        session: Some(Session {
            participants: blob("ann and bob").sha256,
            start: i64::from(conversation) * 1_000,
            messages: 3,
            sequence: blob("hello").sha256,
            item: item_id(number).into(),
            ..Session::default()
        }),
        ..claim(number)
    }
}

async fn is_yours(lab: &Lab, task: &Task, record: RecordClaim) -> bool {
    let request = ClaimRequest {
        task: task.id.clone(),
        records: vec![record],
    };
    let answers = lab.ledger.clone().claim(request).await.unwrap();
    answers.into_inner().answers[0].yours
}

#[tokio::test]
async fn of_two_copies_claimed_at_once_one_is_yours() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = replicas(folder.path()).await;
    let captures = [(0, 2), (2, 2)];
    let captures = captures.map(|range| new_task(TaskKind::Capture, &blob("listing"), range));
    one.list(captures.to_vec()).await;
    let (first, second) = (one.next("ingestion").await, one.next("ingestion").await);

    for number in 0..20 {
        let (at_one, at_other) = tokio::join!(
            is_yours(&one, &first, copy(number, number)),
            is_yours(&other, &second, copy(100 + number, number))
        );
        assert!(at_one ^ at_other, "conversation {number}");
    }
}

#[tokio::test]
async fn whoever_takes_a_lease_over_knows_everything_that_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = replicas(folder.path()).await;
    let conversations = (0..30).map(|number| conversation(number, &["ann@contoso.com"]));
    let world = World::of(conversations.collect());
    let task = crate::delivery::import_task(&one, &world).await;
    let lease = |lab: &Lab| {
        let request = LeaseRequest {
            task: task.id.clone(),
        };
        let mut ledger = lab.ledger.clone();
        async move { ledger.lease(request).await.unwrap().into_inner() }
    };
    let mut fence = lease(&one).await.fence;
    let mut begun = 0;
    for _ in 0..20 {
        let page = DeliveriesRequest {
            task: task.id.clone(),
            fence,
            limit: 1,
            ..DeliveriesRequest::default()
        };
        let page = one
            .ledger
            .clone()
            .deliveries(page)
            .await
            .unwrap()
            .into_inner();
        let entry = JournalRequest {
            task: task.id.clone(),
            fence,
            begun: vec![Begun {
                mailbox: "ann@contoso.com".to_owned(),
                uid_validity: 1,
                uid_next: 1,
                deliveries: vec![page.deliveries[0].id],
            }],
            ..JournalRequest::default()
        };

        let mut ledger = one.ledger.clone();
        let (journaled, taken) = tokio::join!(ledger.journal(entry), lease(&other));

        match journaled {
            Ok(_) => begun += 1,
            Err(refused) => assert_eq!(refused.code(), Code::FailedPrecondition),
        }
        assert_eq!(taken.open.len(), begun);
        fence = taken.fence;
    }
}

#[tokio::test]
async fn of_two_who_approve_a_change_at_two_replicas_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let settings = crate::proposals::approving();
    let one = Lab::open_with(folder.path(), &settings).await;
    let other = Lab::open_with(folder.path(), &settings).await;
    crate::proposals::create(&one).await;

    for number in 0..10 {
        let file = crate::proposals::other_directory().replace("/others", &format!("/{number}"));
        let proposal = crate::proposals::propose(&one, "ann", &file).await;
        let (at_one, at_other) = tokio::join!(
            crate::proposals::approve(&one, "bob", proposal),
            crate::proposals::approve(&other, "cid", proposal)
        );
        assert_eq!(at_one.is_ok(), at_other.is_err(), "{at_one:?} {at_other:?}");
    }
}
