use chatkeep_model::Conversation;
use chatkeep_pipeline::{ResultExt as _, StageError, crash_point};
use chatkeep_proto::v1::{NewTask, TaskKind};
use chatkeep_staging::{BlobKind, FrameWriter};

use crate::{quarantine::commit, work::Work};

/// Stores whole conversations as one batch blob and returns the task that renders them. Blocks.
pub(crate) fn store(work: &Work, conversations: &[Conversation]) -> Result<NewTask, StageError> {
    let spool = work.staging.spool().or_retry("store batch")?;
    let mut frames = FrameWriter::new(spool);
    for conversation in conversations {
        frames.push(conversation).or_retry("store batch")?;
    }
    let blob = commit(&work.staging, BlobKind::Batch, frames.into_inner());
    let blob = blob.or_retry("store batch")?;
    crash_point("staged");
    Ok(NewTask {
        kind: TaskKind::Convert.into(),
        input: Some(blob),
        first: 0,
        count: u32::try_from(conversations.len()).unwrap_or(0),
        source: work.task.source,
        shard: 0,
    })
}
