//! What Graph refuses for good.

use chatkeep_mailbox_import::target::Position;
use chatkeep_mailbox_import::{Expected, Flaw, verify};
use chatkeep_proto::v1::{Begun, DeliveryState};
use chatkeep_testkit::graph::{Kind, Person};
use sha2::{Digest as _, Sha256};

use crate::{
    bench::assert_holds,
    support::{ANN, BOB, store},
    tenant::Office,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_not_there_fails_alone() {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(3, &[BOB, "nobody@contoso.com"]).await;

    office.import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
    assert_eq!(bench.ledger.reason(2), "mailbox not found");
    assert_holds(&office.lab(), BOB, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_found_by_an_address_that_is_not_its_owners_name() {
    const MAIL: &str = "dora.miller@contoso.com";
    let office = Office::open();
    office.tenant.add(Person {
        mail: Some(MAIL.to_owned()),
        proxies: vec![format!("SMTP:{MAIL}")],
        ..Person::new("dora@contoso.com")
    });
    let bench = office.bench();
    let messages = bench.items(3, &[MAIL]).await;

    office.import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
    assert_eq!(office.stored("dora@contoso.com").len(), 3);
    assert_holds(&office.lab(), MAIL, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_out_of_the_applications_scope_fails_alone() {
    let office = Office::open();
    let bench = office.bench();
    bench.items(3, &[ANN, BOB]).await;
    office.tenant.deny(ANN, true);

    office.import_all(&bench).await;

    assert_eq!(bench.ledger.reason(1), "mailbox refuses the login");
    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_over_quota_takes_what_fits_and_no_more() {
    let office = Office::open();
    let bench = office.bench();
    bench.items(10, &[ANN]).await;
    office.tenant.set_room(ANN, Some(10_000));

    office.import_all(&bench).await;

    let stored = office.stored(ANN).len();
    assert!(stored > 0 && stored < 10, "{stored}");
    assert_eq!(bench.ledger.count(DeliveryState::Imported), stored);
    assert_eq!(bench.ledger.count(DeliveryState::Failed), 10 - stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_copies_are_removed_and_counted() {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(5, &[ANN]).await;
    let mut earlier = office.lab().open(ANN).await;
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

    assert_holds(&office.lab(), ANN, &messages).await;
    assert_eq!(bench.ledger.with(|state| state.copies_removed), 2);
    assert_eq!(office.tenant.counts().of(Kind::PermanentlyDelete), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_finds_what_was_changed_or_removed() {
    let office = Office::open();
    let bench = office.bench();
    let lab = office.lab();
    let messages = bench.items(4, &[ANN]).await;
    office.import_all(&bench).await;
    let first = office.stored(ANN).remove(0);
    office
        .tenant
        .delete_messages(ANN, |message| message.id == first.id);
    let expect = |number: usize| Expected {
        mailbox: ANN.to_owned(),
        message_id: messages[number].id.clone(),
        sha256: Sha256::digest(&messages[number].bytes).into(),
    };
    let missing = messages
        .iter()
        .position(|message| message.id == first.message_id);
    let altered = (missing.unwrap() + 1) % 4;
    let mut expected: Vec<_> = (0..4).map(expect).collect();
    // As if the message had been rendered otherwise: the seal does not fit.
    expected[altered].sha256 = [0; 32];
    let mut flaws = Vec::new();

    let compared = verify(&lab.connector, &bench.settings, expected.clone(), |flaw| {
        flaws.push(flaw);
    });

    assert_eq!(compared.await.unwrap(), 3);
    let mut found = [
        Flaw::Missing(expect(missing.unwrap())),
        Flaw::Altered(expected[altered].clone()),
    ];
    found.sort_by_key(|flaw| format!("{flaw:?}"));
    flaws.sort_by_key(|flaw| format!("{flaw:?}"));
    assert_eq!(flaws, found);
    assert_eq!(
        lab.open(ANN)
            .await
            .list(Position::default())
            .await
            .unwrap()
            .len(),
        3
    );
}
