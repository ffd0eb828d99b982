use std::{path::PathBuf, sync::Arc};

use chatkeep_model::{
    UtcTime,
    connector::{FileSource, Source},
};
use chatkeep_pipeline::{LedgerClient, ResultExt as _, RunContext, StageError, Verdict};
use chatkeep_proto::v1::Task;
use chatkeep_staging::Staging;

use crate::rules::Rules;

/// A task with everything that is needed to do it.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) task: Task,
    pub(crate) run: Arc<RunContext>,
    pub(crate) staging: Staging,
    pub(crate) ledger: LedgerClient,
    pub(crate) rules: Arc<Rules>,
}

#[derive(Debug, thiserror::Error)]
#[error("connector has no source of this position")]
struct NoSource;

#[derive(Debug, thiserror::Error)]
#[error("the source has no files")]
struct NoFiles;

impl Work {
    pub(crate) fn new(
        task: Task,
        run: Arc<RunContext>,
        staging: Staging,
        ledger: LedgerClient,
    ) -> Result<Self, StageError> {
        if run.connector.sources.len() <= task.source as usize {
            return Err(StageError::new(
                Verdict::Reject,
                "find source of task",
                NoSource,
            ));
        }
        let rules = Rules::of(&run.connector).or_reject("read exclusion rules")?;
        Ok(Self {
            task,
            run,
            staging,
            ledger,
            rules: Arc::new(rules),
        })
    }

    /// The source the task reads.
    pub(crate) fn source(&self) -> &Source {
        &self.run.connector.sources[self.task.source as usize]
    }

    /// The source's files; an error for a source that has none.
    pub(crate) fn files(&self) -> Result<&FileSource, StageError> {
        let files = self.source().files();
        files.ok_or(NoFiles).or_reject("find files of source")
    }

    /// Where a file of the source lies.
    pub(crate) fn path_of(&self, relative: &str) -> PathBuf {
        let files = self.source().files();
        files.map_or_else(PathBuf::new, |files| files.path.join(relative))
    }

    /// Whether a conversation of this time is inside the run's window and the source's own. A scheduled
    /// run takes whatever its files hold: a file that came late is of a window before.
    pub(crate) fn wants(&self, time: UtcTime) -> bool {
        let run = &self.run.run;
        let seconds = time.seconds();
        let is_inside =
            run.from.is_none_or(|from| seconds >= from) && run.to.is_none_or(|to| seconds < to);
        (is_inside || run.scheduled && !run.backfill) && self.source().contains(time)
    }
}

/// Runs blocking work on a thread made for it. Its panic is this task's panic.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StageError> + Send + 'static,
) -> Result<T, StageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StageError::new(Verdict::Wait, "run task", Stopping)),
        },
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the process is stopping")]
struct Stopping;
