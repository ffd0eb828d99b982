use chatkeep_pipeline::{Completion, LedgerClient, Runs, Stage, StageError, Verdict};
use chatkeep_proto::v1::{Task, TaskKind};
use chatkeep_staging::Staging;

use crate::{
    database::{self, archiving},
    list, rooms, transcripts,
    work::Work,
};
use chatkeep_model::connector::Source;

/// Lists, captures and assembles.
pub struct Ingestion {
    staging: Staging,
    ledger: LedgerClient,
    runs: Runs,
}

impl Ingestion {
    /// Reads sources as runs of this ledger say, into this staging.
    pub fn new(staging: Staging, ledger: LedgerClient) -> Self {
        Self {
            staging,
            runs: Runs::new(ledger.clone()),
            ledger,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not a task of ingestion")]
struct NotOurs;

impl Stage for Ingestion {
    const QUEUE: &'static str = "ingestion";

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        let run = self.runs.of_task(&task).await?;
        let kind = task.kind();
        let work = Work::new(task, run, self.staging.clone(), self.ledger.clone())?;
        match (kind, work.source()) {
            (TaskKind::List, Source::ArchivingDatabase(source)) => {
                archiving::list(&work, source).await
            }
            (TaskKind::Capture, Source::ArchivingDatabase(source)) => {
                archiving::capture(&work, source).await
            }
            (TaskKind::List, Source::PersistentChatDatabase(_)) => {
                database::rooms::list(&work).await
            }
            (TaskKind::Capture, Source::PersistentChatDatabase(_)) => {
                database::rooms::capture(&work).await
            }
            (TaskKind::List, _) => list::list(&work).await,
            (TaskKind::Capture, Source::ArchivingExport(_)) => transcripts::capture(&work).await,
            (TaskKind::Capture, Source::PersistentChatXml(_)) => rooms::capture(&work).await,
            (
                TaskKind::Assemble,
                Source::PersistentChatXml(_) | Source::PersistentChatDatabase(_),
            ) => rooms::assemble(&work).await,
            _ => Err(StageError::new(
                Verdict::Reject,
                "find stage of task",
                NotOurs,
            )),
        }
    }
}
