//! The directory in memory: which user an address belongs to.

use std::{io, path::Path};

use crate::{
    directory::{self, User},
    table::TableError,
};

/// How an address names a user, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// It is the user's SIP address.
    Sip,
    /// It is the user's primary SMTP address.
    Primary,
    /// It is the user principal name.
    PrincipalName,
    /// It is another `smtp:` or `sip:` address of the user.
    Alias,
}

/// What the directory knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// Nobody has it.
    Nobody,
    /// A user has it who has no mailbox.
    NoMailbox,
    /// It belongs to this mailbox.
    Mailbox(&'a str, Level),
    /// Users with different mailboxes have it, as strongly as each other.
    Conflict(Level),
}

/// An address that more than one user has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The address, without scheme, lower case.
    pub address: String,
    /// The principal names of the users, sorted.
    pub users: Vec<String>,
}

/// Addresses sorted, all their text in one place: about 25 MB for 100,000 users with five addresses
/// each.
#[derive(Default)]
pub(crate) struct Index {
    text: String,
    users: Vec<Account>,
    entries: Vec<Entry>,
}

/// A range of the text, in bytes.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    length: u32,
}

struct Account {
    principal_name: Span,
    mailbox: Option<Span>,
}

#[derive(Clone, Copy)]
struct Entry {
    address: Span,
    user: u32,
    level: Level,
}

impl Index {
    /// Indexes users. Their order does not matter.
    pub(crate) fn of(users: &[User]) -> Self {
        let mut index = Self::default();
        for user in users {
            index.add(user);
        }
        index.sort();
        index
    }

    /// Indexes the users of a snapshot as they are read.
    pub(crate) fn read(
        name: &Path,
        reader: impl io::Read + Send + 'static,
    ) -> Result<Self, TableError> {
        let mut index = Self::default();
        directory::read_each(name, reader, |user| index.add(&user))?;
        index.sort();
        Ok(index)
    }

    fn add(&mut self, user: &User) {
        // Users beyond 4 billion do not exist.
        let number = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        // One user's addresses mostly are the same text in several places.
        let mut known: Vec<(&str, Span)> = Vec::new();
        let text = &mut self.text;
        let mut span = |address| {
            let seen = known.iter().find(|(text, _)| *text == address);
            if let Some((_, span)) = seen {
                return *span;
            }
            let span = append(text, address);
            known.push((address, span));
            span
        };
        self.users.push(Account {
            principal_name: span(directory::principal_name(user)),
            mailbox: directory::mailbox(user).map(&mut span),
        });
        let sip = directory::sip_addresses(user).map(|address| (address, Level::Sip));
        let primary = directory::primary_addresses(user).map(|address| (address, Level::Primary));
        let name = [(directory::principal_name(user), Level::PrincipalName)];
        let aliases = directory::aliases(user).map(|address| (address, Level::Alias));
        for (address, level) in sip.chain(primary).chain(name).chain(aliases) {
            let address = span(address);
            self.entries.push(Entry {
                address,
                user: number,
                level,
            });
        }
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.entries.sort_unstable_by(|a, b| {
            let (left, right) = (slice(text, a.address), slice(text, b.address));
            left.cmp(right)
                .then(a.level.cmp(&b.level))
                .then(a.user.cmp(&b.user))
        });
        // `mail` and the `SMTP:` proxy mostly are the same.
        let place = |entry: &Entry| (entry.address.start, entry.level, entry.user);
        self.entries.dedup_by_key(|entry| place(entry));
        self.text.shrink_to_fit();
        self.users.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Finds whose address this is: only the strongest way in which anybody has it counts.
    pub(crate) fn find(&self, address: &str) -> Found<'_> {
        let from = self
            .entries
            .partition_point(|entry| slice(&self.text, entry.address) < address);
        let of_address = self.entries[from..]
            .iter()
            .take_while(|entry| slice(&self.text, entry.address) == address);
        self.decide(of_address)
    }

    fn decide<'a>(&self, mut entries: impl Iterator<Item = &'a Entry>) -> Found<'_> {
        let Some(first) = entries.next() else {
            return Found::Nobody;
        };
        let level = first.level;
        let mailbox = self.mailbox(first);
        let mut strongest = entries.take_while(|entry| entry.level == level);
        if strongest.any(|entry| self.mailbox(entry) != mailbox) {
            return Found::Conflict(level);
        }
        mailbox.map_or(Found::NoMailbox, |mailbox| Found::Mailbox(mailbox, level))
    }

    /// All addresses that cannot be decided, sorted.
    pub(crate) fn conflicts(&self) -> Vec<Conflict> {
        let same_address =
            |a: &Entry, b: &Entry| slice(&self.text, a.address) == slice(&self.text, b.address);
        let groups = self.entries.chunk_by(same_address);
        let undecided =
            groups.filter(|group| matches!(self.decide(group.iter()), Found::Conflict(_)));
        undecided.map(|group| self.conflict(group)).collect()
    }

    fn conflict(&self, group: &[Entry]) -> Conflict {
        let strongest = group.iter().filter(|entry| entry.level == group[0].level);
        let mut users: Vec<_> = strongest
            .map(|entry| slice(&self.text, self.users[entry.user as usize].principal_name))
            .map(str::to_owned)
            .collect();
        users.sort_unstable();
        Conflict {
            address: slice(&self.text, group[0].address).to_owned(),
            users,
        }
    }

    /// The mailbox of the first user who has one.
    pub(crate) fn sample_mailbox(&self) -> Option<&str> {
        let mailbox = self.users.iter().find_map(|user| user.mailbox)?;
        Some(slice(&self.text, mailbox))
    }

    /// Principal names of the users who have no mailbox.
    pub(crate) fn without_mailbox(&self) -> impl Iterator<Item = &str> {
        let users = self.users.iter().filter(|user| user.mailbox.is_none());
        users.map(|user| slice(&self.text, user.principal_name))
    }

    /// How many users there are.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    fn mailbox(&self, entry: &Entry) -> Option<&str> {
        let mailbox = self.users[entry.user as usize].mailbox;
        mailbox.map(|span| slice(&self.text, span))
    }
}

fn append(text: &mut String, address: &str) -> Span {
    let start = text.len();
    text.push_str(address);
    Span {
        start,
        // Only an address of 4 GiB would not fit.
        length: u32::try_from(address.len()).unwrap_or(0),
    }
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start..span.start + span.length as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, mail: &str, proxies: &str, sip: &str) -> User {
        [name, mail, proxies, sip].map(str::to_owned)
    }

    #[test]
    fn the_strongest_way_to_have_an_address_decides() {
        let users = [
            user("x@x.com", "one@x.com", "smtp:a@x.com", ""),
            user("a@x.com", "two@x.com", "", ""),
            user("y@x.com", "three@x.com", "", "a@x.com"),
        ];

        assert_eq!(
            Index::of(&users).find("a@x.com"),
            Found::Mailbox("three@x.com", Level::Sip)
        );
        assert_eq!(
            Index::of(&users[..2]).find("a@x.com"),
            Found::Mailbox("two@x.com", Level::PrincipalName)
        );
        assert_eq!(
            Index::of(&users[..1]).find("a@x.com"),
            Found::Mailbox("one@x.com", Level::Alias)
        );
    }

    #[test]
    fn users_who_share_a_mailbox_do_not_conflict() {
        let users = [
            user("a@x.com", "team@x.com", "", "s@x.com"),
            user("b@x.com", "team@x.com", "", "s@x.com"),
            user("c@x.com", "other@x.com", "", "t@x.com"),
            user("d@x.com", "team@x.com", "", "t@x.com"),
        ];
        let index = Index::of(&users);

        assert_eq!(
            index.find("s@x.com"),
            Found::Mailbox("team@x.com", Level::Sip)
        );
        assert_eq!(index.find("t@x.com"), Found::Conflict(Level::Sip));
        let conflict = Conflict {
            address: "t@x.com".to_owned(),
            users: vec!["c@x.com".to_owned(), "d@x.com".to_owned()],
        };
        assert_eq!(index.conflicts(), [conflict]);
    }

    #[test]
    fn a_conflict_below_the_deciding_level_is_none() {
        let users = [
            user("a@x.com", "", "smtp:s@x.com", ""),
            user("b@x.com", "", "smtp:s@x.com", ""),
            user("c@x.com", "", "", "s@x.com"),
        ];

        assert!(Index::of(&users).conflicts().is_empty());
    }

    #[test]
    fn a_hundred_thousand_users_take_less_than_forty_megabytes() {
        let users: Vec<_> = (0..100_000)
            .map(|n| {
                user(
                    &format!("person.{n}@contoso.onmicrosoft.com"),
                    &format!("firstname.lastname{n}@contoso.com"),
                    &format!(
                        "SMTP:firstname.lastname{n}@contoso.com;smtp:p{n}@contoso.com;\
                         sip:firstname.lastname{n}@contoso.com"
                    ),
                    &format!("firstname.lastname{n}@contoso.com"),
                )
            })
            .collect();

        let index = Index::of(&users);

        let bytes = index.text.capacity()
            + index.users.capacity() * size_of::<Account>()
            + index.entries.capacity() * size_of::<Entry>();
        assert!(bytes < 40_000_000, "{bytes} bytes");
    }
}
