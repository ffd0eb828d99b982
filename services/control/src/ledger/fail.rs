//! Tasks that cannot be done: split in halves, down to the one entry that is at fault.

use std::io::BufReader;

use chatkeep_model::Conversation;
use chatkeep_proto::v1::{Blob, NewTask, Quarantined, RunState, TaskKind};
use chatkeep_staging::{FrameReader, ItemIndex};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Ledger, capture, import, run,
    task::{self, Family, TaskRow, TaskState},
};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
};

/// What to do about a task that was given up.
#[derive(Debug)]
pub(super) enum Failure {
    /// The run cannot go on without it.
    FailRun,
    /// Its deliveries are tried again later.
    PutBack,
    /// Half its entries each.
    Split { first: i64, end: i64 },
    /// One entry is left: it is at fault.
    Quarantine(Entry),
}

/// The entry at fault.
#[derive(Debug, Default)]
pub(super) struct Entry {
    source: String,
    records: u64,
    /// The item it became before it was found at fault.
    item: Option<Vec<u8>>,
}

/// What every entry of a listing has.
#[derive(Deserialize)]
struct Listed {
    path: String,
}

impl Ledger {
    /// Finds out what giving this task up means. Reads staging, so it is done outside the transaction.
    pub(super) async fn failure(&self, task: &TaskRow) -> Result<Failure, LedgerError> {
        match task.kind {
            TaskKind::Import => return Ok(Failure::PutBack),
            TaskKind::Capture | TaskKind::Convert | TaskKind::Plan => {}
            _ => return Ok(Failure::FailRun),
        }
        let total = match &task.input {
            Some(input) if task.count == 0 => self.entries(input).await.unwrap_or(0),
            _ => 0,
        };
        let (first, end) = task.range(total);
        if end - first > 1 {
            return Ok(Failure::Split { first, end });
        }
        Ok(Failure::Quarantine(self.entry(task).await))
    }

    /// How many entries a blob has.
    async fn entries(&self, input: &Blob) -> Option<i64> {
        let reader = self.staging.open(input).await.ok()?;
        let count = tokio::task::spawn_blocking(move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            let mut count = 0;
            // A damaged blob ends where it is damaged: what lies behind fails with the last half.
            while let Ok(Some(IgnoredAny)) = frames.next::<IgnoredAny>() {
                count += 1;
            }
            count
        });
        count.await.ok()
    }

    /// What is known about the only entry of a task; little, when its input is damaged.
    async fn entry(&self, task: &TaskRow) -> Entry {
        let unknown = Entry {
            source: format!("entry {} of a damaged input", task.first),
            records: 1,
            item: None,
        };
        let Some(input) = &task.input else {
            return unknown;
        };
        let Ok(reader) = self.staging.open(input).await else {
            return unknown;
        };
        let (kind, first) = (task.kind, task::narrow(task.first));
        let entry = tokio::task::spawn_blocking(move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            frames.skip(first).ok()?;
            read_entry(kind, &mut frames)
        });
        entry.await.ok().flatten().unwrap_or(unknown)
    }

    pub(super) async fn give_up(
        &self,
        conn: &mut Connection,
        task: &TaskRow,
        failure: Failure,
        reason: &str,
    ) -> Result<(), LedgerError> {
        match failure {
            // The task stays open: it is published again when the run is resumed.
            Failure::FailRun => run::set_status(conn, task.run, RunState::Failed, reason).await,
            Failure::PutBack => import::fail(conn, task, reason, self.attempts).await,
            Failure::Split { first, end } => split(conn, task, (first, end), reason).await,
            Failure::Quarantine(entry) => bury(conn, task, entry, reason).await,
        }
    }
}

fn read_entry<R: std::io::Read>(kind: TaskKind, frames: &mut FrameReader<R>) -> Option<Entry> {
    match kind {
        TaskKind::Capture => {
            let listed: Listed = frames.next().ok()??;
            // Nobody could read it, so nobody could count: a file is one record.
            Some(Entry {
                source: listed.path,
                records: 1,
                item: None,
            })
        }
        TaskKind::Convert => {
            let conversation: Conversation = frames.next().ok()??;
            Some(Entry {
                source: conversation.id.to_string(),
                records: conversation.records.len() as u64,
                item: None,
            })
        }
        _ => {
            let index: ItemIndex = frames.next().ok()??;
            Some(Entry {
                source: index.id.to_string(),
                records: 0,
                item: Some(index.id.as_bytes().to_vec()),
            })
        }
    }
}

async fn split(
    conn: &mut Connection,
    task: &TaskRow,
    (first, end): (i64, i64),
    reason: &str,
) -> Result<(), LedgerError> {
    let middle = first + (end - first) / 2;
    let half = |first: i64, end: i64| NewTask {
        kind: task.kind.into(),
        input: task.input.clone(),
        first: task::narrow(first),
        count: task::narrow(end - first),
        source: task::narrow(task.source),
        shard: task::narrow(task.shard),
    };
    let family = Family {
        run: task.run,
        parent: task.key,
        origin: task.origin,
        items: task.items,
    };
    task::add(conn, family, &[half(first, middle), half(middle, end)]).await?;
    task::finish(conn, task.key, TaskState::Split, 0, reason).await
}

async fn bury(
    conn: &mut Connection,
    task: &TaskRow,
    entry: Entry,
    reason: &str,
) -> Result<(), LedgerError> {
    let mut records = entry.records;
    if let Some(item) = &entry.item {
        records = lose_item(conn, task, item).await?;
    }
    let quarantined = Quarantined {
        source: entry.source,
        reason: reason.to_owned(),
        records,
        original: task.input.clone(),
    };
    capture::quarantine(conn, task, &[quarantined]).await?;
    // What a capture could not read was read in the sense of the equation.
    let read = if task.kind == TaskKind::Capture {
        capture::signed(records)
    } else {
        0
    };
    task::finish(conn, task.key, TaskState::Buried, read, reason).await
}

/// Takes an item that cannot be planned out of the rendered ones. Returns its records.
async fn lose_item(conn: &mut Connection, task: &TaskRow, item: &[u8]) -> Result<u64, LedgerError> {
    let statement = query(
        "UPDATE items SET lost = 1 WHERE id >= $1 AND id < $2 AND hash = $3 AND lost = 0 \
         RETURNING records",
    );
    let statement = statement
        .bind(task.items.0)
        .bind(task.items.0 + task.items.1)
        .bind(item);
    let row = statement
        .fetch_optional(conn)
        .await
        .during("quarantine item")?;
    row.map_or(Ok(0), |row| row.count(0))
        .during("quarantine item")
}
