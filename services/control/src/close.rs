//! The end of a run: balance, seal, status.

use chatkeep_pipeline::crash_point;
use chatkeep_proto::v1::RunState;

use crate::{
    balance::{self, Balance},
    coverage::{self, Covered},
    database::{Connection, Tx, query},
    error::{During as _, LedgerError},
    flow::{self, Step},
    ledger::{Ledger, findings, run::RunRow},
    schedule,
    seal::{self, Sealed},
    watch,
};

/// Closes a run in which nothing is pending or in flight.
pub(crate) async fn close(ledger: &Ledger, run: &RunRow) -> Result<(), LedgerError> {
    if watch::fails_alike(&run.watch) && flow::pause(ledger, run, Step::Close).await? {
        return Ok(());
    }
    let mut conn = ledger.database.read().await?;
    let balance = balance::compute(&mut conn, run).await?;
    // Whoever cancelled a run wants to see what became of it.
    let is_nothing_new = run.seals == 0
        && !run.cancelled
        && is_empty(run, &balance)
        // Nobody would see them.
        && findings::counts(&mut conn, run.id).await?.is_empty()
        && has_earlier(&mut conn, run).await?;
    drop(conn);
    if is_nothing_new {
        return discard(ledger, run).await;
    }
    let covered = coverage::of(ledger, run).await?;
    let (state, reason) = verdict(run, &balance);
    // What does not add up is not sealed: it would prove nothing.
    let sealed = if state == RunState::Unreconciled {
        None
    } else {
        Some(seal::write(ledger, run, &balance).await?)
    };
    record(ledger, run, (state, &reason), (sealed, covered)).await?;
    crash_point("sealed");
    tracing::info!(
        chatkeep.run.id = run.id,
        state = state.as_str_name(),
        "run closed"
    );
    Ok(())
}

/// How a run ends with this balance, and why.
fn verdict(run: &RunRow, balance: &Balance) -> (RunState, String) {
    match balance.verdict() {
        (RunState::Unreconciled, reason) => (RunState::Unreconciled, reason),
        (_, reason) if run.cancelled => (RunState::Cancelled, reason),
        verdict => verdict,
    }
}

/// True when a run read nothing but what was claimed before, and delivered nothing held.
fn is_empty(run: &RunRow, balance: &Balance) -> bool {
    let took_over_only = balance.open + balance.duplicates == balance.read;
    let has_new = balance.rendered > 0
        || balance.excluded > 0
        || balance.quarantined > 0
        || run.counters.earlier > 0
        // Records it read itself, and not only copies of what others have claimed.
        || run.counters.records > u64::try_from(balance.duplicates).unwrap_or(0);
    took_over_only && !has_new
}

/// True when the connector has an earlier run that stayed.
async fn has_earlier(conn: &mut Connection, run: &RunRow) -> Result<bool, LedgerError> {
    let statement =
        query("SELECT COUNT(*) FROM runs WHERE connector = $1 AND number > 0 AND number < $2");
    let row = statement
        .bind(run.connector)
        .bind(run.number)
        .fetch_one(conn)
        .await;
    Ok(row
        .and_then(|row| row.int(0))
        .during("look for earlier runs")?
        > 0)
}

/// Removes a run in which nothing was new. What it took over waits for the next one again.
async fn discard(ledger: &Ledger, run: &RunRow) -> Result<(), LedgerError> {
    const STEPS: [&str; 6] = [
        "DELETE FROM duplicates WHERE task IN (SELECT id FROM tasks WHERE run = $1)",
        // Ids of tasks that claims name must not be given away again.
        "DELETE FROM tasks WHERE run = $1 AND claimed = 0",
        "DELETE FROM chunks WHERE run = $1",
        "UPDATE chunks SET taken = 0 WHERE taken = $1",
        "DELETE FROM externals WHERE run = $1",
        "UPDATE runs SET number = -id, file = '' WHERE id = $1",
    ];
    let Some(mut tx) = begin(ledger, run).await? else {
        return Ok(());
    };
    for step in STEPS {
        query(step)
            .bind(run.id)
            .execute(&mut tx)
            .await
            .during("remove run")?;
    }
    let close = query("UPDATE runs SET status = $1, closed = $2 WHERE id = $3")
        .bind(i64::from(RunState::NothingNew as i32))
        .bind(ledger.clock.now())
        .bind(run.id);
    close.execute(&mut tx).await.during("remove run")?;
    schedule::closed(&mut tx, run, RunState::NothingNew).await?;
    tx.commit().await.during("remove run")?;
    tracing::info!(chatkeep.run.id = run.id, "nothing new, run removed");
    Ok(())
}

/// Begins the transaction that closes a run. `None` when it was suspended or cancelled since it was read, or something
/// was given back: what was found out about it is of the past.
async fn begin(ledger: &Ledger, run: &RunRow) -> Result<Option<Tx>, LedgerError> {
    let begun = flow::begin(ledger, run, Step::Close).await?;
    let begun = begun.filter(|(_, current)| current.cancelled == run.cancelled);
    Ok(begun.map(|(tx, _)| tx))
}

async fn record(
    ledger: &Ledger,
    run: &RunRow,
    (state, reason): (RunState, &str),
    (sealed, covered): (Option<Sealed>, Option<Covered>),
) -> Result<(), LedgerError> {
    let Some(mut tx) = begin(ledger, run).await? else {
        return Ok(());
    };
    if let Some(covered) = covered {
        coverage::record(&mut tx, run.id, &covered).await?;
    }
    if let Some(sealed) = &sealed {
        sealed.manifest.publish()?;
        let insert = query(
            "INSERT INTO seals (connector, number, run, kind, file, sha256, sealed, balance) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(run.connector)
        .bind(sealed.number)
        .bind(run.id)
        .bind(sealed.kind.as_str())
        .bind(&sealed.manifest.name)
        .bind(&sealed.manifest.sha256[..])
        .bind(sealed.at)
        .bind(&sealed.balance);
        insert.execute(&mut tx).await.during("record seal")?;
    }
    let update = query(
        "UPDATE runs SET status = $1, reason = $2, closed = $3, seals = seals + $4 WHERE id = $5",
    )
    .bind(i64::from(state as i32))
    .bind(reason)
    .bind(ledger.clock.now())
    .bind(i64::from(sealed.is_some()))
    .bind(run.id);
    update.execute(&mut tx).await.during("close run")?;
    schedule::closed(&mut tx, run, state).await?;
    ledger.report_end(&mut tx, run).await?;
    tx.commit().await.during("close run")
}
