//! Records that a task was refused because another one had claimed them and not captured them yet. When
//! the other one fails in the end, they are nobody's: the entries that hold them are read again.

use std::collections::BTreeSet;

use chatkeep_proto::v1::{NewTask, TaskKind};

use super::{
    run::{RunRow, decode_blob},
    task::{self, Family, TaskRow, narrow},
};
use crate::{
    database::{Cell, Connection, insert, query},
    error::{During as _, LedgerError},
};

/// Remembers who refused the task which of its entries.
pub(super) async fn remember(
    conn: &mut Connection,
    task: &TaskRow,
    contested: &BTreeSet<(i64, u32)>,
) -> Result<(), LedgerError> {
    let rows = contested.iter().map(|&(holder, entry)| {
        [
            Cell::Int(task.run),
            Cell::Int(holder),
            Cell::Int(task.key),
            Cell::Int(entry.into()),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "contested (run, holder, asker, entry)";
    let inserted = insert(conn, table, &rows, " ON CONFLICT DO NOTHING").await;
    inserted.during("remember contested records")?;
    Ok(())
}

/// True when a task that has claimed records the run was refused may still capture them, or fail to: one
/// of a backfill, whose runs are open beside others.
pub(crate) async fn is_undecided(conn: &mut Connection, run: i64) -> Result<bool, LedgerError> {
    let statement = query(
        "SELECT COUNT(*) FROM contested c JOIN tasks h ON h.id = c.holder \
         WHERE c.run = $1 AND h.state = 0",
    );
    let row = statement.bind(run).fetch_one(conn).await;
    let undecided = row.and_then(|row| row.int(0));
    Ok(undecided.during("look at contested records")? > 0)
}

/// Opens CAPTURE tasks for entries that were refused in favour of a task that failed; true when there
/// were any. To be called when no capture of the run is open: then it is known who failed.
pub(crate) async fn capture_again(
    conn: &mut Connection,
    run: &RunRow,
) -> Result<bool, LedgerError> {
    // Whoever was taken apart has its parts ask again; they are counted as duplicates once more.
    let statement = query(
        "SELECT DISTINCT c.asker, c.entry, a.source, a.input FROM contested c \
         JOIN tasks h ON h.id = c.holder JOIN tasks a ON a.id = c.asker \
         WHERE c.run = $1 AND h.state IN (2, 3) AND a.state = 1 ORDER BY c.asker, c.entry",
    );
    let rows = statement.bind(run.id).fetch(&mut *conn).await;
    let rows = rows.during("read contested records")?;
    for row in &rows {
        let columns = || Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.bytes(3)?));
        let (asker, entry, source, input) = columns().during("read contested records")?;
        let family = Family {
            parent: asker,
            is_repeat: true,
            ..Family::of_run(run.id, run.connector)
        };
        let task = NewTask {
            kind: TaskKind::Capture.into(),
            input: decode_blob(&input),
            first: narrow(entry),
            count: 1,
            source: narrow(source),
            ..NewTask::default()
        };
        task::add(conn, family, &[task]).await?;
    }
    let forget = query("DELETE FROM contested WHERE run = $1").bind(run.id);
    let forgotten = forget.execute(conn).await;
    forgotten.during("forget contested records")?;
    Ok(!rows.is_empty())
}
