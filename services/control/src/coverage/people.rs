//! The directory's users, as far as a run's participants are compared with them.

mod read;

use std::collections::BTreeMap;

use chatkeep_proto::v1;

/// Users and their addresses, sorted, all their text in one place: about 40 MB for 200,000 users with
/// three addresses each.
#[derive(Debug, Default)]
pub(super) struct People {
    text: String,
    entries: Vec<Entry>,
    /// The enabled ones.
    enabled: Vec<Enabled>,
    users: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    length: u32,
    user: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Enabled {
    is_seen: bool,
    is_in_exchange: bool,
    mailbox: Mailbox,
}

/// When the archive put something into somebody's mailbox last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mailbox {
    /// Never.
    #[default]
    Empty,
    /// In a run that is of the past.
    Filled,
    /// In one of the last runs.
    FilledLately,
}

/// Users of whom the archive has something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Archived {
    /// How many there are; those left out who are archived by Exchange.
    pub(super) users: u64,
    /// How many of them are in none of the last runs.
    pub(super) unseen: u64,
    /// SIP addresses of the first of these, in the directory's order.
    pub(super) named: Vec<String>,
}

impl People {
    /// Notes a participant, by an address without scheme in lower case.
    pub(super) fn meet(&mut self, address: &str) {
        self.change(address, |user| user.is_seen = true);
    }

    /// Notes that a mailbox, by its address in lower case, has something of the archive.
    pub(super) fn note(&mut self, address: &str, mailbox: Mailbox) {
        self.change(address, |user| user.mailbox = user.mailbox.max(mailbox));
    }

    fn change(&mut self, address: &str, change: impl Fn(&mut Enabled)) {
        let text = &self.text;
        let from = self
            .entries
            .partition_point(|entry| entry.of(text) < address);
        let found = self.entries[from..].iter();
        for entry in found.take_while(|entry| entry.of(text) == address) {
            change(&mut self.enabled[entry.user as usize]);
        }
    }

    /// How many there are, and how many were met.
    pub(super) fn counts(&self) -> v1::People {
        let count = |holds: fn(&Enabled) -> bool| {
            let those = self.enabled.iter().filter(|one| holds(one));
            those.count() as u64
        };
        v1::People {
            users: self.users,
            enabled: count(|_| true),
            seen: count(|one| one.is_seen),
            in_exchange: count(|one| one.is_in_exchange),
        }
    }

    /// Users of whom the archive has something; so many of those who are not seen any more are named.
    pub(super) fn archived(&self, most_named: usize) -> Archived {
        let users = (0_u32..).zip(&self.enabled);
        let has = |one: &Enabled| one.mailbox > Mailbox::Empty || one.is_seen;
        let archived = users.filter(|(_, one)| has(one) && !one.is_in_exchange);
        let mut told = Archived::default();
        let mut named = BTreeMap::new();
        for (user, one) in archived {
            told.users += 1;
            if !one.is_seen && one.mailbox < Mailbox::FilledLately {
                told.unseen += 1;
                if named.len() < most_named {
                    named.insert(user, None::<Entry>);
                }
            }
        }
        for entry in &self.entries {
            if let Some(first) = named.get_mut(&entry.user)
                && first.is_none_or(|first| entry.start < first.start)
            {
                *first = Some(*entry);
            }
        }
        let named = named.into_values().flatten();
        told.named = named.map(|entry| entry.of(&self.text).to_owned()).collect();
        told
    }
}

impl Entry {
    fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.start + self.length as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LedgerError;

    const SNAPSHOT: &str = "userPrincipalName,mail,proxyAddresses,sipAddress\n\
        ann@x.com,ann@x.com,SMTP:ann@x.com;sip:ann.old@x.com,ann@x.com\n\
        bob@x.com,bob@x.com,,bob@x.com;robert@x.com\n\
        fax@x.com,fax@x.com,,\n";

    fn counts(snapshot: &str, met: &[&str]) -> (u64, u64, u64, u64) {
        let mut people = People::read(snapshot.as_bytes()).unwrap();
        for address in met {
            people.meet(address);
        }
        let v1::People {
            users,
            enabled,
            seen,
            in_exchange,
        } = people.counts();
        (users, enabled, seen, in_exchange)
    }

    #[test]
    fn a_user_is_enabled_by_a_sip_address_and_seen_once_by_any_address() {
        assert_eq!(counts(SNAPSHOT, &[]), (3, 2, 0, 0));
        assert_eq!(
            counts(SNAPSHOT, &["ann@x.com", "ann.old@x.com"]),
            (3, 2, 1, 0)
        );
        assert_eq!(
            counts(SNAPSHOT, &["robert@x.com", "eve@y.com"]),
            (3, 2, 1, 0)
        );
        assert_eq!(counts(SNAPSHOT, &["fax@x.com"]), (3, 2, 0, 0));
    }

    #[test]
    fn who_is_archived_to_exchange_is_counted_where_the_directory_says_it() {
        let snapshot = "userPrincipalName,mail,proxyAddresses,sipAddress,exchangeArchiving\n\
            ann@x.com,,,ann@x.com,true\nbob@x.com,,,bob@x.com,\nfax@x.com,,,,true\n";

        assert_eq!(counts(snapshot, &["ann@x.com"]), (3, 2, 1, 1));
    }

    #[test]
    fn who_is_archived_and_not_seen_any_more_is_named_by_the_first_sip_address() {
        let mut people = People::read(SNAPSHOT.as_bytes()).unwrap();
        assert_eq!(people.archived(9), Archived::default());
        people.note("ann.old@x.com", Mailbox::Filled);
        people.note("bob@x.com", Mailbox::FilledLately);
        people.note("fax@x.com", Mailbox::Filled);

        let told = |users, unseen, named: &[&str]| Archived {
            users,
            unseen,
            named: named.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(people.archived(9), told(2, 1, &["ann@x.com"]));
        assert_eq!(people.archived(0), told(2, 1, &[]));
        people.meet("ann@x.com");
        assert_eq!(people.archived(9), told(2, 0, &[]));
    }

    #[test]
    fn a_mailbox_is_known_by_mail_or_principal_name_and_exchange_archives_its_own() {
        let snapshot = "userPrincipalName,mail,proxyAddresses,sipAddress,exchangeArchiving\n\
            a@x.com,ann.post@x.com,,ann@x.com,\nbob.name@x.com,,,bob@x.com,\n\
            cid@x.com,,,cid@x.com,true\n";
        let mut people = People::read(snapshot.as_bytes()).unwrap();
        for mailbox in ["ann.post@x.com", "bob.name@x.com", "cid@x.com"] {
            people.note(mailbox, Mailbox::Filled);
        }

        let told = people.archived(9);

        assert_eq!(told.named, ["ann@x.com", "bob@x.com"]);
        assert_eq!((told.users, told.unseen), (2, 2));
    }

    #[test]
    fn what_is_no_snapshot_is_malformed() {
        let error = People::read("a,b\n1,2\n".as_bytes()).unwrap_err();

        assert!(matches!(error, LedgerError::Malformed(_)));
    }

    #[test]
    fn two_hundred_thousand_users_take_less_than_fifty_megabytes() {
        let mut snapshot = "userPrincipalName,mail,proxyAddresses,sipAddress\n".to_owned();
        for n in 0..200_000 {
            let mail = format!("firstname.lastname{n}@contoso.com");
            snapshot.push_str(&format!(
                "{mail},{mail},SMTP:{mail};sip:{mail};smtp:p{n}@contoso.com,{mail}\n"
            ));
        }

        let people = People::read(snapshot.as_bytes()).unwrap();

        let bytes = people.text.capacity()
            + people.entries.capacity() * size_of::<Entry>()
            + people.enabled.capacity() * size_of::<Enabled>();
        assert!(bytes < 50_000_000, "{bytes} bytes");
    }
}
