//! The stage: takes snapshots, plans items, resolves what was held.

use std::io::BufReader;

use chatkeep_pipeline::{
    Completion, LedgerClient, ResultExt as _, RunContext, Runs, Stage, StageError, crash_point,
};
use chatkeep_proto::v1::{
    HeldRequest, NewTask, PlanRow, Planned, Resolved, Task, TaskKind,
    complete_request::Result as TaskResult,
};
use chatkeep_staging::{FrameReader, Staging};
use tokio_util::sync::CancellationToken;

use crate::{
    plan::{self, MOST_ROWS, Plan},
    resolve::Resolver,
    snapshots::Snapshots,
    tables::Tables,
};

/// Held rows asked for at a time.
const PAGE: u32 = 1_000;

/// Finds the mailboxes of a run's participants.
pub(crate) struct Mapping {
    runs: Runs,
    ledger: LedgerClient,
    staging: Staging,
    snapshots: Snapshots,
    shutdown: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
enum TaskError {
    #[error("not a task for mapping")]
    Kind,
    #[error("task has no input")]
    Input,
}

impl Mapping {
    /// A refresh of a tenant's users is left to the next process when `shutdown` comes.
    pub(crate) fn new(ledger: LedgerClient, staging: Staging, shutdown: CancellationToken) -> Self {
        Self {
            runs: Runs::new(ledger.clone()),
            ledger,
            snapshots: Snapshots::new(staging.clone()),
            staging,
            shutdown,
        }
    }
}

impl Stage for Mapping {
    const QUEUE: &'static str = "mapping";

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        let context = self.runs.of_task(&task).await?;
        match task.kind() {
            TaskKind::Refresh => self.refresh(&context).await,
            TaskKind::Plan => self.plan(&context, task).await,
            TaskKind::Resolve => self.resolve(&context, task).await,
            _ => Err(TaskError::Kind).or_reject("take task"),
        }
    }
}

impl Mapping {
    /// Stores directory and custom mapping as they are now. The run pins what the first completed
    /// attempt saw.
    async fn refresh(&self, context: &RunContext) -> Result<Completion, StageError> {
        let mirror = context.run.mirror.as_ref();
        let (connector, staging) = (&context.connector, &self.staging);
        let refreshed = Tables::refresh(connector, mirror, staging, &self.shutdown).await?;
        crash_point("staged");
        Ok(Completion::new(TaskResult::Refreshed(refreshed)))
    }

    /// Plans the task's items; what would make the completion too large is left to a task of its own.
    async fn plan(&self, context: &RunContext, task: Task) -> Result<Completion, StageError> {
        let resolver = self.snapshots.resolver(context).await?;
        let input = task.input.ok_or(TaskError::Input).or_reject("find input")?;
        let reader = self.staging.open(&input).await.or_retry("open index")?;
        let (first, count) = (task.first, task.count);
        let planned = tokio::task::spawn_blocking(move || {
            let mut index = FrameReader::new(BufReader::new(reader));
            index.skip(first)?;
            plan::plan(&mut index, count, &resolver)
        });
        let Plan {
            rows,
            items,
            is_complete,
        } = planned
            .await
            .or_retry("plan items")?
            .or_retry("read index")?;
        crash_point("planned");
        let completion = Completion::new(TaskResult::Planned(Planned { rows }));
        if is_complete {
            return Ok(completion);
        }
        Ok(completion.then(NewTask {
            kind: TaskKind::Plan.into(),
            input: Some(input),
            first: first.saturating_add(items),
            count: count.saturating_sub(items),
            ..NewTask::default()
        }))
    }

    /// Returns the rows that need not be held any longer. When there are more than a completion takes,
    /// the next task starts over: what was resolved is not held any more. Its number, in the place of
    /// the shard, sets it apart.
    async fn resolve(&self, context: &RunContext, task: Task) -> Result<Completion, StageError> {
        let resolver = self.snapshots.resolver(context).await?;
        let (rows, is_complete) = self.resolve_held(&task.id, &resolver).await?;
        let completion = Completion::new(TaskResult::Resolved(Resolved { rows }));
        if is_complete {
            return Ok(completion);
        }
        Ok(completion.then(NewTask {
            kind: TaskKind::Resolve.into(),
            shard: task.shard.saturating_add(1),
            ..NewTask::default()
        }))
    }

    async fn resolve_held(
        &self,
        task: &str,
        resolver: &Resolver,
    ) -> Result<(Vec<PlanRow>, bool), StageError> {
        let mut rows = Vec::new();
        let mut after = 0;
        while rows.len() < MOST_ROWS {
            let request = HeldRequest {
                task: task.to_owned(),
                after,
                limit: PAGE,
            };
            let response = self.ledger.clone().held(request).await;
            let held = response
                .map_err(StageError::ledger("list held"))?
                .into_inner()
                .rows;
            let Some(last) = held.last() else {
                return Ok((rows, true));
            };
            after = last.row;
            let found = held
                .into_iter()
                .filter_map(|held| plan::resolved(held, resolver));
            rows.extend(found);
        }
        Ok((rows, false))
    }
}
