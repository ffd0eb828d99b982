//! Everything that goes wrong between a request and its answer: each message stands once.

use std::{collections::BTreeMap, time::Duration};

use chatkeep_mailbox_import::target::{Gate, OpenGate, Outcome, TargetError};
use chatkeep_proto::v1::{Begun, DeliveryState};
use chatkeep_testkit::graph::{Fault, Kind, property_id};
use futures::{FutureExt as _, future::join_all};

use crate::{
    bench::assert_holds,
    support::{ANN, BOB, expected, messages},
    tenant::{FOLDER, Office},
};

const SECOND: Duration = Duration::from_secs(1);

const FAULTS: [Fault; 11] = [
    Fault::CommitThenDrop,
    Fault::DropBeforeCommit,
    Fault::LateCommit(Duration::from_millis(700)),
    Fault::CommitThenFail(500),
    Fault::CommitThenFail(503),
    Fault::CommitThenFail(504),
    Fault::Fail {
        status: 429,
        after: Some(SECOND),
    },
    Fault::Fail {
        status: 429,
        after: None,
    },
    Fault::Fail {
        status: 503,
        after: Some(SECOND),
    },
    Fault::Fail {
        status: 504,
        after: None,
    },
    Fault::TokenExpired,
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_message_on_its_way_it_stands_once() {
    join_all(FAULTS.map(|fault| happens_to_messages(fault).boxed())).await;
}

async fn happens_to_messages(fault: Fault) {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(20, &[ANN, BOB]).await;
    // The first message of all, one among many, and the last of a mailbox.
    for nth in [1, 9, 20] {
        office.tenant.faults().at(Kind::CreateMessage, nth, fault);
    }

    office.import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 40, "{fault:?}");
    assert_eq!(office.tenant.counts().faults, 3, "{fault:?}");
    for mailbox in [ANN, BOB] {
        assert_holds(&office.lab(), mailbox, &messages).await;
        let copies = office.copies(mailbox);
        assert!(copies.values().all(|&copies| copies == 1), "{fault:?}");
    }
    let open = bench.ledger.with(|state| state.journal.len());
    assert_eq!(open, 0, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_in_all_other_requests_lose_and_double_nothing() {
    let kinds = [
        Kind::ListFolders,
        Kind::CreateFolder,
        Kind::ListMessages,
        Kind::GetMessage,
    ];
    let faults = [
        Fault::CommitThenDrop,
        Fault::DropBeforeCommit,
        Fault::CommitThenFail(503),
    ];
    // In boxes: side by side they would not fit on a test's stack.
    let cases = kinds.map(|kind| faults.map(|fault| happens_to(kind, fault).boxed()));
    join_all(cases.into_iter().flatten()).await;
}

async fn happens_to(kind: Kind, fault: Fault) {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(5, &[ANN, BOB]).await;
    office.tenant.faults().at(kind, 1, fault);
    // So that the folder must be listed.
    let lost = Fault::CommitThenDrop;
    office.tenant.faults().at(Kind::CreateMessage, 3, lost);

    office.import_all(&bench).await;

    for mailbox in [ANN, BOB] {
        assert_holds(&office.lab(), mailbox, &messages).await;
    }
    let folders = office.tenant.folders(ANN);
    let ours = folders.iter().filter(|folder| *folder == FOLDER);
    assert_eq!(ours.count(), 1, "{kind:?} {fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_no_draft_and_has_the_dates_class_and_addresses_of_the_item() {
    let office = Office::open();
    let bench = office.bench();
    let mut messages = bench.items(3, &[ANN]).await;

    office.import_all(&bench).await;

    // In the order of their keys: what is sent side by side arrives in any order.
    let key = property_id("String {5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813} Name ChatkeepKey");
    let mut arrived = office.stored(ANN);
    arrived.sort_by_key(|stored| stored.properties[&key].clone());
    messages.sort_by_key(|message| message.id.clone());
    assert_eq!(arrived.len(), messages.len());
    for (stored, message) in arrived.iter().zip(&messages) {
        assert!(!stored.is_draft && stored.is_read);
        assert_eq!(stored.received, message.date);
        assert_eq!(stored.class, "IPM.Note.SkypeForBusiness.Conversation");
        assert_eq!(stored.subject, "Grüße");
        assert_eq!(stored.from.as_ref().unwrap().address, ANN);
        assert_eq!(stored.properties[&key], message.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_mailbox_holds_nobody_up() {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(10, &[ANN, BOB]).await;
    // Ann's first message is the canary, and the second is refused for a long time.
    let hour = Some(Duration::from_hours(1));
    let fault = Fault::Fail {
        status: 429,
        after: hour,
    };
    office.tenant.faults().at(Kind::CreateMessage, 2, fault);

    bench.run().await.unwrap();

    assert_holds(&office.lab(), BOB, &messages).await;
    assert!(bench.ledger.count(DeliveryState::Waiting) > 0);
    assert_eq!(bench.ledger.with(|state| state.journal.len()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_mailboxes_in_doubt_wait_for_what_an_earlier_holder_sent() {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(3, &[ANN]).await;
    bench.ledger.with(|state| {
        state.settled_in = Duration::from_hours(1);
        state.journal.push(Begun {
            mailbox: BOB.to_owned(),
            deliveries: vec![99],
            ..Begun::default()
        });
    });

    let soon = tokio::time::timeout(Duration::from_mins(1), bench.run());

    soon.await
        .expect("it does not wait for Bob's mailbox")
        .unwrap();
    assert_holds(&office.lab(), ANN, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_owner_deleted_does_not_come_back() {
    let office = Office::open();
    let bench = office.bench();
    bench.items(5, &[ANN]).await;
    office.import_all(&bench).await;
    office.tenant.delete_messages(ANN, |_| true);

    bench.run().await.unwrap();

    assert_eq!(office.copies(ANN), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_its_owner_deletes_meanwhile_is_made_again() {
    let office = Office::open();
    let lab = office.lab();
    let batch = messages(8);
    let mut mailbox = lab.open(ANN).await;
    mailbox.append(&batch[..4], &OpenGate).await;
    office.tenant.delete_folder(ANN, FOLDER);

    let appended = mailbox.append(&batch[4..], &OpenGate).await;

    assert!(appended.stopped.is_none(), "{:?}", appended.stopped);
    assert_eq!(appended.outcomes, [Outcome::Stored; 4]);
    assert_holds(&lab, ANN, &batch[4..]).await;
}

/// Lets so many through.
struct ClosingGate(std::sync::atomic::AtomicI32);

#[async_trait::async_trait]
impl Gate for ClosingGate {
    async fn pass(&self) -> Result<(), TargetError> {
        let left = self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        (left > 0).then_some(()).ok_or(TargetError::Fenced)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_once_the_lease_is_lost() {
    let office = Office::open();
    let batch = messages(10);
    let mut mailbox = office.lab().open(ANN).await;

    let appended = mailbox.append(&batch, &ClosingGate(3.into())).await;

    assert!(matches!(appended.stopped, Some(TargetError::Fenced)));
    let stored = appended
        .outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::Stored);
    assert_eq!(stored.count(), 3);
    assert_eq!(office.stored(ANN).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_four_requests_are_at_a_mailbox_and_none_is_wasted() {
    let office = Office::with(chatkeep_testkit::graph::Options {
        latency: Duration::from_millis(20),
        ..Default::default()
    });
    let bench = office.bench();
    let messages = bench.items(100, &[ANN, BOB]).await;

    office.import_all(&bench).await;

    let counts = office.tenant.counts();
    assert_eq!(counts.most_concurrent, 4);
    assert_eq!(counts.throttled, 0);
    assert_eq!(counts.of(Kind::CreateMessage), 200);
    // Per mailbox: the folder is looked for and made; once: the canary is read back.
    assert_eq!(counts.total(), 200 + 2 * 2 + 1);
    assert_eq!(office.stored(BOB).len(), expected(&messages).len());
}
