//! Many messages in a request, pages of a folder, and on whose behalf.

use bytes::Bytes;
use chatkeep_mailbox_import::target::{OpenGate, Outcome, Position, Refusal, TargetError};
use chatkeep_testkit::ews::{Fault, Operation};

use super::Site;
use crate::{
    bench::assert_holds,
    company::Company as _,
    graph::with_files,
    support::{ANN, BOB, messages, store},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_the_mime_that_was_sent() {
    let site = Site::open();
    let batch = messages(3);

    store(&mut *site.lab().open(ANN).await, &batch).await;

    let mut arrived: Vec<_> = site.items(ANN).into_iter().map(|item| item.mime).collect();
    let mut sent: Vec<_> = batch.iter().map(|message| message.bytes.to_vec()).collect();
    arrived.sort_unstable();
    sent.sort_unstable();
    assert_eq!(arrived, sent);
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
async fn a_message_that_is_refused_does_not_take_its_neighbours_along() {
    let site = Site::open();
    let batch = messages(9);
    let mut mailbox = site.lab().open(ANN).await;
    let too_large = Fault::RefuseFirst("ErrorMessageSizeExceeded");
    site.server.fail(Operation::CreateItem, 2, too_large);

    let appended = mailbox.append(&batch, &OpenGate).await;

    assert!(appended.stopped.is_none(), "{:?}", appended.stopped);
    let mut expected = vec![Outcome::Stored; 9];
    expected[1] = Outcome::Refused(Refusal::TooLarge);
    assert_eq!(appended.outcomes, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_halved() {
    let site = Site::open();
    let batch = messages(9);
    let mut mailbox = site.lab().open(ANN).await;
    site.server.fail(Operation::CreateItem, 2, Fault::Fail(413));

    store(&mut *mailbox, &batch).await;

    assert_holds(&site.lab(), ANN, &batch).await;
    assert_eq!(site.server.requests(Operation::CreateItem), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_mime_is_refused_without_a_request() {
    let site = Site::open();
    let mut batch = messages(1);
    batch[0].bytes = Bytes::new();
    let mut mailbox = site.lab().open(ANN).await;

    let appended = mailbox.append(&batch, &OpenGate).await;

    assert_eq!(appended.outcomes, [Outcome::Refused(Refusal::Item)]);
    assert_eq!(site.server.requests(Operation::CreateItem), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_impersonation_each_request_says_whose_mailbox_is_meant() {
    let site = Site::open();
    let lab = site.lab_with("impersonate = false");
    let batch = messages(3);

    store(&mut *lab.open(ANN).await, &batch).await;

    assert_holds(&lab, ANN, &batch).await;
    assert_eq!(site.items(BOB), []);
    site.server.deny(BOB, true);
    let denied = lab.target.open(BOB).await.err();
    assert!(
        matches!(denied, Some(TargetError::Login { .. })),
        "{denied:?}"
    );
}
