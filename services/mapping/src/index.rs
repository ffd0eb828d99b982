//! The directory in memory: which user an address belongs to.

mod build;

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    path::Path,
};

use hashbrown::HashTable;

use self::build::Builder;
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

/// What each address is decided to lead to; all text in one place. Nothing is decided when it is asked: that
/// reads memory in three places (the table, twice, and the address), and each of them costs more than all the
/// rest.
pub(crate) struct Index {
    text: String,
    users: Vec<Account>,
    places: HashTable<Place>,
    conflicts: Vec<Conflict>,
    /// Keyed anew each time: nobody can choose addresses that fall on each other.
    hasher: RandomState,
}

/// A range of the text, in bytes.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

struct Account {
    principal_name: Span,
    mailbox: Option<Span>,
}

/// An address, and what is known of it.
struct Place {
    address: Span,
    decision: Decision,
}

#[derive(Clone, Copy)]
enum Decision {
    NoMailbox,
    Mailbox(Span, Level),
    Conflict(Level),
}

/// There is more than an index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("index more than 4 GiB of addresses")]
pub(crate) struct Full;

impl Index {
    /// Indexes users. Their order does not matter.
    pub(crate) fn of(users: &[User]) -> Result<Self, Full> {
        let mut builder = Builder::with_room(u32::MAX);
        for user in users {
            builder.add(user);
        }
        builder.build()
    }

    /// Indexes the users of a snapshot as they are read.
    pub(crate) fn read(
        name: &Path,
        reader: impl io::Read + Send + 'static,
    ) -> Result<Self, TableError> {
        Self::read_into(Builder::with_room(u32::MAX), name, reader)
    }

    fn read_into(
        mut builder: Builder,
        name: &Path,
        reader: impl io::Read + Send + 'static,
    ) -> Result<Self, TableError> {
        directory::read_each(name, reader, |user| builder.add(&user))?;
        builder.build().map_err(|Full| TableError::Addresses {
            file: name.to_owned(),
        })
    }

    /// Finds whose address this is: only the strongest way in which anybody has it counts.
    pub(crate) fn find(&self, address: &str) -> Found<'_> {
        let is_it = |place: &Place| slice(&self.text, place.address) == address;
        let place = self.places.find(self.hasher.hash_one(address), is_it);
        match place.map(|place| place.decision) {
            None => Found::Nobody,
            Some(Decision::NoMailbox) => Found::NoMailbox,
            Some(Decision::Mailbox(mailbox, level)) => {
                Found::Mailbox(slice(&self.text, mailbox), level)
            }
            Some(Decision::Conflict(level)) => Found::Conflict(level),
        }
    }

    /// All addresses that cannot be decided, sorted.
    pub(crate) fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
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
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start as usize..][..span.length as usize]
}

#[cfg(test)]
mod tests;
