//! Leases of shards and the deliveries that wait in them.

use std::collections::HashSet;

use chatkeep_proto::v1::{DeliveriesRequest, Delivery, LeaseRequest, LeaseResponse, TaskKind};

use super::{
    Ledger,
    convert::decode_info,
    journal,
    run::decode_blob,
    task::{self, TaskRow, TaskState},
};
use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
};

/// A page of waiting deliveries. The plus keeps SQLite from looking at the mailboxes of all shards.
const PAGE: &str = "SELECT d.id, m.address, i.hash, d.date, b.blob, i.info \
    FROM mailboxes m CROSS JOIN deliveries d JOIN items i ON i.id = d.item \
    JOIN batches b ON b.id = i.batch \
    WHERE d.mailbox = m.id AND d.state = 0 AND +m.connector = $1 AND m.shard = $2 \
    AND m.pending > 0 AND m.address >= $3 AND (m.address > $3 OR d.id <> $4 AND \
    (d.date > (SELECT date FROM deliveries WHERE id = $4) OR \
     d.date = (SELECT date FROM deliveries WHERE id = $4) AND d.id > $4)) \
    AND d.not_before <= $5 ORDER BY m.address, d.date, d.id LIMIT $6";

impl Ledger {
    /// An open import task.
    pub(super) async fn open_import(
        &self,
        conn: &mut Connection,
        id: &str,
    ) -> Result<TaskRow, LedgerError> {
        let task = self.open_task(conn, id).await?;
        if task.kind == TaskKind::Import {
            Ok(task)
        } else {
            Err(LedgerError::Malformed("task kind"))
        }
    }

    /// An open import task whose shard is held under this number. Refuses whoever lost it.
    pub(super) async fn held_import(
        &self,
        conn: &mut Connection,
        id: &str,
        fence: u64,
    ) -> Result<TaskRow, LedgerError> {
        let Some(known) = self.outstanding.find(id) else {
            let task = self.open_import(conn, id).await?;
            return holds(conn, &task, fence).await.map(|()| task);
        };
        super::lock(conn, known.connector).await?;
        holds(conn, &known, fence).await?;
        Ok(TaskRow::clone(&known))
    }

    /// Takes the lease of an IMPORT task's shard; whoever held it before is stale from now on.
    pub(crate) async fn lease(&self, request: LeaseRequest) -> Result<LeaseResponse, LedgerError> {
        let mut tx = self.database.begin().await?;
        let task = self.open_import(&mut tx, &request.task).await?;
        let open = journal::open_batches(&mut tx, &task).await?;
        let take = query(
            "INSERT INTO shards (shard, task, releases, fence) VALUES ($1, $2, 1, 1) \
             ON CONFLICT (shard) DO UPDATE SET task = excluded.task, fence = shards.fence + 1 \
             RETURNING fence",
        );
        let take = take.bind(task.shard).bind(task.key).fetch_one(&mut tx);
        let fence = take.await.and_then(|row| row.count(0));
        let fence = fence.during("take lease")?;
        note_trace(&mut tx, task.shard).await?;
        tx.commit().await.during("take lease")?;
        let begun = open.iter().map(journal::Batch::begun).max();
        let open = open.into_iter().map(journal::Batch::into_proto);
        Ok(LeaseResponse {
            fence,
            open: open.collect(),
            settled_in: begun.map_or(0, |begun| self.settled_in(begun)),
            term: unsigned(self.fence_millis()),
        })
    }

    /// How long what was begun then may still arrive: its holder may send it until the lease's end, and
    /// the last of it takes the fence's time at most.
    fn settled_in(&self, begun: i64) -> u64 {
        let longest = 2 * self.fence_millis();
        // A clock that was set back does not prolong it.
        unsigned((begun + longest - super::now()).clamp(0, longest))
    }

    /// The shard's waiting deliveries, ordered by mailbox, then date.
    pub(crate) async fn deliveries(
        &self,
        request: DeliveriesRequest,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let mut conn = self.database.read().await?;
        let task = self
            .held_import(&mut conn, &request.task, request.fence)
            .await?;
        let begun = if request.begun_too {
            HashSet::new()
        } else {
            journal::begun(&mut conn, &task).await?
        };
        let limit = i64::from(request.limit.clamp(1, 1000));
        // Those in the journal are skipped here, so that a page may not come out empty before the end.
        let limit = limit + i64::try_from(begun.len()).unwrap_or(0);
        let page = query(PAGE)
            .bind(task.connector)
            .bind(task.shard)
            .bind(&*request.after_mailbox)
            .bind(request.after_delivery)
            .bind(super::now())
            .bind(limit);
        let page = page.fetch(&mut conn).await.during("read page")?;
        let mut deliveries = page.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        deliveries.retain(|delivery| !begun.contains(&delivery.id));
        Ok(deliveries)
    }
}

/// Notes the trace of who took a shard's lease: what is settled from now on is settled in it. See
/// decision 0047.
async fn note_trace(conn: &mut Connection, shard: i64) -> Result<(), LedgerError> {
    // Where nothing is ever traced, nothing is noted.
    let Some(trace) = chatkeep_runtime::trace::current_id() else {
        return Ok(());
    };
    let note = query(
        "INSERT INTO leases (shard, taken, trace) VALUES ($1, $2, $3) \
         ON CONFLICT (shard, taken) DO UPDATE SET trace = excluded.trace",
    );
    let note = note.bind(shard).bind(super::now()).bind(trace);
    note.execute(conn).await.during("note trace of lease")?;
    Ok(())
}

fn unsigned(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0)
}

fn read(row: &Row) -> Result<Delivery, LedgerError> {
    let columns = || {
        let delivery = Delivery {
            id: row.int(0)?,
            mailbox: row.text(1)?,
            item: row.bytes(2)?.into(),
            date: row.int(3)?,
            blob: decode_blob(&row.bytes(4)?),
            parts: Vec::new(),
        };
        Ok::<_, DatabaseError>((delivery, row.bytes(5)?))
    };
    let (delivery, info) = columns().during("read page")?;
    Ok(Delivery {
        parts: decode_info(&info)?.parts,
        ..delivery
    })
}

/// Whether a task is open and has its shard under this number.
async fn holds(conn: &mut Connection, task: &TaskRow, fence: u64) -> Result<(), LedgerError> {
    let statement = query(
        "SELECT s.fence FROM tasks t JOIN shards s ON s.task = t.id \
         WHERE t.id = $1 AND t.state = 0 AND t.kind = 8 AND s.shard = $2",
    );
    let statement = statement.bind(task.key).bind(task.shard);
    let row = statement.fetch_optional(conn).await.during("check lease")?;
    let held = row.map(|row| row.count(0)).transpose();
    if held.during("check lease")? == Some(fence) {
        Ok(())
    } else {
        Err(LedgerError::Closed(
            "task is closed or its lease was taken over",
        ))
    }
}

/// Records the end of an IMPORT task: what is left waits for its time or for the next task.
pub(super) async fn imported(conn: &mut Connection, task: &TaskRow) -> Result<(), LedgerError> {
    release_shard(conn, task).await
}

/// Frees the shard and looks what still waits in it.
pub(super) async fn release_shard(
    conn: &mut Connection,
    task: &TaskRow,
) -> Result<(), LedgerError> {
    let free = query("UPDATE shards SET task = 0 WHERE shard = $1 AND task = $2");
    let free = free.bind(task.shard).bind(task.key);
    free.execute(&mut *conn).await.during("free shard")?;
    let now = super::now();
    let statement = query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN d.not_before <= $1 THEN 1 ELSE 0 END), 0) \
         AS BIGINT), COALESCE(MIN(d.not_before), 0) FROM mailboxes m CROSS JOIN deliveries d \
         WHERE d.mailbox = m.id AND d.state = 0 AND +m.connector = $2 AND m.shard = $3 \
         AND m.pending > 0",
    );
    let statement = statement.bind(now).bind(task.connector).bind(task.shard);
    let row = statement
        .fetch_one(&mut *conn)
        .await
        .during("look at shard")?;
    let columns = || Ok::<_, DatabaseError>((row.int(0)?, row.int(1)?, row.int(2)?));
    let (waiting, ready, due) = columns().during("look at shard")?;
    let update = query(
        "UPDATE lanes SET waiting = $1, since = $2, due = $3 WHERE connector = $4 AND shard = $5",
    )
    .bind(waiting)
    .bind(if waiting > 0 { now } else { 0 })
    .bind(if ready == 0 && waiting > 0 { due } else { 0 })
    .bind(task.connector)
    .bind(task.shard);
    update.execute(conn).await.during("look at shard")?;
    Ok(())
}

/// A shard's task failed: its deliveries wait a while and are tried again; those that failed too often
/// fail with the reason.
pub(super) async fn fail(
    conn: &mut Connection,
    task: &TaskRow,
    reason: &str,
    attempts: u32,
) -> Result<(), LedgerError> {
    const WAITING: &str = "state = 0 AND not_before <= $1 AND mailbox IN \
        (SELECT id FROM mailboxes WHERE +connector = $2 AND shard = $3 AND pending > 0)";
    let now = super::now();
    let again = format!(
        "UPDATE deliveries SET failures = failures + 1, reason = $4, not_before = $5 WHERE {WAITING}"
    );
    let again = query(again)
        .bind(now)
        .bind(task.connector)
        .bind(task.shard)
        .bind(reason)
        .bind(now + RETRY_DELAY);
    again
        .execute(&mut *conn)
        .await
        .during("give deliveries back")?;
    let statement = query(
        "SELECT d.id FROM mailboxes m CROSS JOIN deliveries d WHERE d.mailbox = m.id \
         AND d.state = 0 AND +m.connector = $1 AND m.shard = $2 AND d.failures >= $3",
    );
    let statement = statement
        .bind(task.connector)
        .bind(task.shard)
        .bind(i64::from(attempts));
    let rows = statement
        .fetch(&mut *conn)
        .await
        .during("fail deliveries")?;
    let exhausted: Result<Vec<_>, _> = rows.iter().map(|row| row.int(0)).collect();
    let exhausted = exhausted.during("fail deliveries")?;
    journal::settle_failed(conn, &exhausted, reason).await?;
    task::finish(conn, task.key, TaskState::Buried, 0, reason).await?;
    release_shard(conn, task).await
}

/// Pause before deliveries of a failed import task are tried again, milliseconds.
const RETRY_DELAY: i64 = 2_000;
