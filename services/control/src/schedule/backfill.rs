//! Rows of backfills.

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

/// A backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackfillRow {
    pub(crate) id: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) slice_days: i64,
    /// Up to where its closed runs have covered everything.
    pub(crate) covered: i64,
    pub(crate) state: BackfillState,
}

impl BackfillRow {
    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let state = i32::try_from(row.int(5)?).ok();
        let state = state.and_then(|state| BackfillState::try_from(state).ok());
        Ok(Self {
            id: row.int(0)?,
            from: row.int(1)?,
            to: row.int(2)?,
            slice_days: row.int(3)?,
            covered: row.int(4)?,
            state: state.unwrap_or_default(),
        })
    }

    /// The window of its next run.
    pub(super) fn next_slice(self) -> (i64, i64) {
        let length = self.slice_days.saturating_mul(DAY);
        let end = self.covered.saturating_add(length).min(self.to);
        (self.covered, end)
    }
}

impl From<BackfillRow> for BackfillSummary {
    fn from(row: BackfillRow) -> Self {
        Self {
            backfill: row.id,
            from: row.from,
            to: row.to,
            slice_days: narrow(row.slice_days),
            covered: row.covered,
            state: row.state.into(),
        }
    }
}

/// A connector's backfills, newest first.
pub(crate) async fn of_connector(
    conn: &mut Connection,
    connector: i64,
) -> Result<Vec<BackfillRow>, LedgerError> {
    let statement = query(
        "SELECT id, from_time, to_time, slice_days, covered, state FROM backfills \
         WHERE connector = $1 ORDER BY id DESC",
    );
    let rows = statement.bind(connector).fetch(conn).await;
    let rows = rows.during("list backfills")?;
    let backfills: Result<_, _> = rows.iter().map(BackfillRow::read).collect();
    backfills.during("list backfills")
}

/// Adds a backfill; returns its key.
pub(crate) async fn insert(
    conn: &mut Connection,
    connector: i64,
    (from, to): (i64, i64),
    slice_days: u32,
) -> Result<i64, LedgerError> {
    let insert = query(
        "INSERT INTO backfills (connector, from_time, to_time, slice_days, covered, state) \
         VALUES ($1, $2, $3, $4, $2, $5) RETURNING id",
    )
    .bind(connector)
    .bind(from)
    .bind(to)
    .bind(i64::from(slice_days))
    .bind(i64::from(BackfillState::Open as i32));
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

/// Notes up to where a backfill's runs have covered everything; ends it when that is its end.
pub(super) async fn cover(conn: &mut Connection, id: i64, to: i64) -> Result<(), LedgerError> {
    let update = query(
        "UPDATE backfills SET covered = $1, state = CASE WHEN to_time = $1 AND state = $2 \
         THEN $3 ELSE state END WHERE id = $4 AND covered < $1",
    )
    .bind(to)
    .bind(i64::from(BackfillState::Open as i32))
    .bind(i64::from(BackfillState::Finished as i32))
    .bind(id);
    update.execute(conn).await.during("end backfill")?;
    Ok(())
}
