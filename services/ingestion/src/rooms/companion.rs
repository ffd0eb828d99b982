use std::fs::File;

use chatkeep_model::{Attachment, What};
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_staging::BlobKind;

use super::{manifest::Manifest, record::Sighting};
use crate::{list::ListedFile, quarantine::commit, work::Work};

/// Finds the files of FILEUPLOAD events: those that lie beside the compliance file under the stored
/// name. Their bytes go with the conversation; without them the event alone does.
pub(super) struct Companions<'a> {
    work: &'a Work,
    files: &'a [ListedFile],
    /// The manifest of the file that was asked for last: events of one file come close together.
    manifest: Option<(u32, Manifest)>,
}

impl<'a> Companions<'a> {
    pub(super) fn new(work: &'a Work, files: &'a [ListedFile]) -> Self {
        Self {
            work,
            files,
            manifest: None,
        }
    }

    /// The file that the event put into the room, stored in staging. Blocks.
    pub(super) fn attachment(
        &mut self,
        sighting: &Sighting,
    ) -> Result<Option<Attachment>, StageError> {
        let What::FileUploaded(stored) = &sighting.record.what else {
            return Ok(None);
        };
        let stored = stored.trim();
        let Some(listed) = self.files.get(sighting.file as usize) else {
            return Ok(None);
        };
        if !is_stored_name(stored) {
            return Ok(None);
        }
        let folder = listed
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let path = self.work.path_of(folder).join(stored);
        let is_file = path
            .symlink_metadata()
            .is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Ok(None);
        }
        let mut file = File::open(&path).or_retry("read attached file")?;
        let mut spool = self.work.staging.spool().or_retry("store attached file")?;
        std::io::copy(&mut file, &mut spool).or_retry("store attached file")?;
        let stored_blob = commit(&self.work.staging, BlobKind::Attachment, spool);
        let blob = stored_blob.or_retry("store attached file")?;
        let name = self
            .manifest(sighting.file, &listed.path)
            .original_name(stored);
        Ok(Some(Attachment {
            name: name.unwrap_or_else(|| stored.to_owned()),
            media_type: "application/octet-stream".to_owned(),
            key: blob.key,
            sha256: blob
                .sha256
                .as_ref()
                .try_into()
                .or_reject("store attached file")?,
            size: blob.size,
        }))
    }

    fn manifest(&mut self, file: u32, path: &str) -> &Manifest {
        let known = self.manifest.take().filter(|(known, _)| *known == file);
        let manifest = known.unwrap_or_else(|| (file, Manifest::beside(&self.work.path_of(path))));
        &self.manifest.insert(manifest).1
    }
}

/// True for a name under which Persistent Chat stores a file: a GUID, with or without an extension.
pub(super) fn is_stored_name(name: &str) -> bool {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let is_dash = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    let fits = |(index, byte): (usize, u8)| {
        if is_dash(index) {
            byte == b'-'
        } else {
            byte.is_ascii_hexdigit()
        }
    };
    let has_separator = name.contains(['/', '\\', '\0']);
    stem.len() == 36 && !has_separator && stem.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_guids_are_looked_for() {
        assert!(is_stored_name("0988239a-bb66-4616-90a4-b07771a2097c.txt"));
        assert!(is_stored_name("0988239A-BB66-4616-90A4-B07771A2097C"));
        assert!(!is_stored_name(
            "0988239a-bb66-4616-90a4-b07771a2097c./../x"
        ));
        assert!(!is_stored_name("notes.txt"));
        assert!(!is_stored_name("../0988239a-bb66-4616-90a4-b07771a2097c"));
    }
}
