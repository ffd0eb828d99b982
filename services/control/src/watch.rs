//! The systemic pause: when everything fails alike, the cause is not in the content.

use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::run::{MIXED, RunRow, Watch},
};

/// So many outcomes are looked at before a run is stopped on its way.
const EARLY: i64 = 100;
/// Mailboxes or source files the failures must be spread over.
pub(crate) const PLACES: i64 = 3;

/// True when there were outcomes and all of them failed for one reason.
pub(crate) fn fails_alike(watch: &Watch) -> bool {
    watch.bad > 0 && watch.good == 0 && watch.reason != MIXED
}

/// True when the first hundred outcomes failed for one reason.
pub(crate) fn fails_alike_early(watch: &Watch) -> bool {
    watch.bad >= EARLY && fails_alike(watch)
}

/// In how many mailboxes or source files a run failed for its one reason.
pub(crate) async fn places(conn: &mut Connection, run: &RunRow) -> Result<i64, LedgerError> {
    let mailboxes = query(
        "SELECT COUNT(DISTINCT d.mailbox) FROM batches b CROSS JOIN deliveries d \
         WHERE b.run = $1 AND d.item >= b.first AND d.item < b.first + b.items \
         AND d.state = 4 AND d.reason = $2",
    );
    let mailboxes = mailboxes.bind(run.id).bind(&run.watch.reason);
    let mailboxes = mailboxes
        .fetch_one(&mut *conn)
        .await
        .during("count places")?;
    let sources =
        query("SELECT COUNT(DISTINCT source) FROM quarantined WHERE run = $1 AND reason = $2");
    let sources = sources.bind(run.id).bind(&run.watch.reason);
    let sources = sources.fetch_one(conn).await.during("count places")?;
    Ok(mailboxes.int(0).during("count places")? + sources.int(0).during("count places")?)
}
