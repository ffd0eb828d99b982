//! What the ledger remembers of clearing: one row.

use std::time::Duration;

use chatkeep_model::identity::Fields;
use data_encoding::HEXLOWER;

use super::{Janitor, millis};
use crate::{
    database::query,
    error::{During as _, LedgerError},
    ledger::now,
};

/// Blobs by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Deleted, of runs that are over.
    pub(super) deleted: u64,
    /// Deleted, of no run.
    pub(super) orphaned: u64,
    /// Deleted from what was kept, because all their deliveries are final.
    pub(super) emptied: u64,
    /// Not ours, left alone.
    pub(super) foreign: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.deleted += other.deleted;
        self.orphaned += other.orphaned;
        self.emptied += other.emptied;
        self.foreign += other.foreign;
    }
}

impl Janitor {
    /// How long until the next pass.
    pub(super) async fn due(&self) -> Result<Duration, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        let passed = query("SELECT passed FROM janitor WHERE id = 1");
        let passed = passed.fetch_optional(&mut conn).await;
        let passed = passed.and_then(|row| row.map_or(Ok(0), |row| row.int(0)));
        let due = passed.during("read time of pass")? + millis(self.settings.every) - now();
        // A clock that was set back does not keep it away for ever.
        let due = due.min(millis(self.settings.every));
        Ok(Duration::from_millis(u64::try_from(due).unwrap_or(0)))
    }

    /// Notes that a pass is over.
    pub(super) async fn ended(&self) -> Result<(), LedgerError> {
        let mut tx = self.ledger.database.begin().await?;
        let passed = query("UPDATE janitor SET passed = $1 WHERE id = 1").bind(now());
        passed.execute(&mut tx).await.during("note pass")?;
        tx.commit().await.during("note pass")
    }

    /// What tells this ledger apart from all others.
    pub(super) async fn name(&self) -> Result<String, LedgerError> {
        let known = "SELECT name FROM janitor WHERE id = 1";
        let mut conn = self.ledger.database.read().await?;
        let row = query(known).fetch_optional(&mut conn).await;
        if let Some(row) = row.during("read ledger's name")? {
            return row.text(0).during("read ledger's name");
        }
        drop(conn);
        let process = &self.ledger.direction.process;
        let name = HEXLOWER.encode(&Fields::of("ledger").text(process).digest()[..16]);
        let mut tx = self.ledger.database.begin().await?;
        let insert = query(
            "INSERT INTO janitor (id, name, passed, deleted, orphaned, emptied) \
             VALUES (1, $1, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING",
        );
        let inserted = insert.bind(name).execute(&mut tx).await;
        inserted.during("name ledger")?;
        let row = query(known).fetch_one(&mut tx).await;
        let name = row.and_then(|row| row.text(0)).during("name ledger")?;
        tx.commit().await.during("name ledger")?;
        Ok(name)
    }

    /// Adds to what was deleted so far.
    pub(super) async fn count(&self, counts: Counts) -> Result<(), LedgerError> {
        let Counts {
            deleted,
            orphaned,
            emptied,
            foreign: _,
        } = counts;
        if deleted + orphaned + emptied == 0 {
            return Ok(());
        }
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut tx = self.ledger.database.begin().await?;
        let update = query(
            "UPDATE janitor SET deleted = deleted + $1, orphaned = orphaned + $2, \
             emptied = emptied + $3 WHERE id = 1",
        );
        let update = update.bind(signed(deleted)).bind(signed(orphaned));
        let update = update.bind(signed(emptied)).execute(&mut tx).await;
        update.during("count deleted blobs")?;
        tx.commit().await.during("count deleted blobs")
    }
}
