//! Rows of backfills.

use std::collections::HashMap;

use chatkeep_proto::v1::{BackfillState, BackfillSummary};

use super::DAY;
use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::task::narrow,
};

/// A connector's run of a backfill that is to be finished first.
pub(crate) const UNFINISHED: &str =
    "connector = $1 AND seals = 0 AND number > 0 AND status IN (1, 2, 6) AND backfill > 0";

/// What somebody orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) slice_days: i64,
    pub(crate) newest_first: bool,
}

/// A backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackfillRow {
    pub(crate) id: i64,
    pub(crate) order: Order,
    /// Up to where its closed runs have covered everything; newest first, back to where.
    pub(crate) covered: i64,
    pub(crate) state: BackfillState,
}

/// What a backfill's closed runs have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pace {
    runs: i64,
    items: i64,
    /// Milliseconds from opening to closing, all runs together.
    took: i64,
}

impl BackfillRow {
    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let state = i32::try_from(row.int(5)?).ok();
        let state = state.and_then(|state| BackfillState::try_from(state).ok());
        Ok(Self {
            id: row.int(0)?,
            order: Order {
                from: row.int(1)?,
                to: row.int(2)?,
                slice_days: row.int(3)?,
                newest_first: row.int(6)? != 0,
            },
            covered: row.int(4)?,
            state: state.unwrap_or_default(),
        })
    }

    /// The window of its next run.
    pub(super) fn next_slice(self) -> (i64, i64) {
        let Order { from, to, .. } = self.order;
        let length = self.order.slice_days.saturating_mul(DAY);
        if self.order.newest_first {
            let start = self.covered.saturating_sub(length).max(from);
            return (start, self.covered);
        }
        let end = self.covered.saturating_add(length).min(to);
        (self.covered, end)
    }

    /// Seconds that are covered, and those that are not.
    fn parts(self) -> (i64, i64) {
        let before = self.covered - self.order.from;
        let behind = self.order.to - self.covered;
        if self.order.newest_first {
            (behind, before)
        } else {
            (before, behind)
        }
    }

    /// How far it is, and how long the rest takes.
    fn summary(self, pace: Pace) -> BackfillSummary {
        let (done, left) = self.parts();
        let is_going = self.state == BackfillState::Open && done > 0 && pace.runs > 0;
        let remaining = || i128::from(pace.took) * i128::from(left) / i128::from(done);
        BackfillSummary {
            backfill: self.id,
            from: self.order.from,
            to: self.order.to,
            slice_days: narrow(self.order.slice_days),
            covered: self.covered,
            state: self.state.into(),
            newest_first: self.order.newest_first,
            runs: narrow(pace.runs),
            items: u64::try_from(pace.items).unwrap_or(0),
            remaining: is_going.then(|| i64::try_from(remaining()).unwrap_or(i64::MAX)),
        }
    }
}

/// Whether a connector has a backfill that has not ended.
pub(crate) async fn is_open(conn: &mut Connection, connector: i64) -> Result<bool, LedgerError> {
    let backfills = of_connector(conn, connector).await?;
    let mut states = backfills.iter().map(|backfill| backfill.state);
    Ok(states.any(|state| state == BackfillState::Open))
}

/// A connector's backfills, newest first.
pub(crate) async fn of_connector(
    conn: &mut Connection,
    connector: i64,
) -> Result<Vec<BackfillRow>, LedgerError> {
    let statement = query(
        "SELECT id, from_time, to_time, slice_days, covered, state, newest_first FROM backfills \
         WHERE connector = $1 ORDER BY id DESC",
    );
    let rows = statement.bind(connector).fetch(conn).await;
    let rows = rows.during("list backfills")?;
    let backfills: Result<_, _> = rows.iter().map(BackfillRow::read).collect();
    backfills.during("list backfills")
}

/// How far a connector's backfills are, newest first.
pub(crate) async fn summaries(
    conn: &mut Connection,
    connector: i64,
) -> Result<Vec<BackfillSummary>, LedgerError> {
    let paces = paces(conn, connector).await?;
    let backfills = of_connector(conn, connector).await?;
    let summary = |backfill: BackfillRow| {
        let pace = paces.get(&backfill.id).copied().unwrap_or_default();
        backfill.summary(pace)
    };
    Ok(backfills.into_iter().map(summary).collect())
}

const PACES: &str = "SELECT backfill, COUNT(*), CAST(SUM(n_items) AS BIGINT), \
    CAST(SUM(closed - opened) AS BIGINT) FROM runs \
    WHERE connector = $1 AND backfill > 0 AND seals > 0 GROUP BY backfill";

/// What the closed runs of a connector's backfills have done, by backfill.
async fn paces(conn: &mut Connection, connector: i64) -> Result<HashMap<i64, Pace>, LedgerError> {
    let rows = query(PACES).bind(connector).fetch(conn).await;
    let rows = rows.during("measure backfills")?;
    let pace = |row: &Row| {
        let pace = Pace {
            runs: row.int(1)?,
            items: row.int(2)?,
            took: row.int(3)?,
        };
        Ok((row.int(0)?, pace))
    };
    let paces: Result<_, DatabaseError> = rows.iter().map(pace).collect();
    paces.during("measure backfills")
}

/// Adds a backfill; returns its key.
pub(crate) async fn insert(
    conn: &mut Connection,
    connector: i64,
    order: Order,
) -> Result<i64, LedgerError> {
    let covered = if order.newest_first {
        order.to
    } else {
        order.from
    };
    let insert = query(
        "INSERT INTO backfills (connector, from_time, to_time, slice_days, covered, state, \
         newest_first) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(connector)
    .bind(order.from)
    .bind(order.to)
    .bind(order.slice_days)
    .bind(covered)
    .bind(i64::from(BackfillState::Open as i32))
    .bind(i64::from(order.newest_first));
    let row = insert.fetch_one(conn).await.during("order backfill")?;
    row.int(0).during("order backfill")
}

/// Opens no further run of a backfill.
pub(crate) async fn stop(conn: &mut Connection, id: i64) -> Result<(), LedgerError> {
    end(conn, id, BackfillState::Cancelled).await
}

/// Ends an open backfill.
pub(super) async fn end(
    conn: &mut Connection,
    id: i64,
    state: BackfillState,
) -> Result<(), LedgerError> {
    let update = query("UPDATE backfills SET state = $1 WHERE id = $2 AND state = $3")
        .bind(i64::from(state as i32))
        .bind(id)
        .bind(i64::from(BackfillState::Open as i32));
    update.execute(conn).await.during("end backfill")?;
    Ok(())
}

/// Notes that a backfill's run has covered its window; ends the backfill when nothing is left of it.
pub(super) async fn cover(
    conn: &mut Connection,
    id: i64,
    (from, to): (i64, i64),
) -> Result<(), LedgerError> {
    let statements = [
        "UPDATE backfills SET covered = $1, state = CASE WHEN from_time = $1 AND state = $3 \
         THEN $4 ELSE state END WHERE id = $5 AND newest_first = 1 AND covered = $2",
        "UPDATE backfills SET covered = $2, state = CASE WHEN to_time = $2 AND state = $3 \
         THEN $4 ELSE state END WHERE id = $5 AND newest_first = 0 AND covered = $1",
    ];
    for statement in statements {
        let update = query(statement)
            .bind(from)
            .bind(to)
            .bind(i64::from(BackfillState::Open as i32))
            .bind(i64::from(BackfillState::Finished as i32))
            .bind(id);
        update.execute(conn).await.during("end backfill")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::{goes_by, looks_nothing_through};

    #[tokio::test]
    async fn runs_of_schedules_are_not_looked_through_for_those_of_backfills() {
        looks_nothing_through(PACES).await;
        goes_by(PACES, "runs_of_backfill").await;
    }
}
