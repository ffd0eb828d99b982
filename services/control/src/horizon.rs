//! Until when what a database holds, and was not read yet, is safe: servers purge what they archived.

use std::collections::HashMap;

use chatkeep_model::connector::{Connector, Retention, Source};
use chatkeep_proto::v1::DataLossHorizon;
use chatkeep_report::is_near;

use crate::{
    admin::stored::file_of,
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, parse},
};

/// Time between two events about one horizon, milliseconds.
pub(crate) const HOUR: i64 = 3_600_000;

/// The horizons of a connector's databases, those of whose servers nothing is known left out. None of a
/// connector file that cannot be read any more: its runs say so.
pub(crate) async fn of_connector(
    conn: &mut Connection,
    connector: i64,
) -> Result<Vec<DataLossHorizon>, LedgerError> {
    let file = file_of(conn, connector).await?;
    let Some(model) = parse(&file)
        .ok()
        .filter(|model| retained(model).count() > 0)
    else {
        return Ok(Vec::new());
    };
    let oldest = oldest_unread(conn, connector).await?;
    let horizons = retained(&model).map(|(database, name, retention)| {
        let unread = oldest.get(&name);
        DataLossHorizon {
            database,
            purged: unread.map(|&unread| retention.purged_at(unread)),
            margin: retention.margin(),
        }
    });
    Ok(horizons.collect())
}

/// Databases whose servers purge: what people call them, what cursors call them, and when.
fn retained(model: &Connector) -> impl Iterator<Item = (String, String, Retention)> + '_ {
    model.sources.iter().filter_map(|source| match source {
        Source::ArchivingDatabase(database) => {
            let shown = database.name("").trim().to_owned();
            let cursor = database.name(source.type_name());
            database.retention.map(|kept| (shown, cursor, kept))
        }
        _ => None,
    })
}

/// Up to when each database was read, in the table that is furthest behind; Unix seconds.
async fn oldest_unread(
    conn: &mut Connection,
    connector: i64,
) -> Result<HashMap<String, i64>, LedgerError> {
    let statement =
        query("SELECT name, MIN(position) FROM cursors WHERE connector = $1 GROUP BY name");
    let rows = statement.bind(connector).fetch(conn).await;
    let rows = rows.during("read cursors")?;
    let positions: Result<_, _> = rows
        .iter()
        .map(|row| Ok((row.text(0)?, row.int(1)?)))
        .collect();
    positions.during("read cursors")
}

impl Ledger {
    /// Says of every scheduled connector that this process directs which unread rows will be purged soon.
    pub(crate) async fn warn_of_loss(&self) -> Result<(), LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(
            "SELECT c.id, c.name_id FROM schedules s JOIN connectors c ON c.id = s.connector \
             WHERE s.due IS NOT NULL ORDER BY c.id",
        );
        let rows = statement.fetch(&mut conn).await.during("read schedules")?;
        let now = self.clock.now() / 1000;
        let mut warnings = Vec::new();
        for row in rows {
            let columns = || Ok((row.int(0)?, row.text(1)?));
            let (connector, id) = columns().during("read schedules")?;
            let horizons = of_connector(&mut conn, connector).await?;
            let mut near = horizons;
            near.retain(|one| is_near(one, now));
            if !near.is_empty() {
                warnings.push((connector, id, near));
            }
        }
        // Whoever asks for the lease needs a connection, too.
        drop(conn);
        for (connector, id, near) in warnings {
            if !self.directs(connector).await? {
                continue;
            }
            for horizon in near {
                let purged = horizon.purged.unwrap_or(now);
                tracing::error!(
                    chatkeep.connector.id = id,
                    chatkeep.source.database = horizon.database,
                    seconds_left = purged.saturating_sub(now),
                    "rows that were not read yet are about to be purged by their server"
                );
            }
        }
        Ok(())
    }
}
