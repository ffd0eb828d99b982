//! Decides once what each address leads to.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;

use super::{Account, Conflict, Decision, Full, Index, Level, Place, Span, slice};
use crate::directory::{self, User};

/// Users and their addresses as they come.
pub(super) struct Builder {
    text: String,
    users: Vec<Account>,
    entries: Vec<Entry>,
    /// Bytes of text there may be, and users.
    room: u32,
    /// Something was left out that has no place any more.
    is_full: bool,
}

/// A way in which a user has an address.
#[derive(Clone, Copy)]
struct Entry {
    address: Span,
    user: u32,
    level: Level,
}

impl Builder {
    /// Has room for this many bytes of text.
    pub(super) fn with_room(room: u32) -> Self {
        Self {
            text: String::new(),
            users: Vec::new(),
            entries: Vec::new(),
            room,
            is_full: false,
        }
    }

    pub(super) fn add(&mut self, user: &User) {
        let number = u32::try_from(self.users.len()).ok();
        let Some(number) = number.filter(|number| *number < self.room) else {
            self.is_full = true;
            return;
        };
        // One user's addresses mostly are the same text in several places.
        let mut known: Vec<(&str, Span)> = Vec::new();
        let (text, is_full, room) = (&mut self.text, &mut self.is_full, self.room);
        let mut span = |address| {
            let seen = known.iter().find(|(text, _)| *text == address);
            if let Some((_, span)) = seen {
                return *span;
            }
            let span = append(text, address, room).unwrap_or_else(|| {
                *is_full = true;
                Span {
                    start: 0,
                    length: 0,
                }
            });
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

    /// Nothing comes of it where there was more than an index holds.
    pub(super) fn build(mut self) -> Result<Index, Full> {
        if self.is_full {
            return Err(Full);
        }
        self.sort();
        let (text, hasher) = (&self.text, RandomState::new());
        let hash = |place: &Place| hasher.hash_one(slice(text, place.address));
        let groups = || {
            let is_same = |a: &Entry, b: &Entry| slice(text, a.address) == slice(text, b.address);
            self.entries.chunk_by(is_same)
        };
        let mut places = HashTable::with_capacity(groups().count());
        let mut conflicts = Vec::new();
        for group in groups() {
            let decision = self.decide(group);
            if let Decision::Conflict(level) = decision {
                conflicts.push(self.conflict(group, level));
            }
            let place = Place {
                address: group[0].address,
                decision,
            };
            places.insert_unique(hash(&place), place, hash);
        }
        Ok(Index {
            text: self.text,
            users: self.users,
            places,
            conflicts,
            hasher,
        })
    }

    /// Sorts by address, the strongest way to have it first.
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
    }

    /// Only the strongest way in which anybody has an address counts.
    fn decide(&self, group: &[Entry]) -> Decision {
        let level = group[0].level;
        let span = self.users[group[0].user as usize].mailbox;
        let mailbox = self.mailbox(group[0]);
        let mut strongest = group.iter().take_while(|entry| entry.level == level);
        if strongest.any(|entry| self.mailbox(*entry) != mailbox) {
            return Decision::Conflict(level);
        }
        span.map_or(Decision::NoMailbox, |span| Decision::Mailbox(span, level))
    }

    fn conflict(&self, group: &[Entry], level: Level) -> Conflict {
        let strongest = group.iter().filter(|entry| entry.level == level);
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

    fn mailbox(&self, entry: Entry) -> Option<&str> {
        let mailbox = self.users[entry.user as usize].mailbox;
        mailbox.map(|span| slice(&self.text, span))
    }
}

fn append(text: &mut String, address: &str, room: u32) -> Option<Span> {
    let start = u32::try_from(text.len()).ok()?;
    let length = u32::try_from(address.len()).ok()?;
    start.checked_add(length).filter(|end| *end <= room)?;
    text.push_str(address);
    Some(Span { start, length })
}
