//! Ctrl-C and SIGTERM while a batch is on its way into a mail server.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use chatkeep_testkit::{Dovecot, Interposer};

use crate::{
    fill_with,
    running::Running,
    sandbox::Sandbox,
    targets::{MAILBOXES, dovecot_mails, imap_target, with_secrets},
};

/// Two thirds of them are in each mailbox: more than go into one batch.
const SESSIONS: u32 = 150;
/// The message of the batch before which the way to the server is blocked.
const BLOCKED_AT: usize = 20;

/// A way to a server that is blocked in the middle of Ann's first batch.
struct Blocked {
    interposer: Interposer,
    reached: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Blocked {
    fn before(dovecot: &Dovecot) -> Self {
        let (reach, reached) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        let messages = AtomicUsize::new(0);
        let interposer = Interposer::start(dovecot.address(), move |user, line| {
            let is_message = user == MAILBOXES[0] && line.starts_with("Message-ID: ");
            if is_message && messages.fetch_add(1, Ordering::SeqCst) == BLOCKED_AT {
                reach.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
            None
        });
        Self {
            interposer: interposer.unwrap(),
            reached,
            release,
        }
    }
}

fn filled(target: &str) -> Sandbox {
    let sandbox = with_secrets(Sandbox::into_target(target));
    fill_with(&sandbox, SESSIONS);
    sandbox
}

#[test]
fn a_signal_in_the_middle_of_a_batch_loses_and_doubles_nothing() {
    let undisturbed = filled("[target]\ntype = \"maildir\"\npath = \"mailboxes\"\n");
    undisturbed.archive();
    let all = undisturbed.all_mails();
    for signal in ["INT", "TERM"] {
        let dovecot = Dovecot::start().unwrap();
        let way = Blocked::before(&dovecot);
        let sandbox = filled(&imap_target(way.interposer.address().port(), ""));
        let mut command = sandbox.command(&["archive", "connector.toml", "--log", "info"]);
        let mut running = Running::start(&mut command);
        let patience = Duration::from_mins(1);
        way.reached
            .recv_timeout(patience)
            .expect("a batch for Ann is sent");
        running.interrupt(signal);
        way.release.send(()).unwrap();
        let (code, said) = running.end();

        assert_eq!(code, Some(1), "{said}");
        let what_to_do = "interrupted; nothing is lost, call the command again to resume";
        assert!(said.contains(what_to_do), "{said}");
        let stored = dovecot_mails(&dovecot).remove(MAILBOXES[0]);
        let stored = stored.map_or(0, |mails| mails.len());
        assert!(stored < all[MAILBOXES[0]].len(), "it did not stop");

        let resumed = sandbox.archive();

        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        resumed.assert_closed();
        assert!(
            dovecot_mails(&dovecot) == all,
            "other mails than undisturbed"
        );
        for mailbox in MAILBOXES {
            let search = ["search", "-u", mailbox, "mailbox", "INBOX/*", "ALL"];
            let found = dovecot.doveadm(&search).unwrap();
            assert_eq!(found.lines().count(), all[mailbox].len(), "{mailbox}");
        }
    }
}
