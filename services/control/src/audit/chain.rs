//! The chain of the audit trail, and its form in files.

use std::io::{self, BufRead};

use chatkeep_model::identity::Fields;
use chatkeep_proto::v1::{Actor, AuditEntry};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// What stands for the hash before the first entry's.
pub(super) const START: [u8; 32] = [0; 32];

/// Hash of an entry over everything in it but the hash itself, as docs/formats.md says.
pub(super) fn hash(entry: &AuditEntry) -> [u8; 32] {
    let nobody = Actor::default();
    let actor = entry.actor.as_ref().unwrap_or(&nobody);
    let roles = i64::try_from(actor.roles.len()).unwrap_or(i64::MAX);
    let fields = Fields::of("audit entry")
        .number(entry.sequence)
        .number(entry.time)
        .text(&actor.subject)
        .text(&actor.name)
        .number(roles);
    let fields = actor
        .roles
        .iter()
        .fold(fields, |fields, role| fields.text(role));
    fields
        .text(&actor.address)
        .text(&entry.action)
        .text(&entry.connector)
        .text(&entry.object)
        .text(&entry.outcome)
        .text(&entry.detail)
        .bytes(&entry.previous)
        .digest()
}

/// An entry that is not as it was written, or not where it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence}: {problem}")]
pub struct BrokenEntry {
    /// Where the chain breaks: the entry's sequence number.
    pub sequence: i64,
    /// What is wrong.
    pub problem: &'static str,
}

/// Entries of an audit trail, checked one after the other.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// The first entry; 0 while it may be any.
    first: i64,
    last: i64,
    head: Vec<u8>,
}

impl Trail {
    /// A trail that must begin with the very first entry. By default it may begin with any: what was before
    /// is not known then.
    pub fn whole() -> Self {
        Self {
            first: 1,
            ..Self::default()
        }
    }

    /// Checks the entry that follows.
    pub fn check(&mut self, entry: &AuditEntry) -> Result<(), BrokenEntry> {
        let broken = |problem| {
            Err(BrokenEntry {
                sequence: entry.sequence,
                problem,
            })
        };
        let is_first = self.last == 0;
        let awaited = if is_first { self.first } else { self.last + 1 };
        if awaited > 0 && entry.sequence != awaited {
            return Err(BrokenEntry {
                sequence: awaited,
                problem: "it is missing, or another one is in its place",
            });
        }
        if entry.sequence < 1 {
            return broken("entries are counted from 1");
        }
        if !is_first && entry.previous != self.head {
            return broken("the entry before it is not the one it was chained to");
        }
        if entry.sequence == 1 && entry.previous[..] != START {
            return broken("the first entry names one before it");
        }
        if entry.hash[..] != hash(entry) {
            return broken("it was altered");
        }
        if is_first {
            self.first = entry.sequence;
        }
        self.last = entry.sequence;
        self.head = entry.hash.to_vec();
        Ok(())
    }

    /// Sequence numbers of the first and the last entry; `None` when there was none.
    pub fn range(&self) -> Option<(i64, i64)> {
        (self.last > 0).then_some((self.first, self.last))
    }

    /// Hash of the last entry, in hexadecimal. Whoever keeps it elsewhere can tell later whether the end of
    /// the trail was cut off.
    pub fn head(&self) -> String {
        HEXLOWER.encode(&self.head)
    }
}

/// An entry as a line of an export: one JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    sequence: i64,
    /// Unix milliseconds.
    time: i64,
    subject: String,
    name: String,
    roles: Vec<String>,
    address: String,
    action: String,
    connector: String,
    object: String,
    outcome: String,
    /// A JSON object as text, since its hash is over the text.
    detail: String,
    /// In hexadecimal.
    previous: String,
    hash: String,
}

impl From<&AuditEntry> for Line {
    fn from(entry: &AuditEntry) -> Self {
        let entry = entry.clone();
        let actor = entry.actor.unwrap_or_default();
        Self {
            sequence: entry.sequence,
            time: entry.time,
            subject: actor.subject,
            name: actor.name,
            roles: actor.roles,
            address: actor.address,
            action: entry.action,
            connector: entry.connector,
            object: entry.object,
            outcome: entry.outcome,
            detail: entry.detail,
            previous: HEXLOWER.encode(&entry.previous),
            hash: HEXLOWER.encode(&entry.hash),
        }
    }
}

impl From<Line> for AuditEntry {
    /// The entry; a hash that is none is empty in it.
    fn from(line: Line) -> Self {
        let bytes = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap_or_default().into();
        Self {
            sequence: line.sequence,
            time: line.time,
            actor: Some(Actor {
                subject: line.subject,
                name: line.name,
                roles: line.roles,
                address: line.address,
            }),
            action: line.action,
            connector: line.connector,
            object: line.object,
            outcome: line.outcome,
            detail: line.detail,
            previous: bytes(&line.previous),
            hash: bytes(&line.hash),
        }
    }
}

/// Why an export is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// It cannot be read.
    #[error("read export")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// A line is no entry.
    #[error("read line {line} of export")]
    Line {
        /// The line, from 1.
        line: usize,
        /// The reader's reason.
        source: serde_json::Error,
    },
    /// The chain breaks.
    #[error("check audit trail")]
    Broken {
        /// The first entry that is broken.
        source: BrokenEntry,
    },
}

/// Checks an export, line by line.
pub fn verify_export(export: impl BufRead) -> Result<Trail, TrailError> {
    let mut trail = Trail::default();
    for (line, text) in (1..).zip(export.lines()) {
        let text = text.map_err(|source| TrailError::Read { source })?;
        let entry: Line =
            serde_json::from_str(&text).map_err(|source| TrailError::Line { line, source })?;
        trail
            .check(&entry.into())
            .map_err(|source| TrailError::Broken { source })?;
    }
    Ok(trail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: i64, previous: &[u8]) -> AuditEntry {
        let mut entry = AuditEntry {
            sequence,
            time: 1_767_225_600_000,
            actor: Some(Actor {
                subject: "cli:ann".to_owned(),
                name: "Ann".to_owned(),
                roles: vec!["Operator".to_owned()],
                address: "192.0.2.1".to_owned(),
            }),
            action: "run.retry".to_owned(),
            connector: "contoso".to_owned(),
            object: "7".to_owned(),
            outcome: "done".to_owned(),
            detail: "{}".to_owned(),
            previous: previous.to_vec().into(),
            hash: Vec::new().into(),
        };
        entry.hash = hash(&entry).to_vec().into();
        entry
    }

    fn trail(entries: &[AuditEntry]) -> Result<Trail, BrokenEntry> {
        let mut trail = Trail::default();
        for entry in entries {
            trail.check(entry)?;
        }
        Ok(trail)
    }

    fn three() -> [AuditEntry; 3] {
        let one = entry(1, &START);
        let two = entry(2, &one.hash);
        let three = entry(3, &two.hash);
        [one, two, three]
    }

    #[test]
    fn the_hash_of_an_entry_is_the_one_in_formats() {
        assert_eq!(
            HEXLOWER.encode(&entry(1, &START).hash),
            "7eb68baac2f996443f0399bd6a3137f4580372e2ebe4b683e757b4c6833e77a3"
        );
    }

    #[test]
    fn roles_and_what_follows_them_are_told_apart() {
        let one = entry(1, &START);
        let mut other = one.clone();
        let actor = other.actor.as_mut().unwrap();
        actor.roles.push(std::mem::take(&mut actor.address));

        assert_ne!(hash(&one), hash(&other));
    }

    #[test]
    fn a_chain_without_a_fault_says_where_it_begins_and_ends() {
        let [one, two, three] = three();

        let whole = trail(&[one, two.clone(), three.clone()]).unwrap();
        let rest = trail(&[two, three.clone()]).unwrap();

        assert_eq!(whole.range(), Some((1, 3)));
        assert_eq!(whole.head(), HEXLOWER.encode(&three.hash));
        assert_eq!(rest.range(), Some((2, 3)));
        assert_eq!(trail(&[]).unwrap().range(), None);
    }

    #[test]
    fn whatever_is_altered_the_entry_is_named() {
        type Change = fn(&mut AuditEntry);
        let changes: [Change; 11] = [
            |entry| entry.time += 1,
            |entry| entry.actor = None,
            |entry| entry.actor.as_mut().unwrap().subject.push('x'),
            |entry| entry.actor.as_mut().unwrap().name.clear(),
            |entry| entry.actor.as_mut().unwrap().roles.clear(),
            |entry| entry.actor.as_mut().unwrap().address.clear(),
            |entry| entry.action.push('x'),
            |entry| entry.connector.clear(),
            |entry| entry.object.clear(),
            |entry| entry.outcome = "refused".to_owned(),
            |entry| entry.detail = "{ }".to_owned(),
        ];
        for change in changes {
            let mut entries = three();
            change(&mut entries[1]);

            let broken = trail(&entries).unwrap_err();

            assert_eq!((broken.sequence, broken.problem), (2, "it was altered"));
        }
    }

    #[test]
    fn an_entry_that_was_rewritten_with_its_hash_breaks_the_next_one() {
        let mut entries = three();
        entries[1].detail = "{\"number\":1}".to_owned();
        entries[1].hash = hash(&entries[1]).to_vec().into();

        let broken = trail(&entries).unwrap_err();

        assert_eq!(broken.sequence, 3);
    }

    #[test]
    fn an_entry_that_is_missing_is_named() {
        let [one, _, three] = three();

        let broken = trail(&[one, three]).unwrap_err();

        assert_eq!(broken.sequence, 2);
    }

    #[test]
    fn a_whole_trail_begins_with_the_first_entry() {
        let [one, two, _] = three();

        assert!(Trail::whole().check(&one).is_ok());
        let broken = Trail::whole().check(&two).unwrap_err();

        assert_eq!(broken.sequence, 1);
    }

    #[test]
    fn an_export_is_checked_without_the_ledger() {
        let lines = three().map(|entry| serde_json::to_string(&Line::from(&entry)).unwrap());

        let whole = verify_export(lines.join("\n").as_bytes()).unwrap();
        let altered = lines.join("\n").replacen("\"7\"", "\"8\"", 1);
        let altered = verify_export(altered.as_bytes()).unwrap_err();

        assert_eq!(whole.range(), Some((1, 3)));
        assert!(matches!(altered, TrailError::Broken { source } if source.sequence == 1));
        let torn = verify_export(&lines[0].as_bytes()[..20]).unwrap_err();
        assert!(matches!(torn, TrailError::Line { line: 1, .. }));
    }
}
