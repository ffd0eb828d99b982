//! Tasks that cannot be done: split in halves, down to the one entry that is at fault.

use std::io::BufReader;

use chatkeep_model::Conversation;
use chatkeep_proto::v1::{Blob, NewTask, Quarantined, RunState, TaskKind};
use chatkeep_staging::{BlobReader, FrameError, FrameReader, ItemIndex};
use serde::{Deserialize, de::IgnoredAny};
use sqlx::AnyConnection;

use super::{
    Ledger, capture, import, run,
    task::{self, Family, TaskRow, TaskState},
};
use crate::{
    database::Columns as _,
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
            Some(input) if task.count == 0 => self.entries(input).await?,
            _ => 0,
        };
        let (first, end) = task.range(total);
        if end - first > 1 {
            return Ok(Failure::Split { first, end });
        }
        Ok(Failure::Quarantine(self.entry(task).await?))
    }

    /// How many entries a blob has.
    async fn entries(&self, input: &Blob) -> Result<i64, LedgerError> {
        let Some(reader) = self.input(input).await? else {
            return Ok(0);
        };
        let count = tokio::task::spawn_blocking(move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            let mut count = 0;
            loop {
                match known(frames.next::<IgnoredAny>())? {
                    Some(Some(IgnoredAny)) => count += 1,
                    // A damaged blob ends where it is damaged: what lies behind fails with the last half.
                    _ => return Ok(count),
                }
            }
        });
        count.await.unwrap_or(Ok(0))
    }

    /// What is known about the only entry of a task; little, when its input is damaged.
    async fn entry(&self, task: &TaskRow) -> Result<Entry, LedgerError> {
        let unknown = || Entry {
            source: format!("entry {} of a damaged input", task.first),
            records: 1,
            item: None,
        };
        let Some(input) = &task.input else {
            return Ok(unknown());
        };
        let Some(reader) = self.input(input).await? else {
            return Ok(unknown());
        };
        let (kind, first) = (task.kind, task::narrow(task.first));
        let entry = tokio::task::spawn_blocking(move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            let skipped = frames.skip(first);
            known(skipped.and_then(|()| read_entry(kind, &mut frames)))
        });
        let entry = entry.await.unwrap_or(Ok(None))?;
        Ok(entry.flatten().unwrap_or_else(unknown))
    }

    /// Opens a task's input; `None` when it is damaged.
    async fn input(&self, input: &Blob) -> Result<Option<BlobReader>, LedgerError> {
        match self.staging.open(input).await {
            Ok(reader) => Ok(Some(reader)),
            Err(source) if source.is_outage() => Err(LedgerError::Staging {
                action: "open input",
                source,
            }),
            Err(_) => Ok(None),
        }
    }

    pub(super) async fn give_up(
        &self,
        conn: &mut AnyConnection,
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

/// What was read; `None` where the input is damaged. While staging is down nobody knows, and nothing may
/// be given up for lost.
fn known<T>(read: Result<T, FrameError>) -> Result<Option<T>, LedgerError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(source) if source.is_outage() => Err(LedgerError::Frames {
            action: "read input",
            source,
        }),
        Err(_) => Ok(None),
    }
}

fn read_entry<R: std::io::Read>(
    kind: TaskKind,
    frames: &mut FrameReader<R>,
) -> Result<Option<Entry>, FrameError> {
    match kind {
        TaskKind::Capture => {
            let listed: Option<Listed> = frames.next()?;
            // Nobody could read it, so nobody could count: a file is one record.
            Ok(listed.map(|listed| Entry {
                source: listed.path,
                records: 1,
                item: None,
            }))
        }
        TaskKind::Convert => {
            let conversation: Option<Conversation> = frames.next()?;
            Ok(conversation.map(|conversation| Entry {
                source: conversation.id.to_string(),
                records: conversation.records.len() as u64,
                item: None,
            }))
        }
        _ => {
            let index: Option<ItemIndex> = frames.next()?;
            Ok(index.map(|index| Entry {
                source: index.id.to_string(),
                records: 0,
                item: Some(index.id.as_bytes().to_vec()),
            }))
        }
    }
}

async fn split(
    conn: &mut AnyConnection,
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
    conn: &mut AnyConnection,
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
async fn lose_item(
    conn: &mut AnyConnection,
    task: &TaskRow,
    item: &[u8],
) -> Result<u64, LedgerError> {
    let query = sqlx::query(
        "UPDATE items SET lost = 1 WHERE id >= $1 AND id < $2 AND hash = $3 AND lost = 0 \
         RETURNING records",
    );
    let query = query
        .bind(task.items.0)
        .bind(task.items.0 + task.items.1)
        .bind(item);
    let row = query.fetch_optional(conn).await.during("quarantine item")?;
    row.map_or(Ok(0), |row| row.count(0))
        .during("quarantine item")
}
