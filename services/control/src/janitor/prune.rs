//! Rows that nobody reads of a run that is cleared. What is counted, compared, traced or claimed stays:
//! see decision 0016.

use crate::{
    database::query,
    error::{During as _, LedgerError},
    ledger::{lock, run},
};

use super::{Janitor, Pass};

/// Rows per transaction: a stage's call waits no longer for it than for another stage's.
pub(super) const PAGE: i64 = 500;

/// Tasks that were done, but CAPTURE: claims name those, and so do the counts of records. Never the last
/// one, or its key would be given away again.
const TASKS: &str = "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE run = $1 \
    AND kind <> 3 AND state <> 0 AND id < $2 ORDER BY id LIMIT $3)";
/// What planning was spared to read item by item.
const HASHES: &str = "UPDATE batches SET hashes = $2 WHERE id IN (SELECT id FROM batches \
    WHERE run = $1 AND LENGTH(hashes) > 0 ORDER BY id LIMIT $3)";

impl Janitor {
    /// Prunes every run that is cleared and was not pruned yet.
    pub(super) async fn prune(&self) -> Result<Pass, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        let runs = query("SELECT run FROM cleared WHERE pruned = 0 ORDER BY run");
        let runs = runs.fetch(&mut conn).await;
        let runs = runs.and_then(|rows| rows.iter().map(|row| row.int(0)).collect());
        let runs: Vec<i64> = runs.during("find runs to prune")?;
        drop(conn);
        for run in runs {
            if !self.prune_run(run).await? {
                return Ok(Pass::BrokenOff);
            }
        }
        Ok(Pass::Whole)
    }

    /// Prunes a run page by page; `false` when that was broken off.
    async fn prune_run(&self, run: i64) -> Result<bool, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        let connector = run::find(&mut conn, run).await?.connector;
        drop(conn);
        loop {
            if !self.goes_on().await? {
                return Ok(false);
            }
            let mut tx = self.ledger.database.begin().await?;
            lock(&mut tx, connector).await?;
            let (first, end) = tx.dialect().keys_of(connector);
            let last = query("SELECT COALESCE(MAX(id), 0) FROM tasks WHERE id > $1 AND id < $2");
            let last = last.bind(first).bind(end).fetch_one(&mut tx).await;
            let last = last.and_then(|row| row.int(0)).during("prune tasks")?;
            let tasks = query(TASKS).bind(run).bind(last).bind(PAGE);
            let tasks = tasks.execute(&mut tx).await.during("prune tasks")?;
            let hashes = query(HASHES).bind(run).bind(Vec::new()).bind(PAGE);
            let hashes = hashes.execute(&mut tx).await.during("prune batches")?;
            let is_over = tasks + hashes == 0;
            if is_over {
                let done = query("UPDATE cleared SET pruned = 1 WHERE run = $1").bind(run);
                done.execute(&mut tx).await.during("note pruned run")?;
            }
            tx.commit().await.during("prune run")?;
            if is_over {
                return Ok(true);
            }
        }
    }
}
