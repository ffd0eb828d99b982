//! Connections that break off, at any byte.

use std::time::Duration;

use chatkeep_mailbox_import::target::{OpenGate, Outcome, Position, Tenants, open_target};
use chatkeep_testkit::{Cut, CuttingProxy, Dovecot, DovecotOptions, Seeded};

use crate::support::{Lab, TIMEOUTS, connector, contents, expected, messages, plain_imap};

/// What the server can do beside MULTIAPPEND.
const WITHOUT_MULTIAPPEND: &str =
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE NAMESPACE UIDPLUS LITERAL+ AUTH=PLAIN";
const WITHOUT_ANYTHING: &str = "IMAP4rev1 AUTH=PLAIN";

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_multiappend_loses_and_doubles_nothing() {
    cut_at_random(None, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_pipelined_appends_lose_and_double_nothing() {
    cut_at_random(Some(WITHOUT_MULTIAPPEND), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_synchronising_appends_lose_and_double_nothing() {
    cut_at_random(Some(WITHOUT_ANYTHING), 3).await;
}

/// How long a server may still work on what it has got of a connection that is gone.
const FENCE: Duration = Duration::from_secs(1);

/// Batches go out again and again, each time over a connection that breaks somewhere; after each break
/// only what a look-up does not find is sent again.
async fn cut_at_random(capabilities: Option<&'static str>, seed: u64) {
    let dovecot = Dovecot::start_with(&DovecotOptions {
        capabilities,
        ..DovecotOptions::default()
    });
    let lab = Lab::dovecot(dovecot.unwrap());

    let users = (0..16).map(|user| import_over_cut_connections(&lab, seed * 100 + user));
    let cuts: usize = futures::future::join_all(users).await.into_iter().sum();

    assert!(cuts > 32, "only {cuts} cuts");
}

async fn import_over_cut_connections(lab: &Lab, seed: u64) -> usize {
    let server = lab.dovecot.as_ref().unwrap().address();
    let proxy = CuttingProxy::start(server).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connector = connector(&plain_imap(proxy.address()), folder.path());
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();
    let batch = messages(16);
    let size: usize = batch.iter().map(|message| message.bytes.len() + 80).sum();
    let mailbox = format!("user{seed}@contoso.com");
    let mut random = Seeded::new(seed);
    let mut left = batch.clone();

    for attempt in 0.. {
        if attempt < 4 {
            proxy.cut_next(match random.below(3) {
                0 => Cut::ToClient(600 + random.below(900)),
                _ => Cut::ToServer(300 + random.below(size)),
            });
        }
        let Ok(mut session) = target.open(&mailbox).await else {
            continue;
        };
        let Ok(found) = session.list(Position::default()).await else {
            continue;
        };
        left.retain(|message| !found.iter().any(|copy| copy.id == message.id));
        let appended = session.append(&left, &OpenGate).await;
        if appended.stopped.is_none() {
            break;
        }
        tokio::time::sleep(FENCE).await;
        let stands = lab.open(&mailbox).await.list(Position::default()).await;
        let stands = stands.unwrap();
        for (message, outcome) in left.iter().zip(&appended.outcomes) {
            let is_there = stands.iter().any(|copy| copy.id == message.id);
            match outcome {
                Outcome::Stored => assert!(is_there, "said to be stored"),
                Outcome::NotStored => assert!(!is_there, "said not to be stored"),
                _ => {}
            }
        }
    }
    let mut session = lab.open(&mailbox).await;
    assert_eq!(
        contents(&mut *session, &batch).await,
        expected(&batch),
        "seed {seed}"
    );
    proxy.cuts_made()
}
