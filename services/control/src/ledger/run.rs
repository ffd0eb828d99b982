//! Rows of runs.

use chatkeep_proto::v1::{Blob, Run, RunState};
use prost::Message as _;

use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
};

/// A run.
#[expect(
    clippy::struct_excessive_bools,
    reason = "columns that do not depend on each other"
)]
#[derive(Clone, Debug, Default)]
pub(crate) struct RunRow {
    pub(crate) id: i64,
    pub(crate) connector: i64,
    pub(crate) number: i64,
    /// It captures nothing, it delivers what was held.
    pub(crate) held_only: bool,
    pub(crate) kind: String,
    pub(crate) status: RunState,
    pub(crate) reason: String,
    pub(crate) file: String,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    pub(crate) scheduled: bool,
    pub(crate) opened: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) max_part_bytes: i64,
    pub(crate) directory: Vec<u8>,
    pub(crate) custom: Vec<u8>,
    pub(crate) sources: i64,
    /// How many sources' listing has begun; one more when all are captured.
    pub(crate) source: i64,
    pub(crate) planned: bool,
    pub(crate) seals: i64,
    /// Deliveries without a final outcome.
    pub(crate) waiting: i64,
    pub(crate) counters: Counters,
    pub(crate) watch: Watch,
    /// The traceparent of the call that opened it.
    pub(crate) trace: String,
    /// The backfill whose slice it is; 0 when it is none.
    pub(crate) backfill: i64,
    /// Somebody ended it early.
    pub(crate) cancelled: bool,
    /// How often control resumed it by itself.
    pub(crate) resumes: i64,
    /// Control resumes it by itself from then on.
    pub(crate) resume_at: i64,
}

/// Progress so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) files: u64,
    pub(crate) foreign: u64,
    pub(crate) unchanged: u64,
    pub(crate) young: u64,
    pub(crate) records: u64,
    pub(crate) outside: u64,
    pub(crate) items: u64,
    pub(crate) planned: u64,
    pub(crate) done: u64,
    pub(crate) copies: u64,
    pub(crate) earlier: u64,
}

/// Final outcomes since the run was opened or resumed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    pub(crate) good: i64,
    pub(crate) bad: i64,
    /// The one reason of all bad outcomes; [`MIXED`] when there are several.
    pub(crate) reason: String,
}

/// Stands for more than one reason.
pub(crate) const MIXED: &str = "*";

const COLUMNS: &str = "id, connector, number, held_only, kind, status, reason, file, from_time, \
    to_time, scheduled, opened, closed, max_part_bytes, directory, custom, sources, source, planned, seals, \
    waiting, n_files, n_foreign, n_unchanged, n_young, n_records, n_outside, n_items, n_planned, \
    n_done, n_copies, n_earlier, watch_good, watch_bad, watch_reason, trace, backfill, cancelled, \
    resumes, resume_at";

/// Open runs that are not to be begun anew: the connector opens no other one beside them. A backfill's
/// lies in the background.
pub(crate) const UNFINISHED: &str =
    "connector = $1 AND seals = 0 AND number > 0 AND status IN (1, 2, 6) AND backfill = 0";

impl RunRow {
    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let status = i32::try_from(row.int(5)?).ok();
        let status = status.and_then(|status| RunState::try_from(status).ok());
        Ok(Self {
            id: row.int(0)?,
            connector: row.int(1)?,
            number: row.int(2)?,
            held_only: row.int(3)? != 0,
            kind: row.text(4)?,
            status: status.unwrap_or(RunState::Unspecified),
            reason: row.text(6)?,
            file: row.text(7)?,
            from: row.maybe_int(8)?,
            to: row.maybe_int(9)?,
            scheduled: row.int(10)? != 0,
            opened: row.int(11)?,
            closed: row.maybe_int(12)?,
            max_part_bytes: row.int(13)?,
            directory: row.bytes(14)?,
            custom: row.bytes(15)?,
            sources: row.int(16)?,
            source: row.int(17)?,
            planned: row.int(18)? != 0,
            seals: row.int(19)?,
            waiting: row.int(20)?,
            counters: Counters::read(row, 21)?,
            watch: Watch {
                good: row.int(32)?,
                bad: row.int(33)?,
                reason: row.text(34)?,
            },
            trace: row.text(35)?,
            backfill: row.int(36)?,
            cancelled: row.int(37)? != 0,
            resumes: row.int(38)?,
            resume_at: row.int(39)?,
        })
    }

    /// A slice of a backfill that is not closed yet: it goes on while no other run of its connector is
    /// unfinished.
    pub(crate) fn is_background(&self) -> bool {
        self.backfill > 0 && self.seals == 0
    }

    /// The run as stages see it, without the directory's mirror; `connector` is the connector's public id.
    pub(crate) fn to_proto(&self, connector: String) -> Run {
        Run {
            id: self.id,
            connector,
            number: self.number,
            connector_file: self.file.clone(),
            from: self.from,
            to: self.to,
            scheduled: self.scheduled,
            opened: self.opened.div_euclid(1000),
            max_part_bytes: u64::try_from(self.max_part_bytes).unwrap_or(0),
            directory: decode_blob(&self.directory),
            custom_mapping: decode_blob(&self.custom),
            backfill: self.backfill > 0,
            mirror: None,
        }
    }
}

impl Counters {
    fn read(row: &Row, first: usize) -> Result<Self, DatabaseError> {
        Ok(Self {
            files: row.count(first)?,
            foreign: row.count(first + 1)?,
            unchanged: row.count(first + 2)?,
            young: row.count(first + 3)?,
            records: row.count(first + 4)?,
            outside: row.count(first + 5)?,
            items: row.count(first + 6)?,
            planned: row.count(first + 7)?,
            done: row.count(first + 8)?,
            copies: row.count(first + 9)?,
            earlier: row.count(first + 10)?,
        })
    }
}

/// A stored blob reference; `None` for an absent one.
pub(crate) fn decode_blob(bytes: &[u8]) -> Option<Blob> {
    if bytes.is_empty() {
        return None;
    }
    Blob::decode(bytes).ok()
}

/// How an optional blob reference is stored.
pub(crate) fn encode_blob(blob: Option<&Blob>) -> Vec<u8> {
    blob.map_or_else(Vec::new, prost::Message::encode_to_vec)
}

/// The run with this key.
pub(crate) async fn find(conn: &mut Connection, id: i64) -> Result<RunRow, LedgerError> {
    one(conn, "id = $1", &[id])
        .await?
        .ok_or(LedgerError::Unknown("run"))
}

/// The newest run for which `condition` holds.
pub(crate) async fn one(
    conn: &mut Connection,
    condition: &'static str,
    values: &[i64],
) -> Result<Option<RunRow>, LedgerError> {
    let tail = "ORDER BY id DESC LIMIT 1";
    Ok(select(conn, condition, values, tail)
        .await?
        .into_iter()
        .next())
}

/// The newest run of one connector, of those that left a trace, for which `condition` holds. Numbers have an
/// index: it takes no longer for many runs.
pub(crate) async fn newest(
    conn: &mut Connection,
    condition: &'static str,
    values: &[i64],
) -> Result<Option<RunRow>, LedgerError> {
    let tail = "ORDER BY number DESC LIMIT 1";
    let runs = select(conn, condition, values, tail).await?;
    Ok(runs.into_iter().next())
}

/// All runs for which `condition` holds.
pub(crate) async fn select(
    conn: &mut Connection,
    condition: &'static str,
    values: &[i64],
    tail: &'static str,
) -> Result<Vec<RunRow>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE {condition} {tail}");
    let mut statement = query(sql);
    for &value in values {
        statement = statement.bind(value);
    }
    let rows = statement.fetch(conn).await.during("read runs")?;
    let runs: Result<_, _> = rows.iter().map(RunRow::read).collect();
    runs.during("read runs")
}

/// Moves a run to another state.
pub(crate) async fn set_status(
    conn: &mut Connection,
    run: i64,
    status: RunState,
    reason: &str,
) -> Result<(), LedgerError> {
    let update = query("UPDATE runs SET status = $1, reason = $2 WHERE id = $3")
        .bind(i64::from(status as i32))
        .bind(reason)
        .bind(run);
    update.execute(conn).await.during("set run status")?;
    tracing::info!(
        chatkeep.run.id = run,
        status = status.as_str_name(),
        "run changed state"
    );
    Ok(())
}

/// Lets a closed run work again, because some of its deliveries do.
pub(crate) async fn reopen(conn: &mut Connection, run: i64) -> Result<(), LedgerError> {
    let update = query(
        "UPDATE runs SET status = $1, reason = '' WHERE id = $2 AND status IN ($3, $4, $5, $6)",
    )
    .bind(i64::from(RunState::Running as i32))
    .bind(run)
    .bind(i64::from(RunState::Succeeded as i32))
    .bind(i64::from(RunState::SucceededWithExceptions as i32))
    .bind(i64::from(RunState::Unreconciled as i32))
    .bind(i64::from(RunState::Cancelled as i32));
    update.execute(conn).await.during("reopen run")?;
    Ok(())
}

/// Lets a closed run work again, with this connector file.
pub(crate) async fn reopen_with(
    conn: &mut Connection,
    run: i64,
    file: &str,
) -> Result<(), LedgerError> {
    let update = query("UPDATE runs SET file = $1 WHERE id = $2");
    let update = update.bind(file).bind(run).execute(conn).await;
    update.during("reopen run")?;
    reopen(conn, run).await
}

/// Counts bad final outcomes that have one reason.
pub(crate) async fn watch_bad(
    conn: &mut Connection,
    run: i64,
    outcomes: i64,
    reason: &str,
) -> Result<(), LedgerError> {
    let update = query(
        "UPDATE runs SET watch_bad = watch_bad + $1, \
         watch_reason = CASE WHEN watch_bad = 0 OR watch_reason = $2 THEN $3 ELSE $4 END \
         WHERE id = $5",
    )
    .bind(outcomes)
    .bind(reason)
    .bind(reason)
    .bind(MIXED)
    .bind(run);
    update.execute(conn).await.during("count failures")?;
    Ok(())
}
