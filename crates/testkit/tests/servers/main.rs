//! The labs themselves.

use chatkeep_testkit::Dovecot;

#[test]
fn doveadm_knows_every_user() {
    let dovecot = Dovecot::start().unwrap();

    let folders = dovecot.doveadm(&["mailbox", "list", "-u", "ann@contoso.com"]);

    assert!(folders.unwrap().contains("INBOX"));
}
