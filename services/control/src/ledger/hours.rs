//! How many records of a database were captured in each hour. Counts come with CAPTURE tasks and are valid
//! with the step that moves the cursor: what is counted again later is compared with them.

use chatkeep_proto::v1::{CursorRequest, HourCount};

use super::{capture::signed, task::TaskRow};
use crate::{
    database::{Cell, Connection, DatabaseError, insert, query},
    error::{During as _, LedgerError},
};

/// Remembers what a CAPTURE task counted. An hour that is read again was read whole again.
pub(super) async fn captured(
    conn: &mut Connection,
    task: &TaskRow,
    hours: &[HourCount],
) -> Result<(), LedgerError> {
    let rows: Vec<_> = hours
        .iter()
        .map(|hour| {
            [
                Cell::Int(task.run),
                Cell::Int(task.source),
                Cell::text(&hour.stream),
                Cell::Int(hour.hour),
                Cell::Int(signed(hour.records)),
            ]
        })
        .collect();
    let table = "hours_read (run, source, stream, hour, records)";
    let tail = " ON CONFLICT (run, source, stream, hour) DO UPDATE SET records = excluded.records";
    let inserted = insert(conn, table, &rows, tail).await;
    inserted.during("count hours")?;
    Ok(())
}

/// Makes the counts of a source valid whose captures are complete. Those of another identity are of a
/// database that is no more.
pub(super) async fn advance(
    conn: &mut Connection,
    connector: i64,
    run: i64,
    source: i64,
) -> Result<(), LedgerError> {
    const STEPS: [&str; 2] = [
        "DELETE FROM hours WHERE connector = $1 AND EXISTS (SELECT 1 FROM stretches s \
         JOIN cursors c ON c.connector = $1 AND c.name = s.name AND c.identity <> s.identity \
         WHERE s.run = $2 AND s.source = $3 AND s.name = hours.name)",
        "INSERT INTO hours (connector, name, stream, hour, records) \
         SELECT $1, s.name, h.stream, h.hour, h.records FROM hours_read h \
         JOIN stretches s ON s.run = h.run AND s.source = h.source AND s.stream = h.stream \
         WHERE h.run = $2 AND h.source = $3 \
         ON CONFLICT (connector, name, stream, hour) DO UPDATE SET records = excluded.records",
    ];
    for step in STEPS {
        let step = query(step).bind(connector).bind(run).bind(source);
        step.execute(&mut *conn).await.during("count hours")?;
    }
    Ok(())
}

/// The counts that a request for a cursor asks for.
pub(super) async fn of(
    conn: &mut Connection,
    connector: i64,
    request: &CursorRequest,
) -> Result<Vec<HourCount>, LedgerError> {
    let statement = query(
        "SELECT h.stream, h.hour, h.records FROM cursors c JOIN hours h \
         ON h.connector = c.connector AND h.name = c.name AND h.stream = c.stream \
         WHERE c.connector = $1 AND c.name = $2 AND h.hour >= c.position - $3 \
         AND h.hour < c.position ORDER BY h.stream, h.hour",
    );
    let statement = statement
        .bind(connector)
        .bind(&request.database)
        .bind(request.hours);
    let rows = statement.fetch(conn).await.during("read hours")?;
    let hours = rows.iter().map(|row| {
        Ok(HourCount {
            stream: row.text(0)?,
            hour: row.int(1)?,
            records: row.count(2)?,
        })
    });
    let hours: Result<_, DatabaseError> = hours.collect();
    hours.during("read hours")
}
