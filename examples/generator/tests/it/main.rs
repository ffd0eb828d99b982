//! What the generator writes, read back with other readers than the pipeline's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod databases;
mod measured;
mod sample;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chatkeep_generator::{Expected, Options, generate};

/// A sample in a temporary folder.
struct Sample {
    folder: tempfile::TempDir,
    expected: Expected,
}

impl Sample {
    fn of(options: &Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let expected = generate(options, folder.path()).unwrap();
        Self { folder, expected }
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(self.folder.path())
    }

    fn with_extension(&self, extension: &str) -> Vec<Vec<u8>> {
        let files = self.files().into_iter();
        let files = files.filter(|(path, _)| path.extension().is_some_and(|it| it == extension));
        files.map(|(_, bytes)| bytes).collect()
    }
}

/// Every file below a folder, by its relative path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(root).unwrap().to_owned();
                found.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    found
}
