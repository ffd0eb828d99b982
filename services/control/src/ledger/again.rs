//! Conversations that were quarantined because nobody could render them, given another chance.

use chatkeep_proto::v1::{Quarantined, TaskKind};

use super::{
    Ledger, claim,
    task::{self, TaskRow, TaskState},
};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
};

/// A conversation that was not rendered.
#[derive(Debug)]
pub(crate) struct Unrendered {
    /// The task that was buried with it.
    task: TaskRow,
    /// Its records.
    records: Quarantined,
}

impl Ledger {
    /// The conversations of a run that could not be rendered, as far as staging still has them. Read
    /// outside the transaction.
    pub(crate) async fn unrendered(&self, run: i64) -> Result<Vec<Unrendered>, LedgerError> {
        let mut conn = self.database.read().await?;
        let buried = task::buried(&mut conn, run, TaskKind::Convert).await?;
        drop(conn);
        let mut found = Vec::with_capacity(buried.len());
        for task in buried {
            let records = self.entry(&task).await?.into_quarantined();
            if !records.claimed.is_empty() {
                found.push(Unrendered { task, records });
            }
        }
        Ok(found)
    }
}

/// Has conversations rendered again, except those whose records somebody has captured since. Returns how
/// many.
pub(crate) async fn render_again(
    conn: &mut Connection,
    unrendered: &[Unrendered],
) -> Result<u64, LedgerError> {
    let mut count = 0;
    for Unrendered { task, records } in unrendered {
        let state = task::state(conn, task.key).await?;
        if state != TaskState::Buried || !claim::reclaim(conn, task, records).await? {
            continue;
        }
        let delete = query("DELETE FROM quarantined WHERE task = $1").bind(task.key);
        let deleted = delete.execute(&mut *conn).await;
        deleted.during("render again")?;
        let open = query("UPDATE tasks SET state = 0, reason = '', opened = $1 WHERE id = $2");
        let open = open.bind(super::now()).bind(task.key);
        open.execute(&mut *conn).await.during("render again")?;
        count += 1;
    }
    Ok(count)
}
