//! The two equations of a run, computed from the rows.

use chatkeep_proto::v1::{Deliveries, Records, RunState};
use serde::{Deserialize, Serialize};

use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{held::HeldState, run::RunRow},
};

/// Both sides of both equations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Records the sources handed over, those taken over from the run before included.
    pub read: i64,
    /// Records in items.
    pub rendered: i64,
    /// Records that were claimed before.
    pub duplicates: i64,
    /// Records left out by a named rule.
    pub excluded: i64,
    /// Records that could not be read or rendered.
    pub quarantined: i64,
    /// Records of days not yet over.
    pub open: i64,
    /// Items.
    pub items: i64,
    /// Items that were never planned: none, unless something is broken.
    pub unplanned: i64,
    /// Deliveries planned.
    pub planned: i64,
    /// Deliveries with all parts in their mailbox.
    pub imported: i64,
    /// Deliveries with some parts in their mailbox.
    pub partially_imported: i64,
    /// Deliveries that were in their mailbox already.
    pub skipped: i64,
    /// Deliveries that failed.
    pub failed: i64,
    /// Deliveries without a known mailbox.
    pub held: i64,
}

impl Balance {
    /// What the first equation lacks: records read that nothing became of. Zero when it closes.
    pub fn records_gap(&self) -> i64 {
        let accounted =
            self.rendered + self.duplicates + self.excluded + self.quarantined + self.open;
        self.read - accounted
    }

    /// What the second equation lacks: deliveries planned that nothing became of. Zero when it closes.
    pub fn deliveries_gap(&self) -> i64 {
        let done = self.imported + self.partially_imported + self.skipped;
        self.planned - (done + self.failed + self.held)
    }

    /// The state of a run that closes with this balance, and why.
    pub(crate) fn verdict(&self) -> (RunState, String) {
        let (records, deliveries) = (self.records_gap(), self.deliveries_gap());
        let mut gaps = Vec::new();
        if records != 0 {
            gaps.push(format!(
                "records: read differs from what became of them by {records}"
            ));
        }
        if deliveries != 0 {
            gaps.push(format!(
                "deliveries: planned differs from what became of them by {deliveries}"
            ));
        }
        if self.unplanned != 0 {
            gaps.push(format!("items: {} were never planned", self.unplanned));
        }
        if !gaps.is_empty() {
            return (RunState::Unreconciled, gaps.join("; "));
        }
        let exceptions = self.quarantined + self.failed + self.partially_imported + self.held;
        if exceptions > 0 {
            (RunState::SucceededWithExceptions, String::new())
        } else {
            (RunState::Succeeded, String::new())
        }
    }

    pub(crate) fn records(&self, outside: u64) -> Records {
        Records {
            read: count(self.read),
            rendered: count(self.rendered),
            duplicates: count(self.duplicates),
            excluded: count(self.excluded),
            quarantined: count(self.quarantined),
            open: count(self.open),
            outside,
        }
    }

    pub(crate) fn deliveries(&self) -> Deliveries {
        Deliveries {
            planned: count(self.planned),
            imported: count(self.imported),
            partially_imported: count(self.partially_imported),
            skipped: count(self.skipped),
            failed: count(self.failed),
            held: count(self.held),
        }
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Sums over a run's items, batch by batch.
const RENDERED: &str = "SELECT CAST(COALESCE(SUM(i.records), 0) AS BIGINT) \
    FROM batches b CROSS JOIN items i \
    WHERE b.run = $1 AND i.id >= b.first AND i.id < b.first + b.items AND i.lost = 0";
const ITEMS: &str = "SELECT COUNT(*) FROM batches b CROSS JOIN items i \
    WHERE b.run = $1 AND i.id >= b.first AND i.id < b.first + b.items AND i.lost = 0";
const UNPLANNED: &str = "SELECT COUNT(*) FROM batches b CROSS JOIN items i \
    WHERE b.run = $1 AND i.id >= b.first AND i.id < b.first + b.items AND i.lost = 0 \
    AND NOT EXISTS (SELECT 1 FROM plans p WHERE p.item = i.id)";
const PLANNED: &str = "SELECT CAST(COALESCE(SUM(p.planned), 0) AS BIGINT) \
    FROM batches b CROSS JOIN plans p \
    WHERE b.run = $1 AND p.item >= b.first AND p.item < b.first + b.items";

/// Adds everything up.
pub(crate) async fn compute(conn: &mut Connection, run: &RunRow) -> Result<Balance, LedgerError> {
    const READ: &str = "SELECT CAST(COALESCE(SUM(records_read), 0) AS BIGINT) FROM tasks \
        WHERE run = $1";
    const TAKEN: &str = "SELECT CAST(COALESCE(SUM(records), 0) AS BIGINT) FROM chunks \
        WHERE taken = $1 AND run <> $1";
    const OPEN: &str = "SELECT CAST(COALESCE(SUM(records), 0) AS BIGINT) FROM chunks \
        WHERE run = $1 AND open = 1";
    const DUPLICATES: &str = "SELECT COUNT(*) FROM tasks t JOIN duplicates d ON d.task = t.id \
        WHERE t.run = $1";
    const MORE: &str = "SELECT CAST(COALESCE(SUM(duplicates), 0) AS BIGINT) FROM tasks \
        WHERE run = $1";
    const EXCLUDED: &str = "SELECT CAST(COALESCE(SUM(e.records), 0) AS BIGINT) FROM tasks t \
        JOIN exclusions e ON e.task = t.id WHERE t.run = $1";
    const QUARANTINED: &str = "SELECT CAST(COALESCE(SUM(records), 0) AS BIGINT) FROM quarantined \
        WHERE run = $1";

    let mut balance = Balance {
        read: number(conn, READ, run.id).await? + number(conn, TAKEN, run.id).await?,
        rendered: number(conn, RENDERED, run.id).await?,
        duplicates: number(conn, DUPLICATES, run.id).await? + number(conn, MORE, run.id).await?,
        excluded: number(conn, EXCLUDED, run.id).await?,
        quarantined: number(conn, QUARANTINED, run.id).await?,
        open: number(conn, OPEN, run.id).await?,
        items: number(conn, ITEMS, run.id).await?,
        unplanned: number(conn, UNPLANNED, run.id).await?,
        planned: number(conn, PLANNED, run.id).await?,
        ..Balance::default()
    };
    add_deliveries(conn, run.id, &mut balance).await?;
    add_held(conn, run.id, &mut balance).await?;
    Ok(balance)
}

/// A query with one number as its answer.
pub(crate) async fn number(
    conn: &mut Connection,
    sql: &'static str,
    run: i64,
) -> Result<i64, LedgerError> {
    let row = query(sql).bind(run).long().fetch_one(conn).await;
    row.and_then(|row| row.int(0)).during("compute balance")
}

async fn add_deliveries(
    conn: &mut Connection,
    run: i64,
    balance: &mut Balance,
) -> Result<(), LedgerError> {
    let statement = query(
        "SELECT d.state, COUNT(*) FROM batches b CROSS JOIN deliveries d \
         WHERE b.run = $1 AND d.item >= b.first AND d.item < b.first + b.items GROUP BY d.state",
    );
    for row in statement
        .bind(run)
        .long()
        .fetch(conn)
        .await
        .during("compute balance")?
    {
        let state = row.int(0).during("compute balance")?;
        let count = row.int(1).during("compute balance")?;
        match state {
            1 => balance.imported += count,
            2 => balance.partially_imported += count,
            3 => balance.skipped += count,
            4 => balance.failed += count,
            // Waiting: nothing became of it yet.
            _ => {}
        }
    }
    Ok(())
}

async fn add_held(
    conn: &mut Connection,
    run: i64,
    balance: &mut Balance,
) -> Result<(), LedgerError> {
    let statement = query("SELECT state, COUNT(*) FROM held WHERE run = $1 GROUP BY state");
    for row in statement
        .bind(run)
        .long()
        .fetch(conn)
        .await
        .during("compute balance")?
    {
        let state = row.int(0).during("compute balance")?;
        let count = row.int(1).during("compute balance")?;
        if state == HeldState::Held as i64 {
            balance.held += count;
        } else if state == HeldState::Failed as i64 {
            balance.failed += count;
        } else if state != HeldState::Delivered as i64 {
            // Merged with another delivery, or not ours after all: no longer planned.
            balance.planned -= count;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::grows_with_the_items;

    #[tokio::test]
    async fn a_sum_takes_no_longer_for_each_item() {
        for sql in [RENDERED, ITEMS, UNPLANNED, PLANNED] {
            grows_with_the_items(sql).await;
        }
    }

    #[test]
    fn an_open_equation_is_named_with_its_gap() {
        let balance = Balance {
            read: 10,
            rendered: 8,
            planned: 3,
            imported: 3,
            ..Balance::default()
        };

        let (state, reason) = balance.verdict();

        assert_eq!(state, RunState::Unreconciled);
        assert_eq!(
            reason,
            "records: read differs from what became of them by 2"
        );
    }

    #[test]
    fn held_deliveries_are_exceptions() {
        let balance = Balance {
            planned: 1,
            held: 1,
            ..Balance::default()
        };

        assert_eq!(balance.verdict().0, RunState::SucceededWithExceptions);
    }
}
