//! Ends runs early: nothing more is captured, what was captured is archived.

use chatkeep_proto::v1::{CancelRunRequest, RunState, TaskKind};

use super::{numbered, open::resume};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger,
        capture::connector_key,
        lock,
        run::RunRow,
        task::{self, TaskState},
    },
    schedule::{self, backfill},
};

const REASON: &str = "cancelled";

impl Ledger {
    /// Ends a run early. A run that somebody cancelled before ends all the same.
    pub(crate) async fn cancel_run(&self, request: CancelRunRequest) -> Result<(), LedgerError> {
        let CancelRunRequest { connector, number } = request;
        if number <= 0 {
            return Err(LedgerError::Unknown("run"));
        }
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, &connector).await?;
        lock(&mut tx, key).await?;
        let run = numbered(&mut tx, &connector, number).await?;
        let is_open = matches!(
            run.status,
            RunState::Running | RunState::Paused | RunState::Failed
        );
        if !is_open || run.seals > 0 {
            return Err(LedgerError::Closed("the run has ended"));
        }
        let closed = cancel(&mut tx, &run).await?;
        tx.commit().await.during("cancel run")?;
        self.forget_cancelled(&run, &closed);
        Ok(())
    }

    /// Notes that these tasks of a run are not out any more.
    pub(super) fn forget_cancelled(&self, run: &RunRow, closed: &[i64]) {
        for &task in closed {
            self.outstanding.closed(task);
        }
        self.outstanding.rewind(run.id);
        tracing::info!(chatkeep.run.id = run.id, "run cancelled");
    }
}

/// Lets an unfinished run capture nothing more. Returns the tasks that it closed: those that have claimed
/// nothing. What others have claimed may have been refused to other runs, so they must be done.
pub(super) async fn cancel(conn: &mut Connection, run: &RunRow) -> Result<Vec<i64>, LedgerError> {
    let statement = query(
        "SELECT id FROM tasks WHERE state = 0 AND run = $1 AND kind IN ($2, $3, $4) \
         AND claimed = 0",
    );
    let statement = statement
        .bind(run.id)
        .bind(i64::from(TaskKind::Refresh as i32))
        .bind(i64::from(TaskKind::List as i32))
        .bind(i64::from(TaskKind::Capture as i32));
    let rows = statement.fetch(&mut *conn).await.during("cancel run")?;
    let closed: Result<Vec<_>, _> = rows.iter().map(|row| row.int(0)).collect();
    let closed = closed.during("cancel run")?;
    for &task in &closed {
        task::finish(conn, task, TaskState::Buried, 0, REASON).await?;
    }
    // What its connector is paused with goes on with the connector.
    if run.status != RunState::Running && !schedule::find(conn, run.connector).await?.is_paused {
        resume(conn, run, &run.file).await?;
    }
    // Where no source was begun, there is nothing to assemble.
    let update = query(
        "UPDATE runs SET cancelled = 1, source = CASE WHEN source = 0 THEN sources + 1 \
         ELSE source END WHERE id = $1",
    );
    let update = update.bind(run.id).execute(&mut *conn).await;
    update.during("cancel run")?;
    backfill::stop(conn, run.backfill).await?;
    Ok(closed)
}
