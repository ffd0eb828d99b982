//! The stage: a batch of conversations becomes items.

use std::{io, sync::Arc};

use bytes::Bytes;
use chatkeep_model::{Attachment, RecordId, connector::Connector};
use chatkeep_pipeline::{
    Completion, LedgerClient, ResultExt as _, Runs, Stage, StageError, crash_point,
};
use chatkeep_proto::v1::{Blob, Converted, NewTask, Quarantined, Task, TaskKind, complete_request};
use chatkeep_staging::{BlobKind, Staging};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use tokio::runtime::Handle;

use crate::{
    Sanitizer,
    batch::{self, Batch, Converting},
    item::{Files, RenderOptions},
};

/// Renders batches of conversations.
#[derive(Debug)]
pub struct Conversion {
    staging: Staging,
    runs: Runs,
    sanitizer: Arc<Sanitizer>,
}

impl Conversion {
    /// Reads and writes this staging, asks this ledger about runs.
    pub fn new(staging: Staging, ledger: LedgerClient) -> Self {
        Self {
            staging,
            runs: Runs::new(ledger),
            sanitizer: Arc::new(Sanitizer::new()),
        }
    }

    async fn convert(&self, task: &Task, options: RenderOptions) -> Result<Batch, StageError> {
        let input = task
            .input
            .clone()
            .ok_or("task has no input")
            .or_reject("read task")?;
        let frames = self.staging.get(&input).await.or_retry("load batch")?;
        let sink = self.staging.spool().or_retry("open items spool")?;
        let files = StagedFiles {
            staging: self.staging.clone(),
            runtime: Handle::current(),
        };
        let (first, count) = (task.first, task.count);
        let sanitizer = Arc::clone(&self.sanitizer);
        let work = move || {
            let converting = Converting {
                options: &options,
                sanitizer: &sanitizer,
                files: &files,
            };
            converting.range(&frames, first, count, sink)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(rendered) => batch::judge(rendered),
            Err(join) => match join.try_into_panic() {
                // The worker sees the panic of a renderer as its own.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(cancelled).or_retry("render batch"),
            },
        }
    }

    /// Stores items, index and what could not be rendered.
    async fn store(&self, batch: Batch) -> Result<Completion, StageError> {
        let mut quarantined = Vec::with_capacity(batch.quarantined.len());
        for unrenderable in batch.quarantined {
            let original = self.put(BlobKind::Quarantine, unrenderable.frame).await?;
            quarantined.push(Quarantined {
                source: unrenderable.item.to_string(),
                reason: unrenderable.reason.to_string(),
                records: unrenderable.records.len() as u64,
                original: Some(original),
                claimed: bytes_of(&unrenderable.records),
                day: unrenderable.day.0,
            });
        }
        let entries = u32::try_from(batch.items.len()).or_reject("count items")?;
        let mut next = None;
        let mut blob = None;
        if entries > 0 {
            let items = self.staging.commit(BlobKind::Items, batch.sink).await;
            blob = Some(items.or_retry("store items")?);
            next = Some(NewTask {
                kind: TaskKind::Plan.into(),
                input: Some(self.put(BlobKind::Index, batch.index).await?),
                count: entries,
                ..NewTask::default()
            });
        }
        let converted = Converted {
            blob,
            items: batch.items,
            quarantined,
        };
        crash_point("converted");
        Ok(Completion::new(complete_request::Result::Converted(converted)).then_all(next))
    }

    async fn put(&self, kind: BlobKind, bytes: impl Into<Bytes>) -> Result<Blob, StageError> {
        self.staging.put(kind, bytes).await.or_retry("store blob")
    }
}

impl Stage for Conversion {
    const QUEUE: &'static str = "conversion";

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        let context = self.runs.get(task.run).await?;
        let run = &context.run;
        let options = options(
            run.connector.clone(),
            run.max_part_bytes,
            &context.connector,
        )?;
        let batch = self.convert(&task, options).await?;
        self.store(batch).await
    }
}

fn bytes_of(records: &[RecordId]) -> Vec<Bytes> {
    let records = records.iter();
    records
        .map(|record| Bytes::copy_from_slice(record.as_bytes()))
        .collect()
}

/// How the items of the connector with this id are rendered.
pub(crate) fn options(
    id: String,
    max_part_bytes: u64,
    connector: &Connector,
) -> Result<RenderOptions, StageError> {
    Ok(RenderOptions {
        connector: id,
        domain: connector.domain.to_lowercase(),
        time_zone: zone(&connector.item.time_zone).or_reject("find time zone")?,
        json_record: connector.item.json_record,
        max_part_bytes,
    })
}

/// From the zones in the program: those of the machine differ from one to the next, and items must not.
fn zone(name: &str) -> Result<TimeZone, jiff::Error> {
    if name.eq_ignore_ascii_case("UTC") {
        return Ok(TimeZone::UTC);
    }
    TimeZoneDatabase::bundled().get(name)
}

/// Attachments in staging, read by blocking threads.
pub(crate) struct StagedFiles {
    pub(crate) staging: Staging,
    pub(crate) runtime: Handle,
}

impl Files for StagedFiles {
    fn open(&self, attachment: &Attachment) -> io::Result<Box<dyn io::Read + '_>> {
        let blob = Blob {
            key: attachment.key.clone(),
            sha256: attachment.sha256.to_vec().into(),
            size: attachment.size,
        };
        let reader = self.runtime.block_on(self.staging.open(&blob));
        Ok(Box::new(reader.map_err(io::Error::other)?))
    }
}
