use opentelemetry::KeyValue;

use super::metric::{Metric, Sample, sample};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
};

/// Deliveries that failed, or were imported in part, by connector. The condition is that of an index, in
/// which they are counted: no row of theirs is read, and one of each mailbox.
const SETTLED: &str = "SELECT m.connector, f.state, f.count FROM (SELECT mailbox, state, \
    COUNT(*) AS count FROM deliveries WHERE state IN (2, 4) GROUP BY mailbox, state) f \
    JOIN mailboxes m ON m.id = f.mailbox";
/// What was held for as long as the connector says: it failed, too. The condition is that of an index.
const EXPIRED: &str =
    "SELECT connector, state, COUNT(*) FROM held WHERE state = 4 GROUP BY connector, state";

/// How many deliveries of all runs of a connector failed, or were imported in part, and were not retried
/// since.
pub(super) async fn failed(conn: &mut Connection) -> Result<Vec<Sample>, LedgerError> {
    let statement = query("SELECT id, name_id FROM connectors WHERE deleted IS NULL ORDER BY id");
    let connectors = statement.fetch(conn).await.during("read connectors")?;
    let mut counts = Vec::new();
    for sql in [SETTLED, EXPIRED] {
        let rows = query(sql).fetch(conn).await;
        for row in rows.during("count what failed")? {
            let columns = || Ok((row.int(0)?, row.int(1)?, row.count(2)?));
            counts.push(columns().during("count what failed")?);
        }
    }
    let mut samples = Vec::new();
    for row in connectors {
        let columns = || Ok((row.int(0)?, row.text(1)?));
        let (key, id) = columns().during("read connectors")?;
        for (state, outcome) in [(2, "partially imported"), (4, "failed")] {
            let of_state = counts
                .iter()
                .filter(|count| (count.0, count.1) == (key, state));
            let attributes = [
                KeyValue::new("chatkeep.connector.id", id.clone()),
                KeyValue::new("chatkeep.outcome", outcome),
            ];
            let count = of_state.map(|count| count.2).sum();
            samples.push(sample(Metric::Failed, count, attributes));
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::goes_by;

    #[tokio::test]
    async fn what_failed_is_not_looked_for_among_all_deliveries() {
        let index = "USING COVERING INDEX deliveries_failed_by_mailbox";
        goes_by(SETTLED, index).await;
        goes_by(EXPIRED, "held_failed").await;
    }
}
