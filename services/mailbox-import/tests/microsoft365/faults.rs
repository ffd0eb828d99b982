//! Everything that goes wrong between a request and its answer: each message stands once.

use std::{collections::BTreeMap, sync::atomic::AtomicI32, sync::atomic::Ordering, time::Duration};

use chatkeep_mailbox_import::target::{Gate, OpenGate, Outcome, TargetError};
use chatkeep_proto::v1::{Begun, DeliveryState};
use futures::{FutureExt as _, future::join_all};

use crate::{
    bench::assert_holds,
    company::{Company, FOLDER, Mishap, Step, companies, import_all},
    ews::Site,
    graph::Office,
    support::{ANN, BOB, messages},
};

type Open = fn() -> Box<dyn Company>;

/// One of each kind, as many as are needed.
const OPEN: [Open; 2] = [|| Box::new(Office::open()), || Box::new(Site::open())];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_message_on_its_way_it_stands_once() {
    // In boxes: side by side they would not fit on a test's stack.
    let cases = OPEN.iter().flat_map(|open| {
        let mishaps = open().mishaps().into_iter();
        mishaps.map(|mishap| happens_to_messages(open(), mishap).boxed())
    });
    join_all(cases).await;
}

async fn happens_to_messages(company: Box<dyn Company>, mishap: Mishap) {
    let case = format!("{} {mishap:?}", company.name());
    let bench = company.bench();
    let messages = bench.items(30, &[ANN, BOB]).await;
    for nth in company.moments() {
        company.fail(Step::CreateItems, nth, mishap);
    }

    import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 60, "{case}");
    assert_eq!(company.failed(), 3, "{case}");
    for mailbox in [ANN, BOB] {
        assert_holds(&company.lab(), mailbox, &messages).await;
        let copies = company.copies(mailbox);
        assert!(copies.values().all(|&copies| copies == 1), "{case}");
    }
    let open = bench.ledger.with(|state| state.journal.len());
    assert_eq!(open, 0, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_in_all_other_requests_lose_and_double_nothing() {
    let steps = [
        Step::ListFolders,
        Step::CreateFolder,
        Step::ListItems,
        Step::ReadItem,
    ];
    let mishaps = [
        Mishap::CommitThenDrop,
        Mishap::DropBeforeCommit,
        Mishap::CommitThenFail(503),
    ];
    let mut cases = Vec::new();
    for open in OPEN {
        for step in steps {
            for mishap in mishaps {
                cases.push(happens_to(open(), step, mishap).boxed());
            }
        }
    }
    join_all(cases).await;
}

async fn happens_to(company: Box<dyn Company>, step: Step, mishap: Mishap) {
    let case = format!("{} {step:?} {mishap:?}", company.name());
    let bench = company.bench();
    let messages = bench.items(5, &[ANN, BOB]).await;
    company.fail(step, 1, mishap);
    // So that the folder must be listed.
    company.fail(Step::CreateItems, 2, Mishap::CommitThenDrop);

    import_all(&bench).await;

    assert_eq!(company.failed(), 2, "{case}");
    for mailbox in [ANN, BOB] {
        assert_holds(&company.lab(), mailbox, &messages).await;
    }
    let folders = company.folders(ANN);
    let ours = folders.iter().filter(|folder| *folder == FOLDER);
    assert_eq!(ours.count(), 1, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_no_draft_and_has_the_dates_and_class_of_the_item() {
    for company in companies() {
        let bench = company.bench();
        let mut messages = bench.items(3, &[ANN]).await;

        import_all(&bench).await;

        // In the order of their keys: what is sent side by side arrives in any order.
        let mut arrived = company.stored(ANN);
        arrived.sort_by_key(|stored| stored.key.clone());
        messages.sort_by_key(|message| message.id.clone());
        assert_eq!(arrived.len(), messages.len());
        for (stored, message) in arrived.iter().zip(&messages) {
            assert_eq!(stored.key, message.id);
            assert!(!stored.is_draft && stored.is_read, "{}", company.name());
            assert_eq!((stored.received, stored.sent), (message.date, message.date));
            assert_eq!(stored.class, "IPM.Note.SkypeForBusiness.Conversation");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_mailboxes_in_doubt_wait_for_what_an_earlier_holder_sent() {
    for company in companies() {
        let bench = company.bench();
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
        assert_holds(&company.lab(), ANN, &messages).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_owner_deleted_does_not_come_back() {
    for company in companies() {
        let bench = company.bench();
        bench.items(5, &[ANN]).await;
        import_all(&bench).await;
        company.delete(ANN, None);

        bench.run().await.unwrap();

        assert_eq!(company.copies(ANN), BTreeMap::new(), "{}", company.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_its_owner_deletes_meanwhile_is_made_again() {
    for company in companies() {
        let lab = company.lab();
        let batch = messages(8);
        let mut mailbox = lab.open(ANN).await;
        mailbox.append(&batch[..4], &OpenGate).await;
        company.delete_folder(ANN);

        let appended = mailbox.append(&batch[4..], &OpenGate).await;

        assert!(appended.stopped.is_none(), "{:?}", appended.stopped);
        assert_eq!(appended.outcomes, [Outcome::Stored; 4]);
        assert_holds(&lab, ANN, &batch[4..]).await;
    }
}

/// Lets so many through.
struct ClosingGate(AtomicI32);

#[async_trait::async_trait]
impl Gate for ClosingGate {
    async fn pass(&self) -> Result<(), TargetError> {
        let left = self.0.fetch_sub(1, Ordering::SeqCst);
        (left > 0).then_some(()).ok_or(TargetError::Fenced)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_once_the_lease_is_lost() {
    for company in companies() {
        let batch = messages(40);
        let mut mailbox = company.lab().open(ANN).await;

        let appended = mailbox.append(&batch, &ClosingGate(2.into())).await;

        assert!(matches!(appended.stopped, Some(TargetError::Fenced)));
        let is_stored = |outcome: &&Outcome| **outcome == Outcome::Stored;
        let stored = appended.outcomes.iter().filter(is_stored).count();
        assert_eq!(stored, company.after_two_requests(), "{}", company.name());
        assert_eq!(company.stored(ANN).len(), stored);
    }
}
