use opentelemetry::KeyValue;

use super::metric::{Metric, Sample, sample};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
};

/// How many deliveries of all runs of a connector are held, and since when the oldest is.
pub(super) async fn held(conn: &mut Connection) -> Result<Vec<Sample>, LedgerError> {
    let statement = query(
        "SELECT c.name_id, COUNT(h.id), MIN(h.since) FROM connectors c \
         LEFT JOIN held h ON h.connector = c.id AND h.state = 0 GROUP BY c.name_id",
    );
    let rows = statement.fetch(conn).await.during("count what is held")?;
    let mut samples = Vec::new();
    for row in rows {
        let columns = || Ok((row.text(0)?, row.count(1)?, row.maybe_int(2)?));
        let (connector, count, since) = columns().during("count what is held")?;
        let connector = KeyValue::new("chatkeep.connector.id", connector);
        samples.push(sample(Metric::Held, count, [connector.clone()]));
        let since = since.and_then(|since| u64::try_from(since / 1000).ok());
        samples.extend(since.map(|since| sample(Metric::HeldSince, since, [connector])));
    }
    Ok(samples)
}
