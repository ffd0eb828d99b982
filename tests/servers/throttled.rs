//! A server that throttles one mailbox.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chatkeep_testkit::{Dovecot, DovecotOptions, Interposer};

use crate::{
    fill, reference,
    sandbox::Sandbox,
    targets::{MAILBOXES, dovecot_mails, imap_target, with_secrets},
};

/// What the other two have to get.
const OTHERS: usize = 80;
/// Refusals after which Ann gets hers anyway: the test is to fail, not to hang.
const ENOUGH: usize = 200;

#[test]
fn a_mailbox_that_is_throttled_until_all_others_have_theirs_gets_its_mail_then() {
    let expected = reference().all_mails();
    // Asks before each message, so that it can be refused.
    let dovecot = Dovecot::start_with(&DovecotOptions {
        capabilities: Some("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS NAMESPACE"),
        ..DovecotOptions::default()
    });
    let dovecot = dovecot.unwrap();
    let (others, refused) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let refusals = Arc::clone(&refused);
    let interposer = Interposer::start(dovecot.address(), move |user, line| {
        if !line.contains(" APPEND ") {
            return None;
        }
        if user != MAILBOXES[0] {
            others.fetch_add(1, Ordering::SeqCst);
            return None;
        }
        let is_throttled = others.load(Ordering::SeqCst) < OTHERS;
        (is_throttled && refusals.fetch_add(1, Ordering::SeqCst) < ENOUGH)
            .then(|| "NO Request is throttled. Suggested Backoff Time: 100 milliseconds".to_owned())
    });
    let interposer = interposer.unwrap();
    let target = imap_target(interposer.address().port(), "");
    let sandbox = with_secrets(Sandbox::into_target(&target));
    fill(&sandbox);

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(dovecot_mails(&dovecot), expected);
    let refused = refused.load(Ordering::SeqCst);
    assert!((1..ENOUGH).contains(&refused), "refused {refused} times");
}
