//! What is known of directories that tell their changes.

use chatkeep_proto::v1::Mirror;

use super::run::{decode_blob, encode_blob};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
};

/// What the connector's newest REFRESH task left.
pub(super) async fn find(
    conn: &mut Connection,
    connector: i64,
) -> Result<Option<Mirror>, LedgerError> {
    let select = query("SELECT users, changes FROM mirrors WHERE connector = $1").bind(connector);
    let row = select.fetch_optional(conn).await.during("find mirror")?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Mirror {
        users: decode_blob(&row.bytes(0).during("find mirror")?),
        changes: row.text(1).during("find mirror")?,
    }))
}

/// Replaces it, users and address at once.
pub(crate) async fn keep(
    conn: &mut Connection,
    connector: i64,
    mirror: &Mirror,
) -> Result<(), LedgerError> {
    let delete = query("DELETE FROM mirrors WHERE connector = $1").bind(connector);
    delete.execute(conn).await.during("keep mirror")?;
    let insert = query("INSERT INTO mirrors (connector, users, changes) VALUES ($1, $2, $3)")
        .bind(connector)
        .bind(encode_blob(mirror.users.as_ref()))
        .bind(mirror.changes.clone());
    insert.execute(conn).await.during("keep mirror")?;
    Ok(())
}
