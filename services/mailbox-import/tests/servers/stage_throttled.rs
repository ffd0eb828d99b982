//! The stage and mailboxes that take nothing for a while.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chatkeep_mailbox_import::target::OpenGate;
use chatkeep_proto::v1::{Begun, DeliveryState};
use chatkeep_testkit::{Dovecot, DovecotOptions, Interposer};

use crate::{
    bench::{Bench, assert_holds},
    ledger::now,
    support::{ANN, BOB, Lab, connector, plain_imap},
};

/// Longer than a test takes.
const ASKED: i64 = 299_609;

/// A server that throttles Ann at this command as long as the flag is set.
struct Throttling {
    lab: Lab,
    interposer: Interposer,
    is_on: Arc<AtomicBool>,
}

impl Throttling {
    fn at(command: &'static str) -> Self {
        // Asks before each message, so that it can be refused.
        let dovecot = Dovecot::start_with(&DovecotOptions {
            capabilities: Some("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS"),
            ..DovecotOptions::default()
        });
        let dovecot = dovecot.unwrap();
        let is_on = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&is_on);
        let interposer = Interposer::start(dovecot.address(), move |user, line| {
            let is_throttled = user == ANN && line.contains(command) && flag.load(Ordering::SeqCst);
            is_throttled.then(|| {
                format!("NO Request is throttled. Suggested Backoff Time: {ASKED} milliseconds")
            })
        });
        Self {
            lab: Lab::dovecot(dovecot),
            interposer: interposer.unwrap(),
            is_on,
        }
    }

    fn bench(&self) -> Bench {
        let folder = self.lab.folder.path();
        let connector = connector(&plain_imap(self.interposer.address()), folder);
        Bench::with(&connector.to_toml().unwrap())
    }

    /// Ann's mailbox takes messages again, and what waits may be tried.
    fn end(&self, bench: &Bench) {
        self.is_on.store(false, Ordering::SeqCst);
        bench.ledger.with(|state| {
            for (_, _, not_before) in state.outcomes.values_mut() {
                *not_before = 0;
            }
        });
    }
}

/// Asserts that so many deliveries wait as long as the server asked for, counted from `since`.
fn assert_waiting(bench: &Bench, since: i64, count: usize) {
    let waiting = bench.ledger.with(|state| {
        let outcomes = state.outcomes.values();
        let waiting = outcomes.filter(|(state, ..)| *state == DeliveryState::Waiting);
        waiting
            .map(|(_, _, not_before)| *not_before)
            .collect::<Vec<_>>()
    });
    assert_eq!(waiting.len(), count);
    let asked = since + ASKED..=now() + ASKED;
    assert!(waiting.iter().all(|time| asked.contains(time)), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_mailbox_waits_as_long_as_asked_and_holds_nobody_up() {
    // Few deliveries for each of several mailboxes, and full batches for one.
    for count in [5, 60] {
        for command in [" APPEND ", " SELECT "] {
            let throttling = Throttling::at(command);
            let bench = throttling.bench();
            let messages = bench.items(count, &[ANN, BOB]).await;
            let started = now();

            bench.run().await.unwrap();

            let count = usize::from(count);
            assert_waiting(&bench, started, count);
            assert_eq!(bench.ledger.count(DeliveryState::Imported), count);
            assert_holds(&throttling.lab, BOB, &messages).await;
            assert_eq!(bench.ledger.with(|state| state.journal.len()), 0);

            throttling.end(&bench);
            bench.run().await.unwrap();

            assert_eq!(bench.ledger.count(DeliveryState::Imported), count * 2);
            assert_holds(&throttling.lab, ANN, &messages).await;
            assert_holds(&throttling.lab, BOB, &messages).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_be_looked_up_first_waits_with_its_journal_entry() {
    let throttling = Throttling::at(" SELECT ");
    let bench = throttling.bench();
    let messages = bench.items(10, &[ANN]).await;
    let mut earlier = throttling.lab.open(ANN).await;
    let position = earlier.position();
    earlier.append(&messages[..4], &OpenGate).await;
    earlier.close().await;
    let begun = Begun {
        mailbox: ANN.to_owned(),
        uid_validity: position.uid_validity,
        uid_next: position.uid_next,
        deliveries: (1..=6).collect(),
    };
    let entry = begun.clone();
    bench.ledger.with(|state| state.journal.push(entry));
    let others = bench.items(3, &[BOB]).await;
    let started = now();

    bench.run().await.unwrap();

    assert_waiting(&bench, started, 10);
    assert_holds(&throttling.lab, BOB, &others).await;
    let open = bench.ledger.with(|state| state.journal.clone());
    assert_eq!(open, [begun]);

    throttling.end(&bench);
    bench.run().await.unwrap();

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 13);
    assert_holds(&throttling.lab, ANN, &messages).await;
    assert_eq!(bench.ledger.with(|state| state.journal.len()), 0);
}
