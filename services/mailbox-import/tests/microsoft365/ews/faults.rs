//! Everything that goes wrong between a request and its answer: each message stands once.

use std::time::Duration;

use chatkeep_mailbox_import::target::{Gate, OpenGate, Outcome, Position, TargetError};
use chatkeep_proto::v1::DeliveryState;
use chatkeep_testkit::ews::{Fault, Operation};
use futures::{FutureExt as _, future::join_all};

use super::Site;
use crate::{
    bench::assert_holds,
    large::with_files,
    support::{ANN, BOB, messages, store},
    tenant::{FOLDER, import_all},
};

const FAULTS: [Fault; 9] = [
    Fault::CommitThenDrop,
    Fault::DropBeforeCommit,
    Fault::LateCommit(Duration::from_millis(700)),
    Fault::CommitThenFail(503),
    Fault::Fail(500),
    Fault::Fail(504),
    Fault::Busy(Duration::from_secs(1)),
    Fault::RefuseFirst("ErrorInternalServerTransientError"),
    Fault::RefuseFirst("ErrorBatchProcessingStopped"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_message_on_its_way_it_stands_once() {
    join_all(FAULTS.map(|fault| happens_to_messages(fault).boxed())).await;
}

async fn happens_to_messages(fault: Fault) {
    let site = Site::open();
    let bench = site.bench();
    let messages = bench.items(30, &[ANN, BOB]).await;
    // The first message of all, a batch in the middle, and the last one.
    for nth in [1, 2, 4] {
        site.server.fail(Operation::CreateItem, nth, fault);
    }

    import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 60, "{fault:?}");
    for mailbox in [ANN, BOB] {
        assert_holds(&site.lab(), mailbox, &messages).await;
        let copies = site.copies(mailbox);
        assert!(copies.values().all(|&copies| copies == 1), "{fault:?}");
    }
    let open = bench.ledger.with(|state| state.journal.len());
    assert_eq!(open, 0, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_in_all_other_requests_lose_and_double_nothing() {
    let operations = [
        Operation::FindFolder,
        Operation::CreateFolder,
        Operation::FindItem,
        Operation::GetItem,
    ];
    let faults = [
        Fault::CommitThenDrop,
        Fault::DropBeforeCommit,
        Fault::CommitThenFail(503),
    ];
    // In boxes: side by side they would not fit on a test's stack.
    let cases =
        operations.map(|operation| faults.map(|fault| happens_to(operation, fault).boxed()));
    join_all(cases.into_iter().flatten()).await;
}

async fn happens_to(operation: Operation, fault: Fault) {
    let site = Site::open();
    let bench = site.bench();
    let messages = bench.items(5, &[ANN, BOB]).await;
    site.server.fail(operation, 1, fault);
    // So that the folder must be listed.
    site.server
        .fail(Operation::CreateItem, 2, Fault::CommitThenDrop);

    import_all(&bench).await;

    for mailbox in [ANN, BOB] {
        assert_holds(&site.lab(), mailbox, &messages).await;
    }
    let folders = site.server.folders(ANN);
    let ours = folders.iter().filter(|folder| *folder == FOLDER);
    assert_eq!(ours.count(), 1, "{operation:?} {fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_no_draft_and_has_the_dates_and_class_of_the_item() {
    let site = Site::open();
    let bench = site.bench();
    let mut messages = bench.items(3, &[ANN]).await;

    import_all(&bench).await;

    // In the order of their keys: what is sent side by side arrives in any order.
    let mut arrived = site.stored(ANN);
    arrived.sort_by_key(|stored| stored.properties["ChatkeepKey"].clone());
    messages.sort_by_key(|message| message.id.clone());
    assert_eq!(arrived.len(), messages.len());
    for (stored, message) in arrived.iter().zip(&messages) {
        assert!(!stored.is_draft && stored.is_read);
        assert_eq!((stored.received, stored.sent), (message.date, message.date));
        assert_eq!(stored.class, "IPM.Note.SkypeForBusiness.Conversation");
        assert_eq!(stored.properties["ChatkeepKey"], message.id);
        assert_eq!(stored.mime, message.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_back_and_count() {
    let site = Site::open();
    let lab = site.lab();
    let batch = [with_files(1, &[1_000, 2_000_000]), with_files(2, &[3])];

    store(&mut *lab.open(ANN).await, &batch).await;

    assert_holds(&lab, ANN, &batch).await;
    assert_eq!(site.server.requests(Operation::GetAttachment), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_many_in_a_request_after_the_first_was_looked_at() {
    let site = Site::open();
    let batch = messages(51);
    let mut mailbox = site.lab().open(ANN).await;

    store(&mut *mailbox, &batch).await;

    assert_eq!(site.server.requests(Operation::CreateItem), 3);
    assert_eq!(site.server.requests(Operation::GetItem), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_listed_page_by_page() {
    let site = Site::open();
    site.server.set_page(4);
    let batch = messages(11);
    let mut mailbox = site.lab().open(ANN).await;
    store(&mut *mailbox, &batch).await;

    let listed = mailbox.list(Position::default()).await.unwrap();

    let ids = listed.iter().map(|copy| &copy.id);
    assert!(ids.eq(batch.iter().map(|message| &message.id)));
    assert!(site.server.requests(Operation::FindItem) > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_goes_between_two_pages_hides_no_other() {
    let site = Site::open();
    site.server.set_page(4);
    let batch = messages(11);
    let mut mailbox = site.lab().open(ANN).await;
    store(&mut *mailbox, &batch).await;
    site.server
        .fail(Operation::FindItem, 1, Fault::ThenOldestGoes);

    let listed = mailbox.list(Position::default()).await.unwrap();

    let ids = listed.iter().map(|copy| &copy.id);
    assert!(ids.eq(batch[1..].iter().map(|message| &message.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_messages_come_out_as_drafts_none_follows_the_first_and_it_does_not_stay() {
    let site = Site::open();
    site.server.pass_over_flags();
    let lab = site.lab();
    let batch = messages(10);

    for mailbox in [ANN, BOB] {
        let appended = lab.open(mailbox).await.append(&batch, &OpenGate).await;

        let Some(TargetError::Setup { source }) = appended.stopped else {
            panic!("{:?}", appended.stopped);
        };
        assert!(source.to_string().contains("drafts"), "{source}");
        assert_eq!(appended.outcomes, [Outcome::NotStored; 10]);
        assert_eq!(site.stored(mailbox), []);
    }
    assert_eq!(site.server.requests(Operation::CreateItem), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_its_owner_deletes_meanwhile_is_made_again() {
    let site = Site::open();
    let lab = site.lab();
    let batch = messages(8);
    let mut mailbox = lab.open(ANN).await;
    mailbox.append(&batch[..4], &OpenGate).await;
    site.server.delete_folder(ANN, FOLDER);

    let appended = mailbox.append(&batch[4..], &OpenGate).await;

    assert!(appended.stopped.is_none(), "{:?}", appended.stopped);
    assert_eq!(appended.outcomes, [Outcome::Stored; 4]);
    assert_holds(&lab, ANN, &batch[4..]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_owner_deleted_does_not_come_back() {
    let site = Site::open();
    let bench = site.bench();
    bench.items(5, &[ANN]).await;
    import_all(&bench).await;
    site.server.delete_items(ANN, |_| true);

    bench.run().await.unwrap();

    assert_eq!(site.stored(ANN), []);
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
    let site = Site::open();
    let batch = messages(40);
    let mut mailbox = site.lab().open(ANN).await;

    // The first message alone, and a batch.
    let appended = mailbox.append(&batch, &ClosingGate(2.into())).await;

    assert!(matches!(appended.stopped, Some(TargetError::Fenced)));
    let is_stored = |outcome: &&Outcome| **outcome == Outcome::Stored;
    assert_eq!(appended.outcomes.iter().filter(is_stored).count(), 26);
    assert_eq!(site.stored(ANN).len(), 26);
}
