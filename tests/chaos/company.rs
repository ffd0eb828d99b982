//! Forty people, each of whom talks with each other.

use std::ops::Range;

use chatkeep_testkit::Dovecot;

use crate::sandbox::{Sandbox, session_at};

const PEOPLE: usize = 40;
/// Minutes of a day from eight on.
const DAY: usize = 900;

/// A company with so many sessions of two, all different.
pub(crate) struct Company {
    pub(crate) items: usize,
}

impl Company {
    /// An empty archive of it, into the target of this `[target]` table.
    pub(crate) fn sandbox(&self, target: &str) -> Sandbox {
        assert!(self.items <= DAY * (PEOPLE - 1), "too many for one day");
        let sandbox = Sandbox::into_target(target);
        let header = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n".to_owned();
        let rows = (0..PEOPLE).map(|person| {
            let address = address(person);
            format!("{address},{address},{address},SMTP:{address},sip:{address}\n")
        });
        sandbox.write("directory.csv", header + &rows.collect::<String>());
        sandbox.write("password", Dovecot::PASSWORD);
        sandbox
    }

    /// Exports some of the sessions.
    pub(crate) fn publish(sandbox: &Sandbox, items: Range<usize>) {
        for item in items {
            let (minute, round) = (item % DAY, item / DAY);
            let from = address(minute % PEOPLE);
            let to = address((minute + 1 + round) % PEOPLE);
            let text = format!("number {item}");
            let lines = [(from.as_str(), text.as_str()), (to.as_str(), "yes")];
            let eml = session_at(minute, &from, &to, &lines);
            sandbox.write(&format!("exports/{item}.eml"), eml);
        }
    }

    /// Everybody's mailbox.
    pub(crate) fn mailboxes() -> impl Iterator<Item = String> {
        (0..PEOPLE).map(address)
    }
}

fn address(person: usize) -> String {
    format!("p{person}@contoso.com")
}
