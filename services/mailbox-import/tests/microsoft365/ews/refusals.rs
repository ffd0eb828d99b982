//! What Exchange refuses for good.

use bytes::Bytes;
use chatkeep_mailbox_import::{
    Expected, Flaw,
    target::{OpenGate, Outcome, Refusal, TargetError},
    verify,
};
use chatkeep_proto::v1::{Begun, DeliveryState};
use chatkeep_testkit::ews::{Fault, Operation};
use sha2::{Digest as _, Sha256};

use super::Site;
use crate::{
    bench::assert_holds,
    support::{ANN, BOB, messages, store},
    tenant::import_all,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_not_there_fails_alone() {
    let site = Site::open();
    let bench = site.bench();
    let messages = bench.items(3, &[BOB, "nobody@contoso.com"]).await;

    import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
    assert_eq!(bench.ledger.reason(2), "mailbox not found");
    assert_holds(&site.lab(), BOB, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_whose_owner_the_account_may_not_act_as_fails_alone() {
    let site = Site::open();
    let bench = site.bench();
    bench.items(3, &[ANN, BOB]).await;
    site.server.deny(ANN, true);

    import_all(&bench).await;

    assert_eq!(bench.ledger.reason(1), "mailbox refuses the login");
    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_impersonation_each_request_says_whose_mailbox_is_meant() {
    let site = Site::open();
    let lab = site.lab_with("impersonate = false");
    let batch = messages(3);

    store(&mut *lab.open(ANN).await, &batch).await;

    assert_holds(&lab, ANN, &batch).await;
    assert_eq!(site.stored(BOB), []);
    site.server.deny(BOB, true);
    let denied = lab.target.open(BOB).await.err();
    assert!(
        matches!(denied, Some(TargetError::Login { .. })),
        "{denied:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_over_quota_takes_what_fits_and_no_more() {
    let site = Site::open();
    let bench = site.bench();
    bench.items(10, &[ANN]).await;
    site.server.set_room(ANN, Some(1_000));

    import_all(&bench).await;

    let stored = site.stored(ANN).len();
    assert!(stored > 0 && stored < 10, "{stored}");
    assert_eq!(bench.ledger.count(DeliveryState::Imported), stored);
    assert_eq!(bench.ledger.count(DeliveryState::Failed), 10 - stored);
    assert_eq!(bench.ledger.reason(10), "mailbox over quota");
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
async fn extra_copies_are_removed_and_counted() {
    let site = Site::open();
    let bench = site.bench();
    let messages = bench.items(5, &[ANN]).await;
    let mut earlier = site.lab().open(ANN).await;
    store(&mut *earlier, &messages).await;
    store(&mut *earlier, &messages[1..3]).await;
    bench.ledger.with(|state| {
        let begun = Begun {
            mailbox: ANN.to_owned(),
            deliveries: (1..=5).collect(),
            ..Begun::default()
        };
        state.journal.push(begun);
    });

    bench.run().await.unwrap();

    assert_holds(&site.lab(), ANN, &messages).await;
    assert_eq!(bench.ledger.with(|state| state.copies_removed), 2);
    assert_eq!(site.server.requests(Operation::DeleteItem), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_finds_what_was_changed() {
    let site = Site::open();
    let bench = site.bench();
    let lab = site.lab();
    let messages = bench.items(3, &[ANN]).await;
    import_all(&bench).await;
    let expect = |number: usize, sha256: [u8; 32]| Expected {
        mailbox: ANN.to_owned(),
        message_id: messages[number].id.clone(),
        sha256,
    };
    let digest = |number: usize| Sha256::digest(&messages[number].bytes).into();
    // As if the second had been rendered otherwise: the seal does not fit.
    let expected = vec![
        expect(0, digest(0)),
        expect(1, [0; 32]),
        expect(2, digest(2)),
    ];
    let mut flaws = Vec::new();

    let compared = verify(&lab.connector, &bench.settings, expected, |flaw| {
        flaws.push(flaw);
    });

    assert_eq!(compared.await.unwrap(), 3);
    assert_eq!(flaws, [Flaw::Altered(expect(1, [0; 32]))]);
}
