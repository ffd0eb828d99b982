//! Ends runs early: nothing more is captured, what was captured is archived.

use chatkeep_proto::v1::{CancelRunRequest, CancelRunResponse, RunState, TaskKind};

use serde_json::json;

use super::{numbered, open::resume};
use crate::{
    audit::Deed,
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

/// The kinds of tasks that capturing consists of.
const CAPTURING: [TaskKind; 3] = [TaskKind::Refresh, TaskKind::List, TaskKind::Capture];

impl Ledger {
    /// Ends a run early. A run that somebody cancelled before ends all the same.
    pub(crate) async fn cancel_run(
        &self,
        deed: &Deed,
        request: CancelRunRequest,
    ) -> Result<CancelRunResponse, LedgerError> {
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
        cancel(&mut tx, &run).await?;
        self.note(&mut tx, deed, &json!({})).await?;
        tx.commit().await.during("cancel run")?;
        self.forget_cancelled(run.id).await?;
        Ok(CancelRunResponse { run: run.id })
    }

    /// Notes that tasks of a run are not out any more.
    pub(super) async fn forget_cancelled(&self, run: i64) -> Result<(), LedgerError> {
        let mut conn = self.database.read().await?;
        for kind in CAPTURING {
            let open = task::open_up_to(&mut conn, run, kind, i64::MAX).await?;
            self.outstanding.seen((run, kind), i64::MAX, &open);
        }
        self.outstanding.rewind(run);
        tracing::info!(chatkeep.run.id = run, "run cancelled");
        Ok(())
    }
}

/// Lets an unfinished run capture nothing more: closes its tasks that have claimed nothing. What others
/// have claimed may have been refused to other runs, so they must be done.
pub(super) async fn cancel(conn: &mut Connection, run: &RunRow) -> Result<(), LedgerError> {
    let [refresh, list, capture] = CAPTURING.map(|kind| i64::from(kind as i32));
    let close = query(
        "UPDATE tasks SET state = $1, reason = 'cancelled' \
         WHERE state = 0 AND run = $2 AND kind IN ($3, $4, $5) AND claimed = 0",
    )
    .bind(TaskState::Buried as i64)
    .bind(run.id)
    .bind(refresh)
    .bind(list)
    .bind(capture);
    close.execute(&mut *conn).await.during("cancel run")?;
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
    backfill::stop(conn, run.backfill).await
}
