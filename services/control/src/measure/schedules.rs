//! What is due: the next runs, and reading databases before their servers purge them.

use opentelemetry::KeyValue;

use super::metric::{Metric, Sample, sample};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    horizon,
};

/// When scheduled runs are due, and how far they are behind. `now` in seconds.
pub(super) async fn schedules(conn: &mut Connection, now: i64) -> Result<Vec<Sample>, LedgerError> {
    let statement = query(
        "SELECT c.name_id, s.due, s.covered FROM schedules s JOIN connectors c ON c.id = s.connector \
         WHERE s.due IS NOT NULL",
    );
    let rows = statement.fetch(conn).await.during("read schedules")?;
    let mut samples = Vec::new();
    for row in rows {
        let columns = || Ok((row.text(0)?, row.int(1)?, row.maybe_int(2)?));
        let (connector, due, covered) = columns().during("read schedules")?;
        let connector = KeyValue::new("chatkeep.connector.id", connector);
        let unsigned = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
        samples.push(sample(
            Metric::Due,
            unsigned(due / 1000),
            [connector.clone()],
        ));
        let lag = covered.map(|covered| unsigned(now - covered));
        samples.extend(lag.map(|lag| sample(Metric::Lag, lag, [connector.clone()])));
    }
    Ok(samples)
}

/// How long what was not read of databases yet is safe from their servers' purges. `now` in seconds.
pub(super) async fn horizons(conn: &mut Connection, now: i64) -> Result<Vec<Sample>, LedgerError> {
    let statement = query("SELECT id, name_id FROM connectors WHERE deleted IS NULL ORDER BY id");
    let rows = statement.fetch(conn).await.during("read connectors")?;
    let mut samples = Vec::new();
    for row in rows {
        let columns = || Ok((row.int(0)?, row.text(1)?));
        let (key, connector) = columns().during("read connectors")?;
        for horizon in horizon::of_connector(conn, key).await? {
            let attributes = [
                KeyValue::new("chatkeep.connector.id", connector.clone()),
                KeyValue::new("chatkeep.source.database", horizon.database),
            ];
            let unsigned = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
            let margin = unsigned(horizon.margin);
            samples.push(sample(Metric::Margin, margin, attributes.clone()));
            let left = horizon.purged.map(|purged| unsigned(purged - now));
            samples.extend(left.map(|left| sample(Metric::Horizon, left, attributes)));
        }
    }
    Ok(samples)
}
