//! `chatkeep archive` into Dovecot and Cyrus: the same messages as in Maildir, whatever breaks.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod interrupted;
#[path = "../support/running.rs"]
mod running;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
#[path = "../support/targets.rs"]
mod targets;
mod throttled;

use chatkeep_testkit::{Cut, CuttingProxy, Cyrus, Dovecot, DovecotOptions, Seeded, read_folder};

use crate::{
    sandbox::{Sandbox, copy_tree},
    targets::{MAILBOXES, by_mailbox, dovecot_mails, imap_target, with_secrets},
};

fn fill(sandbox: &Sandbox) {
    fill_with(sandbox, 60);
}

/// Two of three people have each of so many sessions.
fn fill_with(sandbox: &Sandbox, sessions: u32) {
    for minute in 0..sessions {
        let (sender, receiver) =
            [("ann", "bob"), ("bob", "cem"), ("cem", "ann")][minute as usize % 3];
        let file = format!("pool/{minute}");
        sandbox.session(
            &file,
            minute,
            &[(sender, "Grüße 👋"), (receiver, "שלום"), (sender, "bye")],
        );
    }
}

fn archived_to(target: &str) -> Sandbox {
    let sandbox = with_secrets(Sandbox::into_target(target));
    fill(&sandbox);
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    sandbox
}

fn reference() -> Sandbox {
    archived_to("[target]\ntype = \"maildir\"\npath = \"mailboxes\"\n")
}

#[test]
fn maildir_dovecot_and_cyrus_hold_the_same_messages() {
    let expected = reference().all_mails();
    assert_eq!(expected.len(), MAILBOXES.len());

    let dovecot = Dovecot::start().unwrap();
    let sandbox = archived_to(&imap_target(dovecot.address().port(), ""));
    assert_eq!(dovecot_mails(&dovecot), expected);
    let verified = sandbox.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");

    let cyrus = Cyrus::start(&MAILBOXES).unwrap();
    let auth = "auth = \"authzid\"\nuser = \"file:user\"\n";
    archived_to(&imap_target(cyrus.address().port(), auth));
    let read = |mailbox: &str| {
        let folder = "INBOX/Skype for Business";
        read_folder(cyrus.address(), (mailbox, Cyrus::PASSWORD), folder).unwrap()
    };
    assert_eq!(by_mailbox(read), expected);
}

#[test]
fn dovecot_serves_a_maildir_archive_as_it_is() {
    let archive = reference();
    let namespace = DovecotOptions {
        namespace: Some(("INBOX.", '.')),
        ..DovecotOptions::default()
    };
    let dovecot = Dovecot::start_with(&namespace).unwrap();
    for mailbox in MAILBOXES {
        let from = archive.path("mailboxes").join(mailbox);
        copy_tree(&from, &dovecot.mail(mailbox));
    }
    dovecot.adopt_mail().unwrap();

    let read = |mailbox: &str| {
        let folder = "INBOX.Skype for Business";
        read_folder(dovecot.address(), (mailbox, Dovecot::PASSWORD), folder).unwrap()
    };

    let served = by_mailbox(read);
    assert_eq!(served, archive.all_mails());
    let ann = read(MAILBOXES[0]);
    assert!(ann.iter().all(|message| message.flags == ["\\SEEN"]));
    assert!(
        ann.iter()
            .all(|message| message.internal_date.starts_with("14-Sep-2026"))
    );
}

#[test]
fn connections_cut_at_any_byte_lose_nothing_and_double_nothing() {
    let expected = reference().all_mails();
    let without_multiappend = DovecotOptions {
        capabilities: Some("IMAP4rev1 SASL-IR LITERAL+ UIDPLUS NAMESPACE"),
        ..DovecotOptions::default()
    };
    let mut dice = Seeded::new(17);
    for options in [DovecotOptions::default(), without_multiappend] {
        let dovecot = Dovecot::start_with(&options).unwrap();
        let proxy = CuttingProxy::start(dovecot.address()).unwrap();
        for _ in 0..6 {
            proxy.cut_next(Cut::ToServer(dice.below(60_000)));
            proxy.cut_next(Cut::ToClient(dice.below(2_000)));
        }

        let target = imap_target(proxy.address().port(), "");
        let sandbox = with_secrets(Sandbox::into_target(&target));
        fill(&sandbox);
        // A cut in the first connection, which only asks what the server can do, ends the command.
        let calls = (0..10).map(|_| sandbox.archive());
        let done = calls.into_iter().find(|outcome| outcome.code == Some(0));

        done.expect("done after ten calls").assert_closed();
        assert!(proxy.cuts_made() >= 6, "{} cuts", proxy.cuts_made());
        assert_eq!(dovecot_mails(&dovecot), expected);
    }
}

#[test]
fn a_full_mailbox_fails_by_name_and_holds_nobody_up() {
    let options = DovecotOptions {
        quota: Some("40k"),
        ..DovecotOptions::default()
    };
    let dovecot = Dovecot::start_with(&options).unwrap();
    let target = imap_target(dovecot.address().port(), "");
    let sandbox = with_secrets(Sandbox::into_target(&target));
    fill(&sandbox);

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    let stored: usize = dovecot_mails(&dovecot).values().map(Vec::len).sum();
    assert_eq!(outcome.count("deliveries.imported"), stored as u64);
    let log = sandbox.run(&["log", "1"]);
    assert!(log.stdout.contains("mailbox over quota"), "{}", log.stdout);
}
