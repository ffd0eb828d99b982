//! Backfills as administrators order, list and cancel them.

use chatkeep_proto::v1::{
    BackfillRequest, BackfillResponse, BackfillState, CancelBackfillRequest, ListBackfillsResponse,
};

use serde_json::json;

use super::{cancel::cancel, stored::refuse_if_deleted};
use crate::{
    audit::Deed,
    error::{During as _, LedgerError},
    ledger::{Ledger, capture::connector_key, lock, run},
    schedule::{
        DAY,
        backfill::{self, Order, UNFINISHED},
        midnight,
    },
};

/// Days of a slice when nothing is said.
const SLICE_DAYS: i64 = 7;

impl Ledger {
    /// Orders runs over days that are over.
    pub(crate) async fn backfill(
        &self,
        deed: &Deed,
        request: BackfillRequest,
    ) -> Result<BackfillResponse, LedgerError> {
        let BackfillRequest { from, to, .. } = request;
        check_range(from, to, midnight(self.clock.now()))?;
        let slice_days = match request.slice_days {
            0 => SLICE_DAYS,
            days => i64::from(days),
        };
        let order = Order {
            from,
            to,
            slice_days,
            newest_first: request.newest_first,
        };
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, &request.connector).await?;
        lock(&mut tx, key).await?;
        refuse_if_deleted(&mut tx, key).await?;
        let id = backfill::insert(&mut tx, key, order).await?;
        let detail = json!({
            "from": from,
            "to": to,
            "slice_days": slice_days,
            "newest_first": order.newest_first,
        });
        self.note(&mut tx, &deed.about(&id), &detail).await?;
        tx.commit().await.during("order backfill")?;
        self.outstanding.ring();
        tracing::info!(
            chatkeep.connector.id = request.connector,
            chatkeep.backfill.id = id,
            "backfill ordered"
        );
        Ok(BackfillResponse { backfill: id })
    }

    /// A connector's backfills, newest first.
    pub(crate) async fn list_backfills(
        &self,
        connector: &str,
    ) -> Result<ListBackfillsResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let key = connector_key(&mut conn, connector).await?;
        let backfills = backfill::summaries(&mut conn, key).await?;
        Ok(ListBackfillsResponse { backfills })
    }

    /// Ends a backfill and the run that is open of it.
    pub(crate) async fn cancel_backfill(
        &self,
        deed: &Deed,
        request: CancelBackfillRequest,
    ) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, &request.connector).await?;
        lock(&mut tx, key).await?;
        let backfills = backfill::of_connector(&mut tx, key).await?;
        let found = backfills
            .into_iter()
            .find(|backfill| backfill.id == request.backfill);
        let found = found.ok_or(LedgerError::Unknown("backfill"))?;
        if found.state != BackfillState::Open {
            return Err(LedgerError::Closed("the backfill has ended"));
        }
        backfill::stop(&mut tx, found.id).await?;
        let open = run::one(&mut tx, UNFINISHED, &[key]).await?;
        let open = open.filter(|run| run.backfill == found.id);
        if let Some(run) = &open {
            cancel(&mut tx, run).await?;
        }
        self.note(&mut tx, deed, &json!({})).await?;
        tx.commit().await.during("cancel backfill")?;
        if let Some(run) = &open {
            self.forget_cancelled(run.id).await?;
        }
        tracing::info!(chatkeep.backfill.id = found.id, "backfill cancelled");
        Ok(())
    }
}

/// A backfill is of whole days: a room's day must not fall into two runs. `last` is the last midnight.
fn check_range(from: i64, to: i64, last: i64) -> Result<(), LedgerError> {
    let refuse = |key: &str, problem: &str| {
        Err(LedgerError::Refused {
            key: key.to_owned(),
            problem: problem.to_owned(),
        })
    };
    if from.rem_euclid(DAY) != 0 {
        return refuse("from", "is no midnight in UTC; a backfill is of whole days");
    }
    if to.rem_euclid(DAY) != 0 {
        return refuse("to", "is no midnight in UTC; a backfill is of whole days");
    }
    if from >= to {
        return refuse("to", "is not after from; nothing would be archived");
    }
    if to > last {
        return refuse(
            "to",
            "is after the last midnight in UTC; days not yet over are the daily run's",
        );
    }
    Ok(())
}
