//! Files below the output folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::GenerateError;

/// Writes files, making folders as needed.
pub(crate) struct Output {
    root: PathBuf,
    made: PathBuf,
}

impl Output {
    /// Starts in a folder that holds no export yet: nothing is mixed with other files, and nothing is
    /// ever deleted.
    pub(crate) fn new(root: &Path) -> Result<Self, GenerateError> {
        let taken = ["exports", "compliance", "databases"].map(|folder| root.join(folder));
        if let Some(folder) = taken.into_iter().find(|folder| folder.exists()) {
            return Err(GenerateError::Taken { folder });
        }
        Ok(Self {
            root: root.to_owned(),
            made: PathBuf::new(),
        })
    }

    pub(crate) fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), GenerateError> {
        let path = self.root.join(path);
        let write = |source| GenerateError::Write {
            file: path.clone(),
            source,
        };
        let folder = path.parent().unwrap_or(&self.root);
        // Exports come in the order of their days, so this spares nearly every look-up.
        if self.made != folder {
            fs::create_dir_all(folder).map_err(write)?;
            self.made = folder.to_owned();
        }
        fs::write(&path, bytes).map_err(write)
    }
}
