//! Entries for coverage-guided fuzzing: whatever the bytes are, nothing panics and what is read once
//! reads as itself again.

use std::{io::Cursor, path::Path};

use crate::{custom::CustomMapping, directory::Directory, index::Index};

/// Reads bytes as a directory file.
pub fn directory(data: &[u8]) {
    let read = |bytes: Vec<u8>| Directory::read(Path::new("input"), Cursor::new(bytes));
    let Ok(first) = read(data.to_vec()) else {
        return;
    };
    let snapshot = first.to_csv();
    let again = read(snapshot.clone()).map(|directory| directory.to_csv());
    assert!(
        again.is_ok_and(|again| again == snapshot),
        "a snapshot reads as itself"
    );
    let Ok(index) = Index::of(first.users()) else {
        return;
    };
    for conflict in index.conflicts() {
        assert!(conflict.users.len() > 1, "a conflict has two sides");
    }
}

/// Reads bytes as a custom mapping file.
pub fn custom_mapping(data: &[u8]) {
    let read = |bytes: Vec<u8>| CustomMapping::read(Path::new("input"), Cursor::new(bytes));
    let Ok(first) = read(data.to_vec()) else {
        return;
    };
    let snapshot = first.to_csv();
    let again = read(snapshot.clone()).map(|mapping| mapping.to_csv());
    assert!(
        again.is_ok_and(|again| again == snapshot),
        "a snapshot reads as itself"
    );
}

/// Gives bytes out as what a directory server answers.
#[cfg(feature = "microsoft365")]
pub fn ldap(data: &[u8]) {
    crate::ldap::fuzz::answers(data);
}
