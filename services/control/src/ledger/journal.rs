//! The import journal: what is about to be sent, and what came of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chatkeep_proto::v1::{Begun, DeliveryState, JournalRequest, OpenBatch, Settled};

use super::{
    Ledger, run,
    task::{self, TaskRow},
};
use crate::{
    database::{Cell, Connection, DatabaseError, LIST, query},
    error::{During as _, LedgerError},
};

/// A batch that was begun and not settled.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    key: i64,
    mailbox: String,
    uid_validity: i64,
    uid_next: i64,
    begun: i64,
    deliveries: Vec<i64>,
}

impl Batch {
    pub(super) fn into_proto(self) -> OpenBatch {
        OpenBatch {
            mailbox: self.mailbox,
            uid_validity: task::narrow(self.uid_validity),
            uid_next: task::narrow(self.uid_next),
            deliveries: self.deliveries,
        }
    }

    /// When its holder was last given leave to send it, Unix milliseconds.
    pub(super) fn begun(&self) -> i64 {
        self.begun
    }
}

/// Deliveries that get the same outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Outcome {
    state: i32,
    reason: String,
    not_before: i64,
}

impl Ledger {
    /// Writes ahead what is about to be sent, and settles what is known to be done.
    pub(crate) async fn journal(&self, request: JournalRequest) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let task = self
            .held_import(&mut tx, &request.task, request.fence)
            .await?;
        if !request.settled.is_empty() {
            let batches = stored(&mut tx, &task).await?;
            settle(&mut tx, &request.settled).await?;
            close_batches(&mut tx, batches, &request.settled).await?;
        }
        begin(&mut tx, &task, &request.begun).await?;
        tx.commit().await.during("write journal")?;
        Ok(())
    }

    /// Counts copies that were removed after the lease was lost, whatever has become of the task.
    pub(crate) async fn report_copies(&self, task: &str, copies: u32) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let task = self.task(&mut tx, task).await?;
        let update = query("UPDATE runs SET n_copies = n_copies + $1 WHERE id = $2");
        let update = update.bind(i64::from(copies)).bind(task.run);
        update
            .execute(&mut tx)
            .await
            .during("count removed copies")?;
        tx.commit().await.during("count removed copies")
    }
}

/// The batches of a task's shard, as they are stored.
async fn stored(conn: &mut Connection, task: &TaskRow) -> Result<Vec<Batch>, LedgerError> {
    let statement = query(
        "SELECT j.id, m.address, j.uid_validity, j.uid_next, j.begun, j.deliveries FROM journal j \
         JOIN mailboxes m ON m.id = j.mailbox WHERE j.shard = $1 AND j.connector = $2 \
         ORDER BY j.id",
    );
    let statement = statement.bind(task.shard).bind(task.connector);
    let rows = statement.fetch(conn).await.during("read journal")?;
    let batches = rows.iter().map(|row| {
        Ok(Batch {
            key: row.int(0)?,
            mailbox: row.text(1)?,
            uid_validity: row.int(2)?,
            uid_next: row.int(3)?,
            begun: row.int(4)?,
            deliveries: unpack(&row.bytes(5)?),
        })
    });
    batches
        .collect::<Result<_, DatabaseError>>()
        .during("read journal")
}

/// The batches an earlier holder began, without deliveries that are final since.
pub(super) async fn open_batches(
    conn: &mut Connection,
    task: &TaskRow,
) -> Result<Vec<Batch>, LedgerError> {
    let mut batches = stored(conn, task).await?;
    let keys: Vec<_> = batches
        .iter()
        .flat_map(|batch| batch.deliveries.clone())
        .collect();
    let mut waiting = HashSet::new();
    for keys in keys.chunks(LIST) {
        let cells: Vec<_> = keys.iter().map(|&key| Cell::Int(key)).collect();
        let select = "SELECT id FROM deliveries WHERE state = 0 AND id ";
        let statement = query(select).list(&cells);
        for row in statement.fetch(conn).await.during("read journal")? {
            waiting.insert(row.int(0).during("read journal")?);
        }
    }
    for batch in &mut batches {
        batch.deliveries.retain(|key| waiting.contains(key));
    }
    batches.retain(|batch| !batch.deliveries.is_empty());
    Ok(batches)
}

/// Every delivery that stands in the journal of the task's shard.
pub(super) async fn begun(
    conn: &mut Connection,
    task: &TaskRow,
) -> Result<HashSet<i64>, LedgerError> {
    let batches = stored(conn, task).await?;
    Ok(batches
        .into_iter()
        .flat_map(|batch| batch.deliveries)
        .collect())
}

async fn begin(conn: &mut Connection, task: &TaskRow, begun: &[Begun]) -> Result<(), LedgerError> {
    let now = super::now();
    for batch in begun {
        let statement = query(
            "INSERT INTO journal (connector, shard, mailbox, uid_validity, uid_next, begun, \
             deliveries) SELECT $1, $2, id, $3, $4, $5, $6 FROM mailboxes \
             WHERE connector = $1 AND address = $7",
        )
        .bind(task.connector)
        .bind(task.shard)
        .bind(i64::from(batch.uid_validity))
        .bind(i64::from(batch.uid_next))
        .bind(now)
        .bind(pack(&batch.deliveries))
        .bind(&batch.mailbox);
        let written = statement
            .execute(&mut *conn)
            .await
            .during("write journal")?;
        if written != 1 {
            return Err(LedgerError::Malformed("mailbox of a batch"));
        }
    }
    Ok(())
}

/// Removes settled deliveries from their batches, and batches that have none left.
async fn close_batches(
    conn: &mut Connection,
    batches: Vec<Batch>,
    settled: &[Settled],
) -> Result<(), LedgerError> {
    let settled: HashSet<_> = settled.iter().map(|settled| settled.delivery).collect();
    let mut done = Vec::new();
    for mut batch in batches {
        let before = batch.deliveries.len();
        batch.deliveries.retain(|key| !settled.contains(key));
        if batch.deliveries.is_empty() {
            done.push(Cell::Int(batch.key));
        } else if batch.deliveries.len() < before {
            let update = query("UPDATE journal SET deliveries = $1 WHERE id = $2");
            let update = update.bind(pack(&batch.deliveries)).bind(batch.key);
            update.execute(&mut *conn).await.during("settle journal")?;
        }
    }
    for done in done.chunks(LIST) {
        let statement = query("DELETE FROM journal WHERE id ").list(done);
        let deleted = statement.execute(conn).await;
        deleted.during("settle journal")?;
    }
    Ok(())
}

/// Gives deliveries their outcomes.
async fn settle(conn: &mut Connection, settled: &[Settled]) -> Result<(), LedgerError> {
    let mut outcomes: BTreeMap<Outcome, Vec<i64>> = BTreeMap::new();
    let mut copies = 0;
    for settled in settled {
        if settled.state() == DeliveryState::Unspecified {
            return Err(LedgerError::Malformed("delivery state"));
        }
        copies += i64::from(settled.copies_removed);
        let outcome = Outcome {
            state: settled.state,
            reason: settled.reason.clone(),
            not_before: settled.not_before,
        };
        outcomes.entry(outcome).or_default().push(settled.delivery);
    }
    for (outcome, keys) in &outcomes {
        if outcome.state == DeliveryState::Waiting as i32 {
            put_back(conn, outcome, keys).await?;
        } else {
            finish(conn, outcome, keys).await?;
        }
    }
    if copies > 0
        && let Some(first) = settled.first()
    {
        let update = query(
            "UPDATE runs SET n_copies = n_copies + $1 \
             WHERE id = (SELECT run FROM deliveries WHERE id = $2)",
        );
        let update = update.bind(copies).bind(first.delivery);
        update.execute(conn).await.during("count removed copies")?;
    }
    Ok(())
}

/// Fails deliveries whose task failed too often.
pub(super) async fn settle_failed(
    conn: &mut Connection,
    keys: &[i64],
    reason: &str,
) -> Result<(), LedgerError> {
    let outcome = Outcome {
        state: DeliveryState::Failed as i32,
        reason: reason.to_owned(),
        not_before: 0,
    };
    finish(conn, &outcome, keys).await
}

async fn put_back(
    conn: &mut Connection,
    outcome: &Outcome,
    keys: &[i64],
) -> Result<(), LedgerError> {
    for keys in keys.chunks(LIST) {
        let cells: Vec<_> = keys.iter().map(|&key| Cell::Int(key)).collect();
        let statement = query("UPDATE deliveries SET not_before = ")
            .int(outcome.not_before)
            .sql(", reason = ")
            .text(&outcome.reason)
            .sql(" WHERE state = 0 AND id ")
            .list(&cells);
        let updated = statement.execute(conn).await;
        updated.during("put deliveries back")?;
    }
    Ok(())
}

/// Makes outcomes final. Only what still waits is touched, so that a repeat counts nothing twice.
async fn finish(conn: &mut Connection, outcome: &Outcome, keys: &[i64]) -> Result<(), LedgerError> {
    let mut mailboxes: HashMap<i64, i64> = HashMap::new();
    let mut runs: BTreeMap<i64, i64> = BTreeMap::new();
    for keys in keys.chunks(LIST) {
        let cells: Vec<_> = keys.iter().map(|&key| Cell::Int(key)).collect();
        // Counted first: rows that a statement returns cost more than the statement.
        let statement =
            query("SELECT mailbox, run, COUNT(*) FROM deliveries WHERE state = 0 AND id ");
        let statement = statement.list(&cells);
        let statement = statement.sql(" GROUP BY mailbox, run");
        for row in statement.fetch(conn).await.during("settle deliveries")? {
            let count = row.int(2).during("settle deliveries")?;
            *mailboxes
                .entry(row.int(0).during("settle deliveries")?)
                .or_default() += count;
            *runs
                .entry(row.int(1).during("settle deliveries")?)
                .or_default() += count;
        }
        let statement = query("UPDATE deliveries SET state = ")
            .int(outcome.state.into())
            .sql(", settled = ")
            .int(super::now())
            .sql(", reason = ")
            .text(&outcome.reason)
            .sql(" WHERE state = 0 AND id ")
            .list(&cells);
        let settled = statement.execute(conn).await;
        settled.during("settle deliveries")?;
    }
    if mailboxes.is_empty() {
        return Ok(());
    }
    lower_pending(conn, &mailboxes).await?;
    let is_failure = outcome.state == DeliveryState::Failed as i32;
    for (&run, &count) in &runs {
        let good = if is_failure { 0 } else { count };
        let update = query(
            "UPDATE runs SET waiting = waiting - $1, n_done = n_done + $1, \
             watch_good = watch_good + $2 WHERE id = $3",
        );
        let update = update.bind(count).bind(good).bind(run);
        update.execute(&mut *conn).await.during("count outcomes")?;
        if is_failure {
            run::watch_bad(conn, run, count, &outcome.reason).await?;
        }
    }
    Ok(())
}

async fn lower_pending(
    conn: &mut Connection,
    mailboxes: &HashMap<i64, i64>,
) -> Result<(), LedgerError> {
    let rows = mailboxes.iter();
    let rows: Vec<_> = rows
        .map(|(key, count)| [Cell::Int(*key), Cell::Int(*count)])
        .collect();
    for chunk in crate::database::chunks(&rows) {
        let head = "UPDATE mailboxes SET pending = pending - v.column2 FROM (";
        let tail = ") AS v WHERE mailboxes.id = v.column1";
        let statement = query(head).rows(chunk);
        let updated = statement.sql(tail).execute(conn).await;
        updated.during("count waiting deliveries")?;
    }
    Ok(())
}

/// How a batch's deliveries are stored.
fn pack(keys: &[i64]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.to_le_bytes()).collect()
}

fn unpack(bytes: &[u8]) -> Vec<i64> {
    let keys = bytes.chunks_exact(8);
    keys.map(|key| i64::from_le_bytes(key.try_into().unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_deliveries_come_back() {
        let keys = [1, i64::MAX, 7];

        assert_eq!(unpack(&pack(&keys)), keys);
    }
}
