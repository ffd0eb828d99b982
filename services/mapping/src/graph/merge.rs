//! Merges changes into a mirror. Blocks.

use std::io::{BufReader, Write};

use chatkeep_staging::{
    BlobReader, FrameReader, FrameWriter,
    sorting::{Sortable, Sorter},
};
use serde::{Deserialize, Serialize};

use super::{
    GraphDirectoryError, Known, Scope,
    person::{Change, Person},
};
use crate::{
    directory::{COLUMNS, User},
    table::Snapshot,
};

/// What the merge made.
pub(super) struct Merged<W> {
    pub(super) snapshot: Vec<u8>,
    pub(super) guests: u64,
    pub(super) disabled: u64,
    pub(super) mirror: W,
}

/// A row of the snapshot on its way to its place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Row(User);

impl Sortable for Row {
    fn weight(&self) -> usize {
        let texts = self.0.iter();
        texts.map(|text| text.len() + size_of::<String>()).sum()
    }
}

/// Opens a mirror and reads whose it is. `None` for one that is gone or damaged: the users are read in full
/// then.
pub(super) fn open(users: BlobReader) -> Result<Option<(Scope, Known)>, GraphDirectoryError> {
    let mut known = FrameReader::new(BufReader::new(users));
    match known.next::<Scope>() {
        Ok(scope) => Ok(scope.map(|scope| (scope, known))),
        Err(source) if source.is_outage() => Err(GraphDirectoryError::Known { source }),
        Err(_) => Ok(None),
    }
}

/// Writes the new mirror and makes the snapshot. Both sides come sorted by id.
pub(super) fn merge<W: Write>(
    mut known: Option<Known>,
    changes: Sorter<Change>,
    scope: &Scope,
    mirror: W,
) -> Result<Merged<W>, GraphDirectoryError> {
    let write = |source| GraphDirectoryError::Write { source };
    let mut mirror = FrameWriter::new(mirror);
    mirror.push(scope).map_err(write)?;
    let mut changes = changes.finish()?;
    let mut change = changes.next()?;
    let mut old = next(&mut known)?;
    let mut rows = Rows::default();
    while let Some(id) = smaller(old.as_ref(), change.as_ref()) {
        let mut person = None;
        if old.as_ref().is_some_and(|old| old.id == id) {
            person = std::mem::replace(&mut old, next(&mut known)?);
        }
        while let Some(one) = change.take_if(|change| change.id == id) {
            person = one.apply(person);
            change = changes.next()?;
        }
        if let Some(person) = person {
            mirror.push(&person).map_err(write)?;
            rows.take(&person)?;
        }
    }
    let (guests, disabled) = (rows.guests, rows.disabled);
    Ok(Merged {
        snapshot: rows.snapshot()?,
        guests,
        disabled,
        mirror: mirror.into_inner(),
    })
}

fn next(known: &mut Option<Known>) -> Result<Option<Person>, GraphDirectoryError> {
    let Some(known) = known else {
        return Ok(None);
    };
    let next = known.next();
    next.map_err(|source| GraphDirectoryError::Known { source })
}

fn smaller(old: Option<&Person>, change: Option<&Change>) -> Option<String> {
    let ids = [old.map(|old| &old.id), change.map(|change| &change.id)];
    ids.into_iter().flatten().min().cloned()
}

/// Rows of the snapshot, which are sorted otherwise than the mirror.
#[derive(Default)]
struct Rows {
    sorter: Sorter<Row>,
    guests: u64,
    disabled: u64,
}

impl Rows {
    fn take(&mut self, person: &Person) -> Result<(), GraphDirectoryError> {
        if person.is_guest() {
            self.guests += 1;
            return Ok(());
        }
        self.disabled += u64::from(person.is_disabled());
        Ok(self.sorter.push(Row(person.row()))?)
    }

    fn snapshot(self) -> Result<Vec<u8>, GraphDirectoryError> {
        let mut snapshot = Snapshot::begin(&COLUMNS);
        let mut rows = self.sorter.finish()?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            if last.as_ref() != Some(&row) {
                snapshot.push(&row.0);
            }
            last = Some(row);
        }
        Ok(snapshot.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::person::Told;

    /// The snapshot of what a round told, as users' ids and principal names.
    fn snapshot(told: &[&str]) -> String {
        let mut changes = Sorter::with_limit(100);
        for (sequence, told) in (1..).zip(told) {
            let told: Told = serde_json::from_str(told).unwrap();
            changes.push(told.into_change(sequence)).unwrap();
        }
        let scope = Scope {
            endpoint: String::new(),
            tenant: String::new(),
            select: String::new(),
        };
        let merged = merge(None, changes, &scope, std::io::sink()).unwrap();
        String::from_utf8(merged.snapshot).unwrap()
    }

    #[test]
    fn a_user_on_several_pages_is_as_it_was_told_last() {
        let ann = r#"{"id":"1","userPrincipalName":"ann@x.com","mail":"ann@x.com"}"#;
        let renamed = r#"{"id":"1","userPrincipalName":"new@x.com","mail":"new@x.com"}"#;
        let bob = r#"{"id":"0","userPrincipalName":"bob@x.com","mail":"bob@x.com"}"#;
        let removed = r#"{"id":"1","@removed":{"reason":"changed"}}"#;

        let twice = snapshot(&[ann, bob, renamed, bob]);
        let gone = snapshot(&[ann, bob, removed]);
        let back = snapshot(&[removed, bob, ann]);

        assert_eq!(twice.lines().count(), 3, "{twice}");
        assert!(twice.contains("new@x.com") && !twice.contains("ann@x.com"));
        assert!(!gone.contains("ann@x.com") && gone.contains("bob@x.com"));
        assert!(back.contains("ann@x.com"));
    }
}
