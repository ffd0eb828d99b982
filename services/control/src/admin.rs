//! What administrators ask of the ledger.

mod backfills;
mod cancel;
pub(crate) mod connectors;
mod exceptions;
mod held;
mod known;
pub(crate) mod lists;
pub(crate) mod manifests;
pub(crate) mod open;
pub(crate) mod register;
pub(crate) mod report;
mod search;
pub(crate) mod stored;
pub(crate) mod trace;

use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        capture::connector_key,
        run::{self, RunRow},
    },
};

/// The run of a connector with this number; 0 is the newest that is closed.
async fn numbered(
    conn: &mut Connection,
    connector: &str,
    number: i64,
) -> Result<RunRow, LedgerError> {
    let connector = connector_key(conn, connector).await?;
    let found = if number == 0 {
        // Succeeded, with exceptions or not, unreconciled, or cancelled.
        let condition = "connector = $1 AND number > 0 AND status IN (3, 4, 5, 8)";
        run::newest(conn, condition, &[connector]).await?
    } else {
        run::one(conn, "connector = $1 AND number = $2", &[connector, number]).await?
    };
    found.ok_or(LedgerError::Unknown("run"))
}

/// Name of a connector, as administrators see it.
pub(crate) async fn connector_name(conn: &mut Connection, key: i64) -> Result<String, LedgerError> {
    let statement = query("SELECT name FROM connectors WHERE id = $1").bind(key);
    let row = statement.fetch_one(conn).await.during("find connector")?;
    row.text(0).during("find connector")
}
