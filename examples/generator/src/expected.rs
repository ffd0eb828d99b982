//! What archiving the written files must come to, counted while they are made: no file is read again
//! and nothing is looked up.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::people::{Person, Place};

/// What archiving once must report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Files written below the sources' folders.
    pub files: Files,
    /// Conversations by kind, those left out by a rule not counted.
    pub conversations: Conversations,
    /// Records, as the first equation counts them.
    pub records: Records,
    /// Items: one for each conversation.
    pub items: u64,
    /// Deliveries, as the second equation counts them.
    pub deliveries: Deliveries,
    /// Ours without a mailbox.
    pub held: Vec<SourceUser>,
    /// Not ours.
    pub external: Vec<SourceUser>,
    /// What lies in the mailboxes afterwards.
    pub mailboxes: Vec<Mailbox>,
}

/// Files written below the sources' folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// `.eml` files.
    pub archiving_export: u64,
    /// `.xml` files.
    pub persistent_chat_xml: u64,
    /// `.ATTACH` manifests beside them, which hold no records.
    pub attachment_manifests: u64,
    /// Files that were put into rooms, beside them under the names they are stored by.
    pub room_files: u64,
}

/// Conversations by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conversations {
    /// Sessions of two.
    pub p2p: u64,
    /// Conferences.
    pub conference: u64,
    /// Rooms, day by day.
    pub room: u64,
}

/// Records, as the first equation counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// Everything: an `.eml` file is one record, a `Message` of an `.xml` file is one.
    pub read: u64,
    /// Those that are in an item.
    pub rendered: u64,
    /// Sessions that a second pool exported, too.
    pub duplicates: u64,
    /// Left out by the rule `bots`.
    pub excluded: u64,
    /// Always 0: the sample is well-formed.
    pub quarantined: u64,
    /// Always 0: the days are over.
    pub open: u64,
}

/// Deliveries, as the second equation counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deliveries {
    /// Items times their mailboxes, plus those held.
    pub planned: u64,
    /// Items times their mailboxes.
    pub imported: u64,
    /// Always 0.
    pub partially_imported: u64,
    /// Always 0.
    pub skipped: u64,
    /// Always 0.
    pub failed: u64,
    /// Items times participants without a mailbox.
    pub held: u64,
}

/// A participant without a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceUser {
    /// The address, without scheme, lower case.
    pub source_user: String,
    /// Items the participant is in.
    pub items: u64,
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mailbox {
    /// Its address.
    pub mailbox: String,
    /// Items in it.
    pub items: u64,
}

/// Counts while files are made.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) expected: Expected,
    held: BTreeMap<String, u64>,
    external: BTreeMap<String, u64>,
    mailboxes: BTreeMap<String, u64>,
}

impl Count {
    /// An item made of so many records, for these people.
    pub(crate) fn item<'a>(&mut self, records: u64, people: impl Iterator<Item = &'a Person>) {
        let expected = &mut self.expected;
        expected.items += 1;
        expected.records.read += records;
        expected.records.rendered += records;
        // Two who share a mailbox get one copy.
        let mut mailboxes = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for person in people {
            if !seen.insert(&person.address) {
                continue;
            }
            match &person.place {
                Place::Mailbox(mailbox) => {
                    mailboxes.insert(mailbox);
                }
                Place::Held => {
                    expected.deliveries.held += 1;
                    expected.deliveries.planned += 1;
                    *self.held.entry(person.address.clone()).or_default() += 1;
                }
                Place::External => {
                    *self.external.entry(person.address.clone()).or_default() += 1;
                }
            }
        }
        for mailbox in mailboxes {
            expected.deliveries.imported += 1;
            expected.deliveries.planned += 1;
            *self.mailboxes.entry(mailbox.clone()).or_default() += 1;
        }
    }

    /// A record that is in no item: a copy, or left out by a rule.
    pub(crate) fn passed_over(&mut self, is_excluded: bool) {
        let records = &mut self.expected.records;
        records.read += 1;
        if is_excluded {
            records.excluded += 1;
        } else {
            records.duplicates += 1;
        }
    }

    pub(crate) fn finish(self) -> Expected {
        let users = |users: BTreeMap<String, u64>| {
            let user = |(source_user, items)| SourceUser { source_user, items };
            users.into_iter().map(user).collect()
        };
        let mailbox = |(mailbox, items)| Mailbox { mailbox, items };
        Expected {
            held: users(self.held),
            external: users(self.external),
            mailboxes: self.mailboxes.into_iter().map(mailbox).collect(),
            ..self.expected
        }
    }
}
