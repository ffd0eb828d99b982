//! What a report says beside the equations, in numbers.

use chatkeep_report::MailExceptions;

use crate::{
    admin::trace::NO_MAILBOX,
    database::{Connection, DatabaseError, Statement, query},
    error::{During as _, LedgerError},
    ledger::findings,
};

/// Counts a run's exceptions.
pub(super) async fn of(conn: &mut Connection, run: i64) -> Result<MailExceptions, LedgerError> {
    const QUARANTINED: &str = "SELECT reason, CAST(SUM(records) AS BIGINT) FROM quarantined \
        WHERE run = $1 GROUP BY reason";
    const FAILED: &str = "SELECT d.reason, COUNT(*) FROM batches b CROSS JOIN deliveries d \
        WHERE b.run = $1 AND d.item >= b.first AND d.item < b.first + b.items \
        AND d.state IN (2, 4) GROUP BY d.reason";
    const HELD: &str = "SELECT '', COUNT(DISTINCT participant) FROM held \
        WHERE run = $1 AND state = 0";
    const EXPIRED: &str = "SELECT '', COUNT(*) FROM held WHERE run = $1 AND state = 4";

    let quarantined = counted(conn, query(QUARANTINED).bind(run)).await?;
    let mut failed = counted(conn, query(FAILED).bind(run)).await?;
    let held = counted(conn, query(HELD).bind(run)).await?;
    let expired = counted(conn, query(EXPIRED).bind(run)).await?;
    let expired: u64 = expired.iter().map(|(_, count)| count).sum();
    if expired > 0 {
        failed.push((NO_MAILBOX.to_owned(), expired));
    }
    Ok(MailExceptions {
        quarantined,
        failed,
        held_users: held.iter().map(|(_, users)| users).sum(),
        findings: findings::counts(conn, run).await?,
    })
}

async fn counted(
    conn: &mut Connection,
    statement: Statement<'_>,
) -> Result<Vec<(String, u64)>, LedgerError> {
    let rows = statement.long().fetch(conn).await;
    let rows = rows.during("count exceptions")?;
    let counts = rows.iter().map(|row| Ok((row.text(0)?, row.count(1)?)));
    let counts: Result<_, DatabaseError> = counts.collect();
    counts.during("count exceptions")
}
