use std::{fs, io, path::PathBuf};

use crate::StagingError;

/// Temporary files that lay in the folder at one moment. Those of a process that was killed stay for ever
/// unless they are removed.
#[derive(Debug)]
#[must_use]
pub struct Leftovers(pub(crate) Vec<PathBuf>);

impl Leftovers {
    /// Removes those that are still there. Only for who knows that whoever wrote them has ended: it would
    /// take away what that one is writing.
    pub fn remove(self) -> Result<(), StagingError> {
        for path in self.0 {
            match fs::remove_file(path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StagingError::Open { source });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
