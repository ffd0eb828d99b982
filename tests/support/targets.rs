//! The real program archiving into real mail servers.

use std::collections::BTreeMap;

use chatkeep_testkit::{Cyrus, Dovecot, read_folder};

use crate::sandbox::{Mail, Sandbox};

/// The mailboxes the sandbox's people have.
pub(crate) const MAILBOXES: [&str; 3] =
    ["ann@contoso.com", "bob@contoso.com", "cem.can@contoso.com"];

/// A `[target]` table for a server on loopback without TLS.
pub(crate) fn imap_target(port: u16, more: &str) -> String {
    format!(
        "[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         password = \"file:password\"\n{more}"
    )
}

/// Gives the sandbox the secrets its target refers to.
pub(crate) fn with_secrets(sandbox: Sandbox) -> Sandbox {
    assert_eq!(Dovecot::PASSWORD, Cyrus::PASSWORD);
    sandbox.write("password", Dovecot::PASSWORD);
    sandbox.write("user", Cyrus::ADMIN);
    sandbox
}

/// Everybody's mails as a Dovecot gives them out, sorted.
pub(crate) fn dovecot_mails(dovecot: &Dovecot) -> BTreeMap<String, Vec<Mail>> {
    let folder = "INBOX/Skype for Business";
    let read = |mailbox: &str| {
        read_folder(dovecot.address(), (mailbox, Dovecot::PASSWORD), folder).unwrap()
    };
    by_mailbox(read)
}

/// Everybody's mails as read by `read`, sorted; mailboxes without any are left out.
pub(crate) fn by_mailbox(
    read: impl Fn(&str) -> Vec<chatkeep_testkit::StoredMessage>,
) -> BTreeMap<String, Vec<Mail>> {
    let mut all = BTreeMap::new();
    for mailbox in MAILBOXES {
        let stored = read(mailbox).into_iter();
        let mut mails: Vec<_> = stored
            .map(|message| Mail {
                bytes: message.bytes,
            })
            .collect();
        mails.sort();
        if !mails.is_empty() {
            all.insert(mailbox.to_owned(), mails);
        }
    }
    all
}
