//! What somebody should know of runs beside their equations.

use std::collections::HashMap;

use chatkeep_proto::v1::Finding;

use super::{Ledger, capture::signed};
use crate::{
    database::{Cell, Connection, DatabaseError, Row, insert, query},
    error::{During as _, LedgerError},
};

/// Stands for the task of what control found itself.
const OURS: i64 = 0;

impl Ledger {
    /// A page of a run's findings, in their order, behind a key, so many at most; and where to go on.
    pub(crate) async fn findings(
        &self,
        run: i64,
        after: i64,
        limit: i64,
    ) -> Result<(Vec<Finding>, Option<i64>), LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(
            "SELECT id, kind, subject, expected, seen, advice FROM findings \
             WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3",
        );
        let statement = statement.bind(run).bind(after).bind(limit);
        let rows = statement.fetch(&mut conn).await.during("list findings")?;
        let last = rows.last().map(|row| row.int(0)).transpose();
        let findings: Result<_, _> = rows.iter().map(read).collect();
        Ok((
            findings.during("list findings")?,
            last.during("list findings")?,
        ))
    }
}

fn read(row: &Row) -> Result<Finding, DatabaseError> {
    let count = |column| {
        let count = row.maybe_int(column)?;
        Ok::<_, DatabaseError>(count.map(|count| u64::try_from(count).unwrap_or(0)))
    };
    Ok(Finding {
        kind: row.text(1)?,
        subject: row.text(2)?,
        expected: count(3)?,
        seen: count(4)?,
        advice: row.text(5)?,
    })
}

/// Records what a task tells.
pub(super) async fn record(
    conn: &mut Connection,
    (run, task): (i64, i64),
    findings: &[Finding],
) -> Result<(), LedgerError> {
    let rows: Vec<_> = findings
        .iter()
        .map(|finding| {
            [
                Cell::Int(run),
                Cell::Int(task),
                Cell::text(&finding.kind),
                Cell::text(&finding.subject),
                finding.expected.map(signed).into(),
                finding.seen.map(signed).into(),
                Cell::text(&finding.advice),
            ]
        })
        .collect();
    let table = "findings (run, task, kind, subject, expected, seen, advice)";
    let inserted = insert(conn, table, &rows, "").await;
    inserted.during("record findings")?;
    Ok(())
}

/// Replaces what control found of a run itself.
pub(crate) async fn replace_ours(
    conn: &mut Connection,
    run: i64,
    findings: &[Finding],
) -> Result<(), LedgerError> {
    let delete = query("DELETE FROM findings WHERE run = $1 AND task = $2");
    let delete = delete.bind(run).bind(OURS).execute(&mut *conn).await;
    delete.during("record findings")?;
    record(conn, (run, OURS), findings).await
}

/// How many findings a run has, by their kinds.
pub(crate) async fn counts(
    conn: &mut Connection,
    run: i64,
) -> Result<Vec<(String, u64)>, LedgerError> {
    let statement =
        query("SELECT kind, COUNT(*) FROM findings WHERE run = $1 GROUP BY kind ORDER BY kind");
    let rows = statement.bind(run).fetch(conn).await;
    let rows = rows.during("count findings")?;
    let counts = rows.iter().map(|row| Ok((row.text(0)?, row.count(1)?)));
    let counts: Result<_, DatabaseError> = counts.collect();
    counts.during("count findings")
}

/// How many findings runs have, by their ids; those without any are left out.
pub(crate) async fn numbers(
    conn: &mut Connection,
    runs: &[Cell<'_>],
) -> Result<HashMap<i64, u64>, LedgerError> {
    let statement = query("SELECT run, COUNT(*) FROM findings WHERE run ");
    let rows = statement.list(runs).sql(" GROUP BY run").fetch(conn).await;
    let rows = rows.during("count findings")?;
    let numbers = rows.iter().map(|row| Ok((row.int(0)?, row.count(1)?)));
    let numbers: Result<_, DatabaseError> = numbers.collect();
    numbers.during("count findings")
}
