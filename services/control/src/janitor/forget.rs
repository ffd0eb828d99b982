//! Forgets what is of use for a while only: sessions that have ended, the traces in which deliveries were
//! settled, reports that were sent. Neither equations nor claims know them: see decision 0051.

use chatkeep_model::connector::HoldFor;

use super::{Janitor, Pass, millis, prune::PAGE};
use crate::{
    database::query,
    error::{During as _, LedgerError},
    ledger::now,
};

/// The newest lease of each shard that was taken before. It stays: what was settled in it may be younger.
const NEWEST: &str = "SELECT s.shard, COALESCE((SELECT MAX(l.taken) FROM leases l \
    WHERE l.shard = s.shard AND l.taken < $1), 0) FROM shards s ORDER BY s.shard";
/// The oldest first: of what is left, every delivery still finds its own lease or none.
const LEASES: &str = "DELETE FROM leases WHERE shard = $1 AND taken IN (SELECT taken FROM leases \
    WHERE shard = $1 AND taken < $2 ORDER BY taken LIMIT $3)";
/// Sent, or not called for: what nobody got stays, it is little and counted. Of runs that are over: one that
/// stops time and again is told once, as long as its row is there.
const REPORTS: &str = "DELETE FROM reports WHERE id IN (SELECT p.id FROM reports p \
    CROSS JOIN runs r WHERE p.state > 0 AND p.state IN (1, 4) AND p.due < $1 AND r.id = p.run AND r.status IN (3, 4, 7, 8) \
    ORDER BY p.due LIMIT $2)";

impl Janitor {
    /// Forgets, page by page, what is old enough.
    pub(super) async fn forget_by_age(&self) -> Result<Pass, LedgerError> {
        self.ledger.forget_ended_sessions().await?;
        let HoldFor::Time(age) = self.settings.forget_after else {
            return Ok(Pass::Whole);
        };
        let before = now() - millis(age);
        let leases = self.forget_leases(before).await?;
        if leases == Pass::BrokenOff {
            return Ok(leases);
        }
        self.forget_page_by_page(REPORTS, &[before]).await
    }

    async fn forget_leases(&self, before: i64) -> Result<Pass, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        let newest = query(NEWEST).bind(before).fetch(&mut conn).await;
        let newest = newest.and_then(|rows| {
            let shards = rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?)));
            shards.collect::<Result<Vec<_>, _>>()
        });
        let newest = newest.during("find leases to forget")?;
        drop(conn);
        for (shard, taken) in newest.into_iter().filter(|(_, taken)| *taken > 0) {
            let pass = self.forget_page_by_page(LEASES, &[shard, taken]).await?;
            if pass == Pass::BrokenOff {
                return Ok(pass);
            }
        }
        Ok(Pass::Whole)
    }

    /// Deletes until a page is not full; each page is a transaction, as in pruning.
    async fn forget_page_by_page(
        &self,
        delete: &'static str,
        values: &[i64],
    ) -> Result<Pass, LedgerError> {
        loop {
            if !self.goes_on().await? {
                return Ok(Pass::BrokenOff);
            }
            let mut tx = self.ledger.database.begin().await?;
            let bound = values
                .iter()
                .fold(query(delete), |statement, value| statement.bind(*value));
            let deleted = bound.bind(PAGE).execute(&mut tx).await;
            let deleted = deleted.during("forget")?;
            tx.commit().await.during("forget")?;
            if i64::try_from(deleted).unwrap_or(PAGE) < PAGE {
                return Ok(Pass::Whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::goes_by;

    #[tokio::test]
    async fn what_is_forgotten_is_not_looked_for_among_all() {
        goes_by(NEWEST, "SEARCH l USING PRIMARY KEY (shard=? AND taken<?").await;
        goes_by(
            LEASES,
            "SEARCH leases USING PRIMARY KEY (shard=? AND taken<?",
        )
        .await;
        goes_by(REPORTS, "SEARCH p USING INDEX reports_settled (due<?").await;
    }
}
