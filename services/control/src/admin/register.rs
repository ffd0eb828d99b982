//! A connector's row: found by what is fixed of it, added, replaced.

use chatkeep_model::connector::Connector;

use super::stored::{Stored, stored};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::lock,
};

/// Stands for the list of connectors where a connector's key is asked for.
const ALL_CONNECTORS: i64 = 0;

/// A connector under its lock: what was stored of it before, if anything was.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) key: i64,
    pub(super) before: Option<Stored>,
}

/// Finds the connector and checks that nothing changed that is fixed, or stores it. Nobody else works on it
/// from here on.
pub(super) async fn register(
    conn: &mut Connection,
    connector: &Connector,
    (file, now): (&str, i64),
) -> Result<Registered, LedgerError> {
    if let Some((key, before)) = locate(conn, connector).await? {
        let before = Some(before);
        return Ok(Registered { key, before });
    }
    let key = add(conn, connector, (file, now)).await?;
    lock(conn, key).await?;
    Ok(Registered { key, before: None })
}

/// Finds the connector and checks that nothing changed that is fixed. Nobody else works on it from here on,
/// nor stores a new one.
pub(super) async fn locate(
    conn: &mut Connection,
    connector: &Connector,
) -> Result<Option<(i64, Stored)>, LedgerError> {
    lock_all(conn).await?;
    let Some(key) = find(conn, connector).await? else {
        return Ok(None);
    };
    lock(conn, key).await?;
    Ok(Some((key, stored(conn, key).await?)))
}

/// Nobody else stores a connector from here on.
pub(crate) async fn lock_all(conn: &mut Connection) -> Result<(), LedgerError> {
    lock(conn, ALL_CONNECTORS).await
}

/// Stores another file of a connector, or the same again after it was deleted.
pub(super) async fn replace(
    conn: &mut Connection,
    key: i64,
    connector: &Connector,
    (file, now): (&str, i64),
) -> Result<(), LedgerError> {
    refuse_name_of_another(conn, connector).await?;
    let update = query(
        "UPDATE connectors SET name = $1, file = $2, version = version + 1, changed = $3, \
         deleted = NULL WHERE id = $4",
    )
    .bind(&connector.name)
    .bind(file)
    .bind(now)
    .bind(key);
    update.execute(conn).await.during("update connector")?;
    Ok(())
}

/// The key of the connector with this id, if what is fixed of it did not change.
async fn find(conn: &mut Connection, connector: &Connector) -> Result<Option<i64>, LedgerError> {
    let id = connector.id();
    let statement = query("SELECT id, domain FROM connectors WHERE name_id = $1").bind(&id);
    let row = statement
        .fetch_optional(conn)
        .await
        .during("find connector")?;
    let Some(row) = row else {
        return Ok(None);
    };
    let domain = row.text(1).during("find connector")?;
    if !domain.eq_ignore_ascii_case(&connector.domain) {
        return Err(LedgerError::Refused {
            key: "domain".to_owned(),
            problem: format!(
                "was {domain} when the connector was first used and stands in every Message-ID; \
                 set it back, or give the connector another id"
            ),
        });
    }
    row.int(0).map(Some).during("find connector")
}

/// Adds a connector, unless another one has its name.
async fn add(
    conn: &mut Connection,
    connector: &Connector,
    (file, now): (&str, i64),
) -> Result<i64, LedgerError> {
    refuse_name_of_another(conn, connector).await?;
    let insert = query(
        "INSERT INTO connectors (name_id, name, domain, file, resolved, changed) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(connector.id())
    .bind(&connector.name)
    .bind(&connector.domain)
    .bind(file)
    .bind(Vec::new())
    .bind(now);
    let row = insert.fetch_one(conn).await.during("add connector")?;
    row.int(0).during("add connector")
}

/// A name belongs to the connector that had it first, a deleted one included: reports and logs name it.
pub(super) async fn refuse_name_of_another(
    conn: &mut Connection,
    connector: &Connector,
) -> Result<(), LedgerError> {
    let statement = query("SELECT name_id FROM connectors WHERE name = $1 AND name_id <> $2");
    let statement = statement.bind(&connector.name).bind(connector.id());
    let row = statement.fetch_optional(conn).await;
    let Some(row) = row.during("find connector")? else {
        return Ok(());
    };
    let fixed = row.text(0).during("find connector")?;
    Err(LedgerError::Refused {
        key: "id".to_owned(),
        problem: format!(
            "was {fixed} when the connector was first used and cannot change; set it back, or \
             give the connector another name"
        ),
    })
}
