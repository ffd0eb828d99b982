//! What Exchange refuses for good, and what verifying finds.

use chatkeep_mailbox_import::{Expected, Flaw, target::Position, verify};
use chatkeep_proto::v1::{Begun, DeliveryState};
use sha2::{Digest as _, Sha256};

use crate::{
    bench::assert_holds,
    company::{Step, companies, import_all},
    support::{ANN, BOB, store},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_not_there_fails_alone() {
    for company in companies() {
        let bench = company.bench();
        let messages = bench.items(3, &[BOB, "nobody@contoso.com"]).await;

        import_all(&bench).await;

        assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
        assert_eq!(bench.ledger.reason(2), "mailbox not found");
        assert_holds(&company.lab(), BOB, &messages).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_we_may_not_open_fails_alone() {
    for company in companies() {
        let bench = company.bench();
        bench.items(3, &[ANN, BOB]).await;
        company.deny(ANN);

        import_all(&bench).await;

        assert_eq!(bench.ledger.reason(1), "mailbox refuses the login");
        assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_over_quota_takes_what_fits_and_no_more() {
    for company in companies() {
        let bench = company.bench();
        bench.items(10, &[ANN]).await;
        company.leave_little_room(ANN);

        import_all(&bench).await;

        let stored = company.stored(ANN).len();
        assert!(stored > 0 && stored < 10, "{} {stored}", company.name());
        assert_eq!(bench.ledger.count(DeliveryState::Imported), stored);
        assert_eq!(bench.ledger.count(DeliveryState::Failed), 10 - stored);
        // Whichever they are: what is sent side by side arrives in any order.
        bench.ledger.with(|state| {
            for (delivery, reason, _) in state.outcomes.values() {
                let is_refused = *delivery == DeliveryState::Failed;
                assert_eq!(is_refused, reason == "mailbox over quota", "{reason}");
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_copies_are_removed_and_counted() {
    for company in companies() {
        let bench = company.bench();
        let messages = bench.items(5, &[ANN]).await;
        let mut earlier = company.lab().open(ANN).await;
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

        assert_holds(&company.lab(), ANN, &messages).await;
        assert_eq!(bench.ledger.with(|state| state.copies_removed), 2);
        assert_eq!(company.requests(Step::RemoveItem), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_finds_what_was_changed_or_removed() {
    for company in companies() {
        let bench = company.bench();
        let lab = company.lab();
        let messages = bench.items(4, &[ANN]).await;
        import_all(&bench).await;
        company.delete(ANN, Some(&messages[2].id));
        let expect = |number: usize| Expected {
            mailbox: ANN.to_owned(),
            message_id: messages[number].id.clone(),
            sha256: Sha256::digest(&messages[number].bytes).into(),
        };
        let mut expected: Vec<_> = (0..4).map(expect).collect();
        // As if the message had been rendered otherwise: the seal does not fit.
        expected[1].sha256 = [0; 32];
        let mut flaws = Vec::new();

        let compared = verify(&lab.connector, &bench.settings, expected.clone(), |flaw| {
            flaws.push(flaw);
        });

        assert_eq!(compared.await.unwrap(), 3, "{}", company.name());
        let mut found = [Flaw::Missing(expect(2)), Flaw::Altered(expected[1].clone())];
        found.sort_by_key(|flaw| format!("{flaw:?}"));
        flaws.sort_by_key(|flaw| format!("{flaw:?}"));
        assert_eq!(flaws, found, "{}", company.name());
        let mut left = lab.open(ANN).await;
        assert_eq!(left.list(Position::default()).await.unwrap().len(), 3);
    }
}
