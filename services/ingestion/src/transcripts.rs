//! CAPTURE of `archiving-export`: one file is one record is one conversation.

mod claim;
mod read;

use std::collections::HashSet;

use chatkeep_model::{Conversation, RecordId};
use chatkeep_pipeline::{Completion, StageError};
use chatkeep_proto::v1::{
    Captured, CapturedFile, NewTask, Quarantined, complete_request::Result as Outcome,
};

pub(crate) use self::read::conversation;
use self::{
    claim::{Claimed, claim},
    read::{FileOutcome, Transcripts},
};
use crate::{
    batch,
    folder::{Role, Stamp, extension, log_unsettled},
    list::{ListedFile, load},
    rules::ExcludedCounts,
    work::{Work, blocking},
};

/// `.eml` files are records, nothing else is ours.
pub(crate) fn role(name: &str) -> Role {
    match extension(name).as_deref() {
        Some("eml") => Role::Records,
        _ => Role::Foreign,
    }
}

/// A file that is a whole conversation and not known yet.
pub(crate) struct Record {
    id: RecordId,
    file: CapturedFile,
    conversation: Conversation,
}

/// Reads the listed files, claims what they hold, and stores the conversations as one batch.
pub(crate) async fn capture(work: &Work) -> Result<Completion, StageError> {
    let files = load::<ListedFile>(&work.staging, &work.task).await?;
    let reader = Transcripts::new(work.clone());
    let outcomes = blocking(move || reader.read_all(&files)).await?;

    let mut tally = Tally::default();
    let records = tally.sort((work.task.first..).zip(outcomes));
    let claimed = claim(work, records).await?;
    let conversations = tally.settle(claimed);
    tally.captured.kept = conversations.len() as u64;

    let next = store(work, conversations).await?;
    Ok(Completion::new(Outcome::Captured(tally.into_message())).then_all(next))
}

async fn store(
    work: &Work,
    conversations: Vec<Conversation>,
) -> Result<Option<NewTask>, StageError> {
    if conversations.is_empty() {
        return Ok(None);
    }
    let work = work.clone();
    blocking(move || batch::store(&work, &conversations).map(Some)).await
}

/// What the files of a task came to.
#[derive(Default)]
struct Tally {
    captured: Captured,
    excluded: ExcludedCounts,
    seen: HashSet<RecordId>,
}

impl Tally {
    /// Counts what is decided already and returns the records that are to be claimed, with the entries
    /// that hold them.
    fn sort(&mut self, outcomes: impl Iterator<Item = (u32, FileOutcome)>) -> Vec<(u32, Record)> {
        let mut records = Vec::new();
        for (entry, outcome) in outcomes {
            match outcome {
                FileOutcome::Unchanged(file) => self.captured.files.push(file),
                FileOutcome::Unsettled => log_unsettled(),
                FileOutcome::Outside => self.captured.outside += 1,
                FileOutcome::Excluded(rule, file) => {
                    self.captured.records_read += 1;
                    self.excluded.add(&rule);
                    self.captured.files.push(file);
                }
                FileOutcome::Quarantined(quarantined, file) => self.quarantine(quarantined, file),
                FileOutcome::Record(record) => {
                    self.captured.records_read += 1;
                    if self.seen.insert(record.id) {
                        records.push((entry, *record));
                    } else {
                        self.duplicate(*record);
                    }
                }
            }
        }
        records
    }

    fn settle(&mut self, claimed: Vec<Claimed>) -> Vec<Conversation> {
        let mut conversations = Vec::new();
        for claimed in claimed {
            match claimed {
                Claimed::Duplicate(record) => self.duplicate(*record),
                Claimed::Ours(record) => {
                    let mut file = record.file;
                    file.item = Some(record.conversation.id.as_bytes().to_vec().into());
                    self.captured.files.push(file);
                    conversations.push(record.conversation);
                }
            }
        }
        conversations
    }

    /// The file's cursor moves; it keeps the item it became before, if any.
    fn duplicate(&mut self, record: Record) {
        let id = record.id.as_bytes().to_vec();
        self.captured.duplicates.push(id.into());
        self.captured.files.push(record.file);
    }

    fn quarantine(&mut self, quarantined: Quarantined, file: CapturedFile) {
        self.captured.records_read += 1;
        self.captured.quarantined.push(quarantined);
        self.captured.files.push(file);
    }

    fn into_message(mut self) -> Captured {
        self.captured.excluded = self.excluded.into_messages();
        self.captured
            .files
            .sort_by(|one, other| one.path.cmp(&other.path));
        self.captured
    }
}

/// The cursor's row for a file as it was read.
fn cursor(file: &ListedFile, stamp: Stamp, sha256: [u8; 32]) -> CapturedFile {
    let known = file.known_item();
    CapturedFile {
        path: file.path.clone(),
        size: stamp.size,
        modified: stamp.modified,
        sha256: sha256.to_vec().into(),
        item: known.map(|item| item.as_bytes().to_vec().into()),
    }
}
