//! The directory in memory: which user an address belongs to.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    path::Path,
};

use hashbrown::HashTable;

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

/// Addresses sorted, all their text in one place: about 30 MB for 100,000 users with five addresses
/// each. Sorted for conflicts; an address is found by its hash: a search would read memory in twenty places
/// for it, this reads three.
#[derive(Default)]
pub(crate) struct Index {
    text: String,
    users: Vec<Account>,
    entries: Vec<Entry>,
    /// Where the entries of each address begin, by the address.
    places: HashTable<u32>,
    /// Keyed anew each time: nobody can choose addresses that fall on each other.
    hasher: RandomState,
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
    /// Whether the next one is of another address.
    is_last: bool,
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
                is_last: true,
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
        self.place();
    }

    /// Notes where the entries of each address begin and end.
    fn place(&mut self) {
        let (text, hasher) = (&self.text, &self.hasher);
        for next in 1..self.entries.len() {
            let address = |at: usize| slice(text, self.entries[at].address);
            self.entries[next - 1].is_last = address(next - 1) != address(next);
        }
        let entries = &self.entries;
        let hash = |&at: &u32| hasher.hash_one(slice(text, entries[at as usize].address));
        let addresses = entries.iter().filter(|entry| entry.is_last).count();
        self.places = HashTable::with_capacity(addresses);
        // Entries beyond 4 billion do not exist.
        for at in 0..u32::try_from(entries.len()).unwrap_or(u32::MAX) {
            if at == 0 || entries[at as usize - 1].is_last {
                self.places.insert_unique(hash(&at), at, hash);
            }
        }
    }

    /// Finds whose address this is: only the strongest way in which anybody has it counts.
    pub(crate) fn find(&self, address: &str) -> Found<'_> {
        let is_it = |&at: &u32| slice(&self.text, self.entries[at as usize].address) == address;
        let place = self.places.find(self.hasher.hash_one(address), is_it);
        let from = place.map_or(self.entries.len(), |&at| at as usize);
        let others = self.entries[from..].iter().position(|entry| entry.is_last);
        let of_address = &self.entries[from..others.map_or(from, |count| from + count + 1)];
        self.decide(of_address.iter())
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
mod tests;
