//! Up to where databases were read. A position moves in one transaction with the step that follows the
//! last capture of its source, so that it never passes a row that is not in the ledger.

use chatkeep_proto::v1::{Cursor, CursorRequest, Position, Reach};

use super::{Ledger, capture::connector_key, hours, task::TaskRow};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
};

impl Ledger {
    /// Up to where the connector has read a database.
    pub(crate) async fn cursor(&self, request: CursorRequest) -> Result<Cursor, LedgerError> {
        let mut conn = self.database.read().await?;
        let connector = connector_key(&mut conn, &request.connector).await?;
        let statement = query(
            "SELECT identity, stream, position, counted FROM cursors \
             WHERE connector = $1 AND name = $2 ORDER BY stream",
        );
        let statement = statement.bind(connector).bind(&request.database);
        let rows = statement.fetch(&mut conn).await.during("read cursor")?;
        let mut cursor = Cursor {
            database: request.database.clone(),
            ..Cursor::default()
        };
        for row in rows {
            cursor.identity = row.text(0).during("read cursor")?;
            cursor.positions.push(Position {
                stream: row.text(1).during("read cursor")?,
                position: row.int(2).during("read cursor")?,
                counted: row.maybe_int(3).during("read cursor")?,
            });
        }
        if request.hours > 0 {
            cursor.hours = hours::of(&mut conn, connector, &request).await?;
        }
        Ok(cursor)
    }
}

/// Remembers what a LIST task has the run read.
pub(super) async fn begin(
    conn: &mut Connection,
    task: &TaskRow,
    reach: &Reach,
) -> Result<(), LedgerError> {
    for stretch in &reach.stretches {
        let insert = query(
            "INSERT INTO stretches (run, source, stream, name, identity, from_position, to_position) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run, source, stream) DO NOTHING",
        )
        .bind(task.run)
        .bind(task.source)
        .bind(&stretch.stream)
        .bind(&reach.database)
        .bind(&reach.identity)
        .bind(stretch.from)
        .bind(stretch.to);
        insert.execute(&mut *conn).await.during("begin to read")?;
    }
    Ok(())
}

/// Moves the cursors of a source whose captures are complete. Where what was read begins behind the
/// position there is a gap, and the position stays. What is left of another identity was accepted as
/// past by whoever set the new one.
pub(crate) async fn advance(
    conn: &mut Connection,
    connector: i64,
    run: i64,
    source: i64,
) -> Result<(), LedgerError> {
    // What was read before hours were counted lies behind the position that is the first to be moved.
    const STEPS: [&str; 3] = [
        "DELETE FROM cursors WHERE connector = $1 AND EXISTS (SELECT 1 FROM stretches s \
         WHERE s.run = $2 AND s.source = $3 AND s.name = cursors.name \
         AND s.identity <> cursors.identity)",
        "UPDATE cursors SET counted = COALESCE(counted, position), \
         position = (SELECT s.to_position FROM stretches s WHERE s.run = $2 \
         AND s.source = $3 AND s.name = cursors.name AND s.stream = cursors.stream) \
         WHERE connector = $1 AND EXISTS (SELECT 1 FROM stretches s WHERE s.run = $2 \
         AND s.source = $3 AND s.name = cursors.name AND s.stream = cursors.stream \
         AND COALESCE(s.from_position, cursors.position) <= cursors.position \
         AND s.to_position > cursors.position)",
        "INSERT INTO cursors (connector, name, stream, identity, position, counted) \
         SELECT $1, s.name, s.stream, s.identity, s.to_position, 0 FROM stretches s \
         WHERE s.run = $2 AND s.source = $3 AND s.from_position IS NULL \
         AND NOT EXISTS (SELECT 1 FROM cursors c WHERE c.connector = $1 AND c.name = s.name \
         AND c.stream = s.stream)",
    ];
    hours::advance(conn, connector, run, source).await?;
    for step in STEPS {
        let step = query(step).bind(connector).bind(run).bind(source);
        step.execute(&mut *conn).await.during("move cursor")?;
    }
    forget(conn, run, source).await
}

/// Forgets what a run reads of a source.
pub(crate) async fn forget(
    conn: &mut Connection,
    run: i64,
    source: i64,
) -> Result<(), LedgerError> {
    for table in ["stretches", "hours_read"] {
        let delete = query(format!(
            "DELETE FROM {table} WHERE run = $1 AND source = $2"
        ));
        let delete = delete.bind(run).bind(source);
        delete.execute(&mut *conn).await.during("move cursor")?;
    }
    Ok(())
}
