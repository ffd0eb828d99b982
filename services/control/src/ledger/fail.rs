//! Tasks that cannot be done: split in halves, down to the one entry that is at fault.

use std::io::BufReader;

use chatkeep_model::{Conversation, ItemId};
use chatkeep_proto::v1::{Blob, Quarantined, RunState, TaskKind};
use chatkeep_staging::{BlobReader, FrameError, FrameReader, ItemIndex};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Ledger, capture, import, parse, run,
    task::{self, Family, TaskRow, TaskState},
};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError, read_aside},
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
    quarantined: Quarantined,
    /// The item it became before it was found at fault.
    item: Option<Vec<u8>>,
}

impl Entry {
    /// A conversation: its records were claimed when it was captured.
    fn of(conversation: &Conversation) -> Self {
        let records = conversation.records.iter();
        let quarantined = Quarantined {
            source: conversation.id.to_string(),
            records: conversation.records.len() as u64,
            claimed: records.map(|id| id.as_bytes().to_vec().into()).collect(),
            day: conversation.start.day().0,
            ..Quarantined::default()
        };
        Self {
            quarantined,
            item: None,
        }
    }

    /// What is known of its records.
    pub(super) fn into_quarantined(self) -> Quarantined {
        self.quarantined
    }

    /// Nobody could read it, so nobody could count: it is one record.
    fn unread(source: String) -> Self {
        let quarantined = Quarantined {
            source,
            records: 1,
            ..Quarantined::default()
        };
        Self {
            quarantined,
            item: None,
        }
    }
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
            // No entry of a database is at fault: what it holds would be passed over.
            TaskKind::Capture if self.reads_database(task).await? => return Ok(Failure::FailRun),
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

    /// True when the task reads a database.
    async fn reads_database(&self, task: &TaskRow) -> Result<bool, LedgerError> {
        let mut conn = self.database.read().await?;
        let run = run::find(&mut conn, task.run).await?;
        let sources = parse(&run.file)?.sources;
        let source = sources.get(task::narrow(task.source) as usize);
        Ok(source.is_some_and(|source| source.database().is_some()))
    }

    /// How many entries a blob has.
    async fn entries(&self, input: &Blob) -> Result<i64, LedgerError> {
        let Some(reader) = self.input(input).await? else {
            return Ok(0);
        };
        let count = read_aside(move || {
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
        count.await
    }

    /// What is known about the only entry of a task; little, when its input is damaged.
    pub(super) async fn entry(&self, task: &TaskRow) -> Result<Entry, LedgerError> {
        let unknown = || Entry::unread(format!("entry {} of a damaged input", task.first));
        let Some(input) = &task.input else {
            return Ok(unknown());
        };
        let Some(reader) = self.input(input).await? else {
            return Ok(unknown());
        };
        let (kind, first) = (task.kind, task::narrow(task.first));
        let entry = read_aside(move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            let skipped = frames.skip(first);
            known(skipped.and_then(|()| read_entry(kind, &mut frames)))
        });
        let entry = entry.await?;
        let mut entry = entry.flatten().unwrap_or_else(unknown);
        if let Some(item) = &entry.item
            && let Some(conversation) = self.conversation(task, item).await?
        {
            entry.quarantined = Entry::of(&conversation).quarantined;
        }
        Ok(entry)
    }

    /// The conversation that became an item of a PLAN task; `None` when its batch is damaged.
    async fn conversation(
        &self,
        task: &TaskRow,
        item: &[u8],
    ) -> Result<Option<Conversation>, LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query("SELECT input FROM batches WHERE first = $1 AND items = $2");
        let statement = statement.bind(task.items.0).bind(task.items.1);
        let row = statement.fetch_optional(&mut conn).await;
        let input = row
            .during("find batch")?
            .map(|row| row.bytes(0))
            .transpose();
        let input = input.during("find batch")?;
        let input = input.and_then(|input| run::decode_blob(&input));
        let (Some(input), Some(item)) = (input, ItemId::from_slice(item)) else {
            return Ok(None);
        };
        let Some(reader) = self.input(&input).await? else {
            return Ok(None);
        };
        let find = read_aside(move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            loop {
                match known(frames.next::<Conversation>())?.flatten() {
                    Some(conversation) if conversation.id != item => {}
                    found => return Ok(found),
                }
            }
        });
        find.await
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
        conn: &mut Connection,
        task: &TaskRow,
        failure: Failure,
        reason: &str,
    ) -> Result<(), LedgerError> {
        match failure {
            // The task stays open: it is published again when the run is resumed.
            Failure::FailRun => {
                run::set_status(conn, task.run, RunState::Failed, reason).await?;
                self.report_stop(conn, task.run, reason).await
            }
            Failure::PutBack => import::fail(conn, task, reason, self.limits.attempts).await,
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
            Ok(listed.map(|listed| Entry::unread(listed.path)))
        }
        TaskKind::Convert => {
            let conversation: Option<Conversation> = frames.next()?;
            Ok(conversation.map(|conversation| Entry::of(&conversation)))
        }
        _ => {
            let index: Option<ItemIndex> = frames.next()?;
            Ok(index.map(|index| Entry {
                item: Some(index.id.as_bytes().to_vec()),
                ..Entry::unread(index.id.to_string())
            }))
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
    let family = Family {
        parent: task.key,
        items: task.items,
        ..Family::of_run(task.run, task.connector)
    };
    let halves = [
        task.part(first, middle - first),
        task.part(middle, end - middle),
    ];
    task::add(conn, family, &halves).await?;
    task::finish(conn, task.key, TaskState::Split, 0, reason).await
}

async fn bury(
    conn: &mut Connection,
    task: &TaskRow,
    entry: Entry,
    reason: &str,
) -> Result<(), LedgerError> {
    let mut records = entry.quarantined.records;
    if let Some(item) = &entry.item {
        records = lose_item(conn, task, item).await?;
    }
    let quarantined = Quarantined {
        reason: reason.to_owned(),
        records,
        original: task.input.clone(),
        ..entry.quarantined
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

/// Takes an item that cannot be planned out of the rendered ones, and gives up its hash: its records may
/// become an item again. Returns its records.
async fn lose_item(conn: &mut Connection, task: &TaskRow, item: &[u8]) -> Result<u64, LedgerError> {
    let find = "SELECT id, records FROM items WHERE id >= $1 AND id < $2 AND hash = $3";
    let statement = query(find)
        .bind(task.items.0)
        .bind(task.items.0 + task.items.1)
        .bind(item);
    let row = statement.fetch_optional(&mut *conn).await;
    let Some(row) = row.during("quarantine item")? else {
        return Ok(0);
    };
    let key = row.int(0).during("quarantine item")?;
    let nobodys = [item, &key.to_le_bytes()].concat();
    let update = query("UPDATE items SET lost = 1, hash = $1 WHERE id = $2");
    let update = update.bind(nobodys).bind(key).execute(conn).await;
    update.during("quarantine item")?;
    row.count(1).during("quarantine item")
}
