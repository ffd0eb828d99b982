//! What every target does.

use chatkeep_mailbox_import::target::{OpenGate, Position};
use chatkeep_proto::v1::{Begun, DeliveryState};

use crate::{
    bench::{Bench, assert_holds},
    labs,
    support::{ANN, BOB, contents, expected, messages, store},
};

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_back_byte_for_byte_with_date_and_flag() {
    for (name, lab) in labs() {
        let batch = messages(12);
        let mut mailbox = lab.open(ANN).await;
        store(&mut *mailbox, &batch).await;
        mailbox.close().await;

        let mut again = lab.open(ANN).await;
        assert_eq!(
            contents(&mut *again, &batch).await,
            expected(&batch),
            "{name}"
        );
        let mut other = lab.open(BOB).await;
        assert_eq!(contents(&mut *other, &batch).await, [], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_since_a_position_is_found_and_nothing_older() {
    for (name, lab) in labs() {
        let batch = messages(7);
        let mut mailbox = lab.open(ANN).await;
        store(&mut *mailbox, &batch[..3]).await;
        let position = mailbox.position();
        store(&mut *mailbox, &batch[3..]).await;

        let mut found = lab.open(ANN).await.list(position).await.unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));

        let ids = found.iter().map(|copy| copy.id.as_str());
        // A Maildir has no positions, and Exchange those of a clock: they tell more.
        let first = if ["maildir", "graph", "ews"].contains(&name) {
            0
        } else {
            3
        };
        let mut expected: Vec<_> = batch[first..].iter().map(|message| &*message.id).collect();
        expected.sort_unstable();
        assert!(ids.eq(expected), "{name}");
        assert!(mailbox.is_proven_clean(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_copies_are_gone_and_the_others_stay() {
    for (name, lab) in labs() {
        let batch = messages(5);
        let mut mailbox = lab.open(ANN).await;
        store(&mut *mailbox, &batch).await;
        let mut copies = mailbox.list(Position::default()).await.unwrap();
        copies.retain(|copy| copy.id == batch[1].id || copy.id == batch[4].id);

        mailbox.remove(&copies).await.unwrap();

        let left = [&batch[..1], &batch[2..4]].concat();
        let mut again = lab.open(ANN).await;
        assert_eq!(
            contents(&mut *again, &left).await,
            expected(&left),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_arrives_once_and_a_second_task_has_nothing_to_do() {
    for (name, lab) in labs() {
        let bench = Bench::new(&lab);
        let messages = bench.items(70, &[ANN, BOB]).await;

        bench.run().await.unwrap();
        bench.run().await.unwrap();

        assert_eq!(bench.ledger.count(DeliveryState::Imported), 140, "{name}");
        assert_holds(&lab, ANN, &messages).await;
        assert_holds(&lab, BOB, &messages).await;
        let journal = bench.ledger.with(|state| state.journal.len());
        assert_eq!(journal, 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_holder_stored_is_not_stored_again() {
    for (name, lab) in labs() {
        let bench = Bench::new(&lab);
        let messages = bench.items(10, &[ANN]).await;
        let mut earlier = lab.open(ANN).await;
        let position = earlier.position();
        earlier.append(&messages[..4], &OpenGate).await;
        earlier.close().await;
        bench.ledger.with(|state| {
            let begun = Begun {
                mailbox: ANN.to_owned(),
                uid_validity: position.uid_validity,
                uid_next: position.uid_next,
                deliveries: (1..=6).collect(),
            };
            state.journal.push(begun);
        });

        bench.run().await.unwrap();

        assert_eq!(bench.ledger.count(DeliveryState::Imported), 10, "{name}");
        assert_holds(&lab, ANN, &messages).await;
    }
}
