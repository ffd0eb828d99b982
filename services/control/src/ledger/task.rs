//! Rows of tasks: the outbox.

use std::collections::HashSet;

use chatkeep_model::identity::Fields;
use chatkeep_proto::v1::{Blob, NewTask, Task, TaskKind};
use data_encoding::HEXLOWER;
use prost::Message as _;

use super::{
    capture::signed,
    run::{decode_blob, encode_blob},
};
use crate::{
    database::{Cell, Connection, DatabaseError, Row, insert as insert_rows, query},
    error::{During as _, LedgerError},
};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Open = 0,
    Done = 1,
    Split = 2,
    Buried = 3,
}

impl TaskState {
    fn read(stored: i64) -> Self {
        match stored {
            0 => Self::Open,
            1 => Self::Done,
            2 => Self::Split,
            _ => Self::Buried,
        }
    }
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct TaskRow {
    pub(crate) key: i64,
    pub(crate) name: Vec<u8>,
    pub(crate) run: i64,
    pub(crate) connector: i64,
    pub(crate) connector_id: String,
    pub(crate) kind: TaskKind,
    pub(crate) source: i64,
    pub(crate) shard: i64,
    pub(crate) state: TaskState,
    pub(crate) input: Option<Blob>,
    pub(crate) first: i64,
    pub(crate) count: i64,
    /// The items a PLAN task is about: their first key and how many.
    pub(crate) items: (i64, i64),
    /// The traceparent of what led to it, or of its run.
    pub(crate) trace: String,
}

const SELECT: &str = "SELECT t.id, t.name, t.run, r.connector, c.name_id, t.kind, t.source, t.shard, \
    t.state, t.input, t.first, t.entries, t.items_first, t.items_count, \
    CASE WHEN t.trace = '' THEN r.trace ELSE t.trace END \
    FROM tasks t JOIN runs r ON r.id = t.run JOIN connectors c ON c.id = r.connector WHERE ";

impl TaskRow {
    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let kind = i32::try_from(row.int(5)?).ok();
        let kind = kind.and_then(|kind| TaskKind::try_from(kind).ok());
        Ok(Self {
            key: row.int(0)?,
            name: row.bytes(1)?,
            run: row.int(2)?,
            connector: row.int(3)?,
            connector_id: row.text(4)?,
            kind: kind.unwrap_or(TaskKind::Unspecified),
            source: row.int(6)?,
            shard: row.int(7)?,
            state: TaskState::read(row.int(8)?),
            input: decode_blob(&row.bytes(9)?),
            first: row.int(10)?,
            count: row.int(11)?,
            items: (row.int(12)?, row.int(13)?),
            trace: row.text(14)?,
        })
    }

    /// The work message.
    pub(crate) fn to_proto(&self) -> Task {
        Task {
            id: HEXLOWER.encode(&self.name),
            kind: self.kind.into(),
            connector: self.connector_id.clone(),
            run: self.run,
            input: self.input.clone(),
            first: narrow(self.first),
            count: narrow(self.count),
            source: narrow(self.source),
            shard: narrow(self.shard),
        }
    }
}

/// What the ledger stores as 64 bits and a message carries as 32.
pub(crate) fn narrow(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// The task with this id, whatever its state.
pub(crate) async fn find(conn: &mut Connection, id: &str) -> Result<TaskRow, LedgerError> {
    let name = HEXLOWER.decode(id.as_bytes());
    let name = name.map_err(|_| LedgerError::Malformed("task id"))?;
    let statement = query(format!("{SELECT} t.name = $1")).bind(name);
    let row = statement.fetch_optional(conn).await.during("find task")?;
    // Its run may have been removed because nothing was new.
    let row = row.ok_or(LedgerError::Closed("task is unknown"))?;
    TaskRow::read(&row).during("find task")
}

/// Where a task stands now.
pub(crate) async fn state(conn: &mut Connection, task: i64) -> Result<TaskState, LedgerError> {
    let statement = query("SELECT state FROM tasks WHERE id = $1").bind(task);
    let row = statement.fetch_optional(conn).await.during("find task")?;
    let row = row.ok_or(LedgerError::Closed("task is unknown"))?;
    row.int(0).map(TaskState::read).during("find task")
}

/// Which open tasks of a run are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those that have something other runs may wait for: claims of records, or a shard of mailboxes.
    Holding,
}

/// Open tasks of a run and kind behind a key, in order.
pub(crate) async fn open_after(
    conn: &mut Connection,
    (run, kind): (i64, TaskKind),
    which: Which,
    (after, limit): (i64, usize),
) -> Result<Vec<TaskRow>, LedgerError> {
    let condition = match which {
        Which::All => "",
        Which::Holding => "AND (t.claimed > 0 OR t.kind = 8) ",
    };
    let sql = format!(
        "{SELECT} t.state = 0 AND t.kind = $1 AND t.run = $2 AND t.id > $3 {condition}\
         ORDER BY t.id LIMIT $4"
    );
    let statement = query(sql)
        .bind(i64::from(kind as i32))
        .bind(run)
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = statement.fetch(conn).await.during("read open tasks")?;
    let tasks: Result<_, _> = rows.iter().map(TaskRow::read).collect();
    tasks.during("read open tasks")
}

/// Tasks of a run and kind that were given up, down to one entry each.
pub(super) async fn buried(
    conn: &mut Connection,
    run: i64,
    kind: TaskKind,
) -> Result<Vec<TaskRow>, LedgerError> {
    let sql = format!("{SELECT} t.state = $1 AND t.kind = $2 AND t.run = $3 ORDER BY t.id");
    let statement = query(sql)
        .bind(TaskState::Buried as i64)
        .bind(i64::from(kind as i32))
        .bind(run);
    let rows = statement.fetch(conn).await.during("read buried tasks")?;
    let tasks: Result<_, _> = rows.iter().map(TaskRow::read).collect();
    tasks.during("read buried tasks")
}

/// Keys of open tasks of a run and kind, as far as `last`.
pub(crate) async fn open_up_to(
    conn: &mut Connection,
    run: i64,
    kind: TaskKind,
    last: i64,
) -> Result<HashSet<i64>, LedgerError> {
    let statement =
        query("SELECT id FROM tasks WHERE state = 0 AND kind = $1 AND run = $2 AND id <= $3");
    let statement = statement.bind(i64::from(kind as i32)).bind(run).bind(last);
    let rows = statement.fetch(conn).await.during("read open tasks")?;
    let keys: Result<_, _> = rows.iter().map(|row| row.int(0)).collect();
    keys.during("read open tasks")
}

/// What new tasks have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) run: i64,
    pub(crate) connector: i64,
    /// The task they follow from; 0 when control makes them.
    pub(crate) parent: i64,
    /// They repeat work of their parent: another task than the one that did it first.
    pub(crate) is_repeat: bool,
    pub(crate) items: (i64, i64),
}

impl Family {
    /// Tasks that control itself makes.
    pub(crate) fn of_run(run: i64, connector: i64) -> Self {
        Self {
            run,
            connector,
            parent: 0,
            is_repeat: false,
            items: (0, 0),
        }
    }
}

/// Adds tasks; those that exist stay as they are.
pub(crate) async fn add(
    conn: &mut Connection,
    family: Family,
    tasks: &[NewTask],
) -> Result<(), LedgerError> {
    if tasks.is_empty() {
        return Ok(());
    }
    let (first, end) = conn.dialect().keys_of(family.connector);
    let last = query("SELECT COALESCE(MAX(id), $1) FROM tasks WHERE id > $1 AND id < $2");
    let last = last.bind(first).bind(end).fetch_one(&mut *conn).await;
    let mut key = last.and_then(|row| row.int(0)).during("number tasks")?;
    let mut named = Vec::with_capacity(tasks.len());
    for task in tasks {
        key += 1;
        named.push((
            key,
            name(family, task),
            encode_blob(task.input.as_ref()),
            task,
        ));
    }
    let trace = chatkeep_runtime::trace::current().unwrap_or_default();
    let opened = super::now();
    let rows = named.iter().map(|(key, name, input, task)| {
        [
            Cell::Int(*key),
            Cell::bytes(name),
            Cell::Int(family.run),
            Cell::Int(task.kind.into()),
            Cell::Int(task.source.into()),
            Cell::Int(task.shard.into()),
            Cell::Int(family.parent),
            Cell::bytes(input),
            Cell::Int(task.first.into()),
            Cell::Int(task.count.into()),
            Cell::Int(family.items.0),
            Cell::Int(family.items.1),
            Cell::Int(0),
            Cell::Int(0),
            Cell::Int(0),
            Cell::text(""),
            Cell::text(&trace),
            Cell::Int(opened),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "tasks (id, name, run, kind, source, shard, parent, input, first, \
        entries, items_first, items_count, state, records_read, claimed, reason, trace, opened)";
    let added = insert_rows(conn, table, &rows, " ON CONFLICT (name) DO NOTHING").await;
    added.during("add tasks")?;
    Ok(())
}

/// Ends a task.
pub(crate) async fn finish(
    conn: &mut Connection,
    task: i64,
    state: TaskState,
    records_read: i64,
    reason: &str,
) -> Result<(), LedgerError> {
    let update = query(
        "UPDATE tasks SET state = $1, records_read = $2, reason = $3 WHERE id = $4 AND state = 0",
    )
    .bind(state as i64)
    .bind(records_read)
    .bind(reason)
    .bind(task);
    update.execute(conn).await.during("finish task")?;
    Ok(())
}

/// Counts records that a task has claimed.
pub(crate) async fn count_claims(
    conn: &mut Connection,
    task: i64,
    claimed: u64,
) -> Result<(), LedgerError> {
    if claimed > 0 {
        let update = query("UPDATE tasks SET claimed = claimed + $1 WHERE id = $2");
        let update = update.bind(signed(claimed)).bind(task);
        update.execute(conn).await.during("count claims")?;
    }
    Ok(())
}

/// How many records a task has claimed.
pub(crate) async fn claims(conn: &mut Connection, task: i64) -> Result<u64, LedgerError> {
    let statement = query("SELECT claimed FROM tasks WHERE id = $1").bind(task);
    let row = statement.fetch_one(conn).await.during("count claims")?;
    row.count(0).during("count claims")
}

/// Which kinds of tasks a run has open, as a set of bits `1 << kind`.
pub(crate) async fn open_kinds(conn: &mut Connection, run: i64) -> Result<u32, LedgerError> {
    const SQL: &str = "SELECT \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 1 AND run = $1) THEN 2 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 2 AND run = $1) THEN 4 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 3 AND run = $1) THEN 8 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 4 AND run = $1) THEN 16 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 5 AND run = $1) THEN 32 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 6 AND run = $1) THEN 64 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 7 AND run = $1) THEN 128 ELSE 0 END + \
        CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE state = 0 AND kind = 8 AND run = $1) THEN 256 ELSE 0 END";
    let row = query(SQL).bind(run).fetch_one(conn).await;
    let bits = row.and_then(|row| row.int(0)).during("read open tasks")?;
    Ok(narrow(bits))
}

/// True when a set of [`open_kinds`] has one of these.
pub(crate) fn any_open(open: u32, kinds: &[TaskKind]) -> bool {
    kinds.iter().any(|&kind| open & (1 << (kind as u32)) != 0)
}

/// The id of a task: the same run, kind, source, shard, input and range give the same, unless it is a
/// repetition.
fn name(family: Family, task: &NewTask) -> [u8; 32] {
    let key = task.input.as_ref().map_or("", |blob| &blob.key);
    let fields = Fields::of("task");
    let fields = if family.is_repeat {
        fields.number(family.parent)
    } else {
        fields
    };
    fields
        .number(family.run)
        .number(task.kind.into())
        .number(task.source.into())
        .number(task.shard.into())
        .text(key)
        .number(task.first.into())
        .number(task.count.into())
        .digest()
}

/// The envelope's body for a task.
pub(crate) fn encode(task: &Task) -> Vec<u8> {
    task.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_depends_on_the_range() {
        let task = |first| NewTask {
            first,
            ..NewTask::default()
        };

        let name = |run, first| name(Family::of_run(run, 1), &task(first));

        assert_eq!(name(1, 0), name(1, 0));
        assert_ne!(name(1, 0), name(1, 1));
        assert_ne!(name(1, 0), name(2, 0));
    }
}
