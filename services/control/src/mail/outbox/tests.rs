use std::{path::Path, time::Duration};

use chatkeep_model::connector::Tls;

use super::*;
use crate::{SmtpSettings, ledger::alone};

const HOUR: i64 = 3_600_000;

/// A ledger with a run, and with a mail server that nobody talks to.
async fn with_run(folder: &Path) -> (Ledger, RunRow) {
    let smtp = SmtpSettings {
        host: "localhost".to_owned(),
        port: None,
        tls: Tls::None,
        ca: None,
        user: None,
        password: None,
        from: "chatkeep@b.c".to_owned(),
        timeout: Duration::from_secs(1),
        give_up_after: Duration::from_secs(1),
    };
    alone::with_run(folder, Some(smtp)).await
}

/// Ends the run, as far as reports know.
async fn end(ledger: &Ledger, run: &RunRow) {
    let mut tx = ledger.database.begin().await.unwrap();
    ledger.report_end(&mut tx, run).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn nobody_takes_up_a_report_that_somebody_makes_or_sends() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = with_run(folder.path()).await;
    end(&ledger, &run).await;

    let due = ledger.take_report(HOUR).await.unwrap().unwrap();
    let while_made = ledger.take_report(HOUR).await.unwrap();
    let kept = ledger.keep_report(&due, b"mail".to_vec(), HOUR).await;
    let while_sent = ledger.take_report(HOUR).await.unwrap();

    assert_eq!(kept.unwrap().unwrap(), b"mail");
    assert!(while_made.is_none() && while_sent.is_none());
}

#[tokio::test]
async fn a_report_that_took_longer_to_make_than_its_lease_is_put_off_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = with_run(folder.path()).await;
    end(&ledger, &run).await;
    let lapsed = ledger.take_report(0).await.unwrap().unwrap();

    let kept = ledger.keep_report(&lapsed, b"mail".to_vec(), HOUR).await;

    assert_eq!(kept.unwrap().unwrap(), b"mail");
    assert!(ledger.take_report(HOUR).await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_who_made_a_report_who_took_it_up_last_sends_what_was_kept_first() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = with_run(folder.path()).await;
    end(&ledger, &run).await;
    let slow = ledger.take_report(0).await.unwrap().unwrap();
    let last = ledger.take_report(0).await.unwrap().unwrap();

    let of_slow = ledger.keep_report(&slow, b"one".to_vec(), HOUR).await;
    let of_last = ledger.keep_report(&last, b"two".to_vec(), HOUR).await;

    assert_eq!(of_slow.unwrap(), None);
    assert_eq!(of_last.unwrap().unwrap(), b"one");
}

#[tokio::test]
async fn a_connector_file_that_cannot_be_read_keeps_no_run_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = with_run(folder.path()).await;
    let mut tx = ledger.database.begin().await.unwrap();
    let newer = query("UPDATE connectors SET file = 'of = [a, newer, program'");
    newer.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();

    end(&ledger, &run).await;

    assert!(ledger.take_report(HOUR).await.unwrap().is_none());
}
