use std::io::{self, BufReader};

use chatkeep_model::{Content, Conversation, ItemId};
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::{CapturedFile, Quarantined};
use chatkeep_staging::{BlobKind, Spool, Staging};

use super::{Record, cursor};
use crate::{
    eml::{Damage, Eml, Envelope, Files, Limits, Mail, ReadError, StoredFile},
    folder::{HashedFile, Reading, file_name, read_settled},
    list::ListedFile,
    quarantine::{commit, keep_original, quarantined},
    work::Work,
};

/// What a file came to.
pub(super) enum FileOutcome {
    /// The bytes that were captured before, touched since: the cursor moves, nothing else.
    Unchanged(CapturedFile),
    /// Gone, or being written: left for the next run.
    Unsettled,
    /// Outside the window: stays uncaptured.
    Outside,
    /// Left out by the rule of this name.
    Excluded(String, CapturedFile),
    Quarantined(Quarantined, CapturedFile),
    Record(Box<Record>),
}

/// Reads files of an export.
pub(super) struct Transcripts {
    work: Work,
    files: StagingFiles,
}

/// What the bytes of a file inside the window are, before anything else is known about it.
enum Parsed {
    Excluded(String),
    Damaged(Damage),
    Whole(Box<Eml>),
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("read source file")]
    File(#[source] io::Error),
    #[error("read source file")]
    Mail(#[source] ReadError),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Transcripts {
    pub(super) fn new(work: Work) -> Self {
        let files = StagingFiles(work.staging.clone());
        Self { work, files }
    }

    /// Reads files one after the other. Blocks.
    pub(super) fn read_all(mut self, files: &[ListedFile]) -> Result<Vec<FileOutcome>, StageError> {
        files.iter().map(|file| self.read(file)).collect()
    }

    fn read(&mut self, file: &ListedFile) -> Result<FileOutcome, StageError> {
        let path = self.work.path_of(&file.path);
        // Who still writes a file after its quiet time gets the next run.
        let expected = self.work.run.run.scheduled.then(|| file.stamp());
        let reading = read_settled(&path, expected, |stamp| {
            let mut reader = HashedFile::open(&path, stamp.size)?;
            let parsed = self
                .parse(&mut reader, &file.path)
                .map_err(Unreadable::Mail)?;
            let Some(parsed) = parsed else {
                return Ok(None);
            };
            let sha256 = HashedFile::finish(reader)?;
            Ok::<_, Unreadable>(Some((parsed, cursor(file, stamp, sha256), sha256)))
        });
        match reading.or_retry("read source file")? {
            Reading::Settled(Some((parsed, row, sha256)), _) => {
                self.judge(file, parsed, row, sha256)
            }
            Reading::Settled(None, _) => Ok(FileOutcome::Outside),
            Reading::Unsettled => Ok(FileOutcome::Unsettled),
        }
    }

    /// `None` for a file outside the window: its rest is not read.
    fn parse(
        &mut self,
        reader: &mut BufReader<HashedFile>,
        path: &str,
    ) -> Result<Option<Parsed>, ReadError> {
        let mail = match Mail::open(reader, file_name(path))? {
            Ok(mail) => mail,
            Err(damage) => return Ok(Some(Parsed::Damaged(damage))),
        };
        if !self.work.wants(mail.envelope.start) {
            return Ok(None);
        }
        let rule = self.work.rules.of_conversation(&mail.envelope.participants);
        if let Some(rule) = rule.map(str::to_owned) {
            return Ok(Some(Parsed::Excluded(rule)));
        }
        let body = mail.read_body(Limits::default(), &mut self.files)?;
        let whole = |eml| Parsed::Whole(Box::new(eml));
        Ok(Some(body.map_or_else(Parsed::Damaged, whole)))
    }

    fn judge(
        &self,
        file: &ListedFile,
        parsed: Parsed,
        row: CapturedFile,
        sha256: [u8; 32],
    ) -> Result<FileOutcome, StageError> {
        if file.is_known_as(&sha256) {
            return Ok(FileOutcome::Unchanged(row));
        }
        Ok(match parsed {
            Parsed::Excluded(rule) => FileOutcome::Excluded(rule, row),
            Parsed::Damaged(damage) => match keep_original(&self.work, &file.path, &sha256)? {
                Some(original) => {
                    let quarantined = quarantined(&file.path, damage.reason(), original);
                    FileOutcome::Quarantined(quarantined, row)
                }
                None => FileOutcome::Unsettled,
            },
            Parsed::Whole(eml) => FileOutcome::Record(Box::new(self.record(file, *eml, row))),
        })
    }

    fn record(&self, listed: &ListedFile, eml: Eml, file: CapturedFile) -> Record {
        let conversation = conversation(&self.work.task.connector, eml, listed.known_item());
        Record {
            id: conversation.records[0],
            file,
            conversation,
        }
    }
}

/// What a file of an export is: one record, one conversation.
pub(crate) fn conversation(connector: &str, eml: Eml, supersedes: Option<ItemId>) -> Conversation {
    let id = eml.record_id();
    let Envelope {
        kind,
        key,
        participants,
        subject,
        start,
        ..
    } = eml.envelope;
    Conversation {
        id: ItemId::of(connector, &key, &[id]),
        kind,
        thread: key.thread(),
        key,
        subject,
        participants,
        start,
        end: start,
        content: Content::Transcript(eml.transcript),
        attachments: eml.attachments,
        records: vec![id],
        supersedes,
    }
}

/// Attachments go straight into staging.
struct StagingFiles(Staging);

impl Files for StagingFiles {
    type File = Spool;

    fn create(&mut self) -> io::Result<Spool> {
        self.0.spool().map_err(io::Error::other)
    }

    fn store(&mut self, spool: Spool) -> io::Result<StoredFile> {
        let blob = commit(&self.0, BlobKind::Attachment, spool).map_err(io::Error::other)?;
        let sha256 = blob.sha256.as_ref().try_into().map_err(io::Error::other)?;
        Ok(StoredFile {
            key: blob.key,
            sha256,
            size: blob.size,
        })
    }
}
