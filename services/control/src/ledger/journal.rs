//! The import journal: what is about to be sent, and what came of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chatkeep_proto::v1::{Begun, DeliveryState, JournalRequest, OpenBatch, Settled};
use sqlx::AnyConnection;

use super::{
    Ledger, run,
    task::{self, TaskRow},
};
use crate::{
    database::{Cell, Columns as _, LIST, Statement},
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
}

/// The batches of a task's shard, as they are stored.
async fn stored(conn: &mut AnyConnection, task: &TaskRow) -> Result<Vec<Batch>, LedgerError> {
    let query = sqlx::query(
        "SELECT j.id, m.address, j.uid_validity, j.uid_next, j.begun, j.deliveries FROM journal j \
         JOIN mailboxes m ON m.id = j.mailbox WHERE j.shard = $1 AND j.connector = $2 \
         ORDER BY j.id",
    );
    let query = query.bind(task.shard).bind(task.connector);
    let rows = query.fetch_all(conn).await.during("read journal")?;
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
        .collect::<Result<_, sqlx::Error>>()
        .during("read journal")
}

/// The batches an earlier holder began, without deliveries that are final since.
pub(super) async fn open_batches(
    conn: &mut AnyConnection,
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
        let select = "SELECT id FROM deliveries WHERE state = 0 AND id IN ";
        let statement = Statement::new(select).list(&cells).during("read journal")?;
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
    conn: &mut AnyConnection,
    task: &TaskRow,
) -> Result<HashSet<i64>, LedgerError> {
    let batches = stored(conn, task).await?;
    Ok(batches
        .into_iter()
        .flat_map(|batch| batch.deliveries)
        .collect())
}

async fn begin(
    conn: &mut AnyConnection,
    task: &TaskRow,
    begun: &[Begun],
) -> Result<(), LedgerError> {
    let now = super::now();
    for batch in begun {
        let query = sqlx::query(
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
        let written = query.execute(&mut *conn).await.during("write journal")?;
        if written.rows_affected() != 1 {
            return Err(LedgerError::Malformed("mailbox of a batch"));
        }
    }
    Ok(())
}

/// Removes settled deliveries from their batches, and batches that have none left.
async fn close_batches(
    conn: &mut AnyConnection,
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
            let update = sqlx::query("UPDATE journal SET deliveries = $1 WHERE id = $2");
            let update = update.bind(pack(&batch.deliveries)).bind(batch.key);
            update.execute(&mut *conn).await.during("settle journal")?;
        }
    }
    for done in done.chunks(LIST) {
        let statement = Statement::new("DELETE FROM journal WHERE id IN ").list(done);
        let deleted = statement.during("settle journal")?.execute(conn).await;
        deleted.during("settle journal")?;
    }
    Ok(())
}

/// Gives deliveries their outcomes.
async fn settle(conn: &mut AnyConnection, settled: &[Settled]) -> Result<(), LedgerError> {
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
        let update = sqlx::query(
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
    conn: &mut AnyConnection,
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
    conn: &mut AnyConnection,
    outcome: &Outcome,
    keys: &[i64],
) -> Result<(), LedgerError> {
    for keys in keys.chunks(LIST) {
        let cells: Vec<_> = keys.iter().map(|&key| Cell::Int(key)).collect();
        let statement = Statement::new("UPDATE deliveries SET not_before = ")
            .int(outcome.not_before)
            .and_then(|sql| sql.sql(", reason = ").bind(Cell::Text(&outcome.reason)))
            .and_then(|sql| sql.sql(" WHERE state = 0 AND id IN ").list(&cells));
        let updated = statement.during("put deliveries back")?.execute(conn).await;
        updated.during("put deliveries back")?;
    }
    Ok(())
}

/// Makes outcomes final. Only what still waits is touched, so that a repeat counts nothing twice.
async fn finish(
    conn: &mut AnyConnection,
    outcome: &Outcome,
    keys: &[i64],
) -> Result<(), LedgerError> {
    let mut mailboxes: HashMap<i64, i64> = HashMap::new();
    let mut runs: BTreeMap<i64, i64> = BTreeMap::new();
    for keys in keys.chunks(LIST) {
        let cells: Vec<_> = keys.iter().map(|&key| Cell::Int(key)).collect();
        // Counted first: rows that a statement returns cost more than the statement.
        let statement = Statement::new(
            "SELECT mailbox, run, COUNT(*) FROM deliveries WHERE state = 0 AND id IN ",
        );
        let statement = statement.list(&cells).during("settle deliveries")?;
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
        let statement = Statement::new("UPDATE deliveries SET state = ")
            .int(outcome.state.into())
            .and_then(|sql| sql.sql(", settled = ").int(super::now()))
            .and_then(|sql| sql.sql(", reason = ").bind(Cell::Text(&outcome.reason)))
            .and_then(|sql| sql.sql(" WHERE state = 0 AND id IN ").list(&cells));
        let settled = statement.during("settle deliveries")?.execute(conn).await;
        settled.during("settle deliveries")?;
    }
    if mailboxes.is_empty() {
        return Ok(());
    }
    lower_pending(conn, &mailboxes).await?;
    let is_failure = outcome.state == DeliveryState::Failed as i32;
    for (&run, &count) in &runs {
        let good = if is_failure { 0 } else { count };
        let update = sqlx::query(
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
    conn: &mut AnyConnection,
    mailboxes: &HashMap<i64, i64>,
) -> Result<(), LedgerError> {
    let rows = mailboxes.iter();
    let rows: Vec<_> = rows
        .map(|(key, count)| [Cell::Int(*key), Cell::Int(*count)])
        .collect();
    for chunk in crate::database::chunks(&rows) {
        let head = "UPDATE mailboxes SET pending = pending - v.column2 FROM (VALUES ";
        let tail = ") AS v WHERE mailboxes.id = v.column1";
        let statement = Statement::new(head)
            .rows(chunk)
            .during("count waiting deliveries")?;
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
