//! The stage against a ledger in memory and real targets.

use std::time::Duration;

use chatkeep_mailbox_import::target::{OpenGate, Position};
use chatkeep_pipeline::Verdict;
use chatkeep_proto::v1::{Begun, DeliveryState};
use chatkeep_testkit::{Cut, CuttingProxy, Dovecot, DovecotOptions, Seeded};
use sha2::{Digest as _, Sha256};

use crate::{
    bench::{Bench, TERM, assert_holds},
    support::{ANN, BOB, Lab, connector, plain_imap},
};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_mailboxes_with_one_delivery_each_cost_two_commits() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    // Long enough that no lease runs out on a busy machine.
    bench
        .ledger
        .with(|state| state.term = Duration::from_mins(10));
    let mailboxes: Vec<_> = (0..100)
        .map(|user| format!("user{user:03}@contoso.com"))
        .collect();
    let mailboxes: Vec<&str> = mailboxes.iter().map(String::as_str).collect();
    let messages = bench.items(1, &mailboxes).await;

    bench.run().await.unwrap();

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 100);
    let commits = bench.ledger.with(|state| state.commits);
    assert!(commits <= 4, "{commits} commits");
    assert_holds(&lab, mailboxes[99], &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_holder_sent_may_arrive_for_as_long_as_control_says() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    let messages = bench.items(3, &[ANN]).await;
    let mut earlier = lab.open(ANN).await;
    bench.ledger.with(|state| {
        state.settled_in = Duration::from_secs(3);
        state.journal.push(Begun {
            mailbox: ANN.to_owned(),
            deliveries: (1..=3).collect(),
            ..Begun::default()
        });
    });
    let late = async {
        tokio::time::sleep(TERM).await;
        earlier.append(&messages, &OpenGate).await;
    };

    let (imported, ()) = tokio::join!(bench.run(), late);

    imported.unwrap();
    assert_holds(&lab, ANN, &messages).await;
    assert_eq!(bench.ledger.with(|state| state.copies_removed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_copies_are_removed_and_counted() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    let messages = bench.items(5, &[ANN]).await;
    let mut earlier = lab.open(ANN).await;
    earlier.append(&messages, &OpenGate).await;
    earlier.append(&messages[1..3], &OpenGate).await;
    earlier.close().await;
    bench.ledger.with(|state| {
        let begun = Begun {
            mailbox: ANN.to_owned(),
            deliveries: (1..=5).collect(),
            ..Begun::default()
        };
        state.journal.push(begun);
    });

    bench.run().await.unwrap();

    assert_holds(&lab, ANN, &messages).await;
    assert_eq!(bench.ledger.with(|state| state.copies_removed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_off_lose_and_double_nothing() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let proxy = CuttingProxy::start(lab.dovecot.as_ref().unwrap().address()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connector = connector(&plain_imap(proxy.address()), folder.path());
    let bench = Bench::with(&connector.to_toml().unwrap());
    let messages = bench.items(60, &[ANN, BOB]).await;
    let mut random = Seeded::new(7);
    for _ in 0..6 {
        proxy.cut_next(Cut::ToServer(200 + random.below(14_000)));
        proxy.cut_next(Cut::ToClient(400 + random.below(900)));
    }

    while bench.ledger.count(DeliveryState::Imported) < 120 {
        match bench.run().await {
            // What a broken connection put off waits for its time.
            Ok(()) => tokio::time::sleep(TERM).await,
            Err(error) => assert_eq!(error.verdict, Verdict::Wait, "{error}"),
        }
        assert_eq!(bench.ledger.count(DeliveryState::Failed), 0);
    }

    assert_holds(&lab, ANN, &messages).await;
    assert_holds(&lab, BOB, &messages).await;
    assert!(proxy.cuts_made() > 3, "only {} cuts", proxy.cuts_made());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_fails_and_holds_nobody_up() {
    let lab = Lab::dovecot(
        Dovecot::start_with(&DovecotOptions {
            quota: Some("20k"),
            ..DovecotOptions::default()
        })
        .unwrap(),
    );
    let bench = Bench::new(&lab);
    let text = "0123456789\r\n".repeat(800);
    for number in 1..=6 {
        bench.item(number, &[ANN], &[&text]).await;
    }
    let small = bench.item(7, &[BOB], &["Hello\r\n"]).await;

    bench.run().await.unwrap();

    assert_eq!(bench.ledger.reason(6), "mailbox over quota");
    assert_eq!(bench.ledger.state(6), DeliveryState::Failed);
    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
    assert_holds(&lab, BOB, &small).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_item_fails_alone_and_of_several_parts_the_others_stay() {
    let lab = Lab::dovecot(
        Dovecot::start_with(&DovecotOptions {
            largest_message: Some("20k"),
            ..DovecotOptions::default()
        })
        .unwrap(),
    );
    let bench = Bench::new(&lab);
    let large = "0123456789\r\n".repeat(4_000);
    let mut messages = bench.items(20, &[ANN]).await;
    bench.item(21, &[ANN], &[&large]).await;
    let parts = bench
        .item(22, &[ANN], &["first\r\n", &large, "third\r\n"])
        .await;
    messages.extend(bench.item(23, &[ANN], &["Hello\r\n"]).await);
    messages.extend([parts[0].clone(), parts[2].clone()]);

    bench.run().await.unwrap();

    assert_eq!(bench.ledger.reason(21), "item too large for the mailbox");
    assert_eq!(bench.ledger.state(21), DeliveryState::Failed);
    assert_eq!(bench.ledger.state(22), DeliveryState::PartiallyImported);
    assert_eq!(bench.ledger.count(DeliveryState::Imported), 21);
    assert_holds(&lab, ANN, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_fails_the_mailboxes_deliveries() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    std::fs::write(lab.folder.path().join("password"), "wrong").unwrap();
    bench.items(3, &[ANN]).await;

    bench.run().await.unwrap();

    assert_eq!(bench.ledger.count(DeliveryState::Failed), 3);
    assert_eq!(bench.ledger.reason(1), "mailbox refuses the login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_waited_for() {
    let mut dovecot = Dovecot::start().unwrap();
    dovecot.stop();
    let mut lab = Lab::dovecot(dovecot);
    let bench = Bench::new(&lab);
    let messages = bench.items(3, &[ANN, BOB]).await;

    let error = bench.run().await.unwrap_err();
    assert_eq!(error.verdict, Verdict::Wait);
    lab.dovecot.as_mut().unwrap().resume().unwrap();
    bench.run().await.unwrap();

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 6);
    assert_holds(&lab, BOB, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_bytes_in_staging_never_reach_a_mailbox() {
    let lab = Lab::maildir();
    let bench = Bench::new(&lab);
    let messages = bench.items(2, &[ANN]).await;
    bench.ledger.with(|state| {
        let other = Sha256::digest("other").to_vec();
        state.deliveries[1].parts[0].sha256 = other.into();
    });

    bench.run().await.unwrap();

    assert_eq!(bench.ledger.reason(2), "staged bytes altered");
    assert_holds(&lab, ANN, &messages[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_holder_sends_nothing_more() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    bench.items(3, &[ANN]).await;
    bench.ledger.with(|state| {
        // The lease is over before the journal is written, and renewing it finds it gone.
        state.term = Duration::from_millis(1);
        state.writing = Duration::from_millis(5);
        state.commits_until_taken_over = Some(1);
    });

    let error = bench.run().await.unwrap_err();

    assert_eq!(error.verdict, Verdict::Superseded);
    let stands = lab.open(ANN).await.list(Position::default()).await.unwrap();
    assert_eq!(stands, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_lapses_while_the_journal_is_slow_sends_nothing_and_is_taken_again() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    let messages = bench.items(3, &[ANN]).await;
    bench.ledger.with(|state| {
        state.term = Duration::from_millis(1);
        state.writing = Duration::from_millis(5);
    });

    let error = bench.run().await.unwrap_err();

    // Nobody has taken its place: who gave the task up would leave it to nobody.
    assert_eq!(error.verdict, Verdict::Wait);
    let stands = lab.open(ANN).await.list(Position::default()).await.unwrap();
    assert_eq!(stands, []);
    bench
        .ledger
        .with(|state| state.term = Duration::from_mins(1));
    bench.run().await.unwrap();
    assert_holds(&lab, ANN, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replaced_holder_sent_late_is_removed_and_counted() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let bench = Bench::new(&lab);
    let messages = bench.items(3, &[ANN]).await;
    let mut successor = lab.open(ANN).await;
    bench.ledger.with(|state| {
        // Long enough to send without asking again.
        state.term = Duration::from_mins(1);
        state.writing = Duration::from_secs(5);
        state.commits_until_taken_over = Some(1);
    });
    let meanwhile = async {
        // The mailbox is open, and the journal is being written.
        while bench.ledger.with(|state| state.entries) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        successor.append(&messages, &OpenGate).await;
    };

    let (imported, ()) = tokio::join!(bench.run(), meanwhile);

    assert_eq!(imported.unwrap_err().verdict, Verdict::Superseded);
    assert_holds(&lab, ANN, &messages).await;
    assert_eq!(bench.ledger.with(|state| state.copies_removed), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_a_replaced_holder_removed_in_a_look_up_are_counted() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let proxy = CuttingProxy::start(lab.dovecot.as_ref().unwrap().address()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connector = connector(&plain_imap(proxy.address()), folder.path());
    let bench = Bench::with(&connector.to_toml().unwrap());
    // More than one batch: the next one is refused while the mailbox is open.
    let messages = bench.items(120, &[ANN]).await;
    let mut successor = lab.open(ANN).await;
    bench.ledger.with(|state| {
        state.term = Duration::from_secs(8);
        state.commits_until_taken_over = Some(1);
    });
    // In the middle of the messages.
    proxy.cut_next(Cut::ToServer(1_000));
    let meanwhile = async {
        // The connection is broken, and its holder waits until nothing can arrive any more.
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..2 {
            successor.append(&messages, &OpenGate).await;
        }
    };

    let (imported, ()) = tokio::join!(bench.run(), meanwhile);

    assert_eq!(imported.unwrap_err().verdict, Verdict::Superseded);
    assert_eq!(proxy.cuts_made(), 1);
    assert_holds(&lab, ANN, &messages).await;
    let removed = bench.ledger.with(|state| state.copies_removed);
    assert!((120..=240).contains(&removed), "{removed}");
}
