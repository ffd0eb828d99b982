//! How messages are announced to servers that take only small ones unasked (LITERAL-, RFC 7888).

use std::sync::{Arc, Mutex};

use chatkeep_mailbox_import::target::{Tenants, open_target};
use chatkeep_testkit::{Dovecot, DovecotOptions, Interposer};

use crate::support::{
    ANN, TIMEOUTS, connector, contents, expected, message, messages, plain_imap, store,
};

/// Announcements of messages: their sizes, and whether they went out unasked.
type Announced = Arc<Mutex<Vec<(usize, bool)>>>;

/// A server that can do this, and what it is told.
fn server(capabilities: &'static str) -> (Dovecot, Interposer, Announced) {
    let dovecot = Dovecot::start_with(&DovecotOptions {
        capabilities: Some(capabilities),
        ..DovecotOptions::default()
    });
    let dovecot = dovecot.unwrap();
    let announced = Announced::default();
    let heard = Arc::clone(&announced);
    let interposer = Interposer::start(dovecot.address(), move |_, line| {
        heard.lock().unwrap().extend(announcement(line));
        None
    });
    (dovecot, interposer.unwrap(), announced)
}

fn announcement(line: &str) -> Option<(usize, bool)> {
    let (_, literal) = line.strip_suffix('}')?.rsplit_once('{')?;
    let is_unasked = literal.ends_with('+');
    Some((literal.trim_end_matches('+').parse().ok()?, is_unasked))
}

/// Messages of these sizes.
fn sized(sizes: &[usize]) -> Vec<chatkeep_mailbox_import::target::Message> {
    let of_size = |(number, size): (u8, &usize)| {
        let rest = size - message(number, "").bytes.len();
        message(number, &"x".repeat(rest))
    };
    (1..).zip(sizes).map(of_size).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_small_messages_go_out_unasked_where_the_server_says_literal_minus() {
    for capabilities in [
        "IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS LITERAL-",
        "IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS LITERAL- MULTIAPPEND",
    ] {
        let (_dovecot, interposer, announced) = server(capabilities);
        let folder = tempfile::tempdir().unwrap();
        let connector = connector(&plain_imap(interposer.address()), folder.path());
        let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();
        let sizes = [600, 4_096, 4_097, 700, 70_000];
        let batch = sized(&sizes);

        let mut mailbox = target.open(ANN).await.unwrap();
        store(&mut *mailbox, &batch).await;

        let unasked = sizes.map(|size| (size, size <= 4_096));
        assert_eq!(*announced.lock().unwrap(), unasked, "{capabilities}");
        assert_eq!(contents(&mut *mailbox, &batch).await, expected(&batch));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_literal_extensions_every_message_is_asked_for_and_with_literal_plus_none() {
    for (capabilities, is_unasked) in [
        ("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS", false),
        ("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS LITERAL+", true),
    ] {
        let (_dovecot, interposer, announced) = server(capabilities);
        let folder = tempfile::tempdir().unwrap();
        let connector = connector(&plain_imap(interposer.address()), folder.path());
        let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();
        let batch = messages(40);

        store(&mut *target.open(ANN).await.unwrap(), &batch).await;

        let awaited = batch.iter().map(|one| (one.bytes.len(), is_unasked));
        let awaited: Vec<_> = awaited.collect();
        assert_eq!(*announced.lock().unwrap(), awaited, "{capabilities}");
    }
}
