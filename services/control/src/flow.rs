//! What a run does next, computed from the rows: idempotent, so that it does not matter how often and
//! after which crash it is asked.

use chatkeep_model::connector::{Connector, HoldFor};
use chatkeep_model::identity::Fields;
use chatkeep_proto::v1::{NewTask, Refreshed, RunState, TaskKind};

use crate::{
    database::{Connection, Tx, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger,
        capture::chunks_of,
        contested, cursor, held, is_running, mirror, parse,
        run::{self, RunRow, encode_blob},
        task::{self, Family, TaskRow, any_open, narrow},
    },
    watch,
};

/// The kinds of tasks that planning consists of.
const PLANNING: [TaskKind; 7] = [
    TaskKind::Refresh,
    TaskKind::List,
    TaskKind::Capture,
    TaskKind::Assemble,
    TaskKind::Convert,
    TaskKind::Plan,
    TaskKind::Resolve,
];

/// What comes next for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Everything fails alike: stop and ask.
    Pause,
    /// Take the snapshots that the run is pinned to.
    Refresh,
    /// The captures of a source are complete: assemble them, list the next one.
    NextSource,
    /// Nothing is left to plan.
    EndPlanning,
    /// Nothing is left to do.
    Close,
    /// Tasks or deliveries are under way.
    Wait,
}

impl Step {
    /// As traces name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause run",
            Self::Refresh => "begin run",
            Self::NextSource => "capture next source",
            Self::EndPlanning => "end planning",
            Self::Close => "close run",
            Self::Wait => "wait",
        }
    }
}

/// The next step of a running run that has tasks of these kinds open. One that was cancelled captures
/// nothing more, and ends like any other.
pub(crate) fn next_step(run: &RunRow, open: u32) -> Step {
    if watch::fails_alike_early(&run.watch) {
        return Step::Pause;
    }
    if run.seals == 0 && !run.planned {
        if run.directory.is_empty() && !run.cancelled {
            let is_refreshing = any_open(open, &[TaskKind::Refresh]);
            return if is_refreshing {
                Step::Wait
            } else {
                Step::Refresh
            };
        }
        if !run.held_only && run.source <= run.sources {
            let is_capturing = any_open(open, &[TaskKind::List, TaskKind::Capture]);
            return if is_capturing {
                Step::Wait
            } else {
                Step::NextSource
            };
        }
        return if any_open(open, &PLANNING) {
            Step::Wait
        } else {
            Step::EndPlanning
        };
    }
    // Of a closed run, what was quarantined may be rendered and planned again.
    if run.waiting > 0 || any_open(open, &[TaskKind::Import]) || any_open(open, &PLANNING) {
        return Step::Wait;
    }
    Step::Close
}

fn plain(kind: TaskKind, source: i64) -> NewTask {
    NewTask {
        kind: kind.into(),
        source: narrow(source),
        ..NewTask::default()
    }
}

/// Begins the transaction of a step, with the run as it is now. `None` when another step has become due since it was
/// looked at, or none: somebody may have cancelled, paused or resumed it.
pub(crate) async fn begin(
    ledger: &Ledger,
    run: &RunRow,
    step: Step,
) -> Result<Option<(Tx, RunRow)>, LedgerError> {
    let mut tx = ledger.step(run.connector).await?;
    let run = run::find(&mut tx, run.id).await?;
    let open = task::open_kinds(&mut tx, run.id).await?;
    let is_due = is_running(run.status) && next_step(&run, open) == step;
    Ok(is_due.then_some((tx, run)))
}

/// Opens the REFRESH task.
pub(crate) async fn refresh(ledger: &Ledger, run: &RunRow) -> Result<(), LedgerError> {
    let Some((mut tx, run)) = begin(ledger, run, Step::Refresh).await? else {
        return Ok(());
    };
    let family = Family::of_run(run.id, run.connector);
    task::add(&mut tx, family, &[plain(TaskKind::Refresh, 0)]).await?;
    tx.commit().await.during("open refresh")
}

/// Records the end of a REFRESH task: pins the snapshots. Looks again for the mailboxes of what is held,
/// when directory, custom mapping or the rules changed since that was done last.
pub(crate) async fn refreshed(
    conn: &mut Connection,
    task: &TaskRow,
    refreshed: Refreshed,
) -> Result<(), LedgerError> {
    let run = run::find(conn, task.run).await?;
    let version = mapping_version(&parse(&run.file)?, &refreshed)?;
    let pin = query("UPDATE runs SET directory = $1, custom = $2 WHERE id = $3")
        .bind(encode_blob(refreshed.directory.as_ref()))
        .bind(encode_blob(refreshed.custom_mapping.as_ref()))
        .bind(run.id);
    pin.execute(&mut *conn).await.during("pin snapshots")?;
    if let Some(mirror) = &refreshed.mirror {
        mirror::keep(conn, run.connector, mirror).await?;
    }
    let statement = query(
        "SELECT resolved, CASE WHEN EXISTS (SELECT 1 FROM held WHERE connector = $1 AND state = 0) \
         THEN 1 ELSE 0 END FROM connectors WHERE id = $1",
    );
    let row = statement.bind(run.connector).fetch_one(&mut *conn).await;
    let row = row.during("compare snapshots")?;
    let is_new = row.bytes(0).during("compare snapshots")? != version;
    if is_new && row.int(1).during("compare snapshots")? != 0 {
        let resolve = plain(TaskKind::Resolve, 0);
        task::add(conn, Family::of_run(run.id, run.connector), &[resolve]).await?;
    }
    let update = query("UPDATE connectors SET resolved = $1 WHERE id = $2");
    let update = update.bind(&version[..]).bind(run.connector);
    update.execute(conn).await.during("compare snapshots")?;
    Ok(())
}

/// What decides about mailboxes: snapshots and rules.
fn mapping_version(connector: &Connector, refreshed: &Refreshed) -> Result<[u8; 32], LedgerError> {
    let rules = serde_json::to_string(&connector.mapping);
    let rules = rules.map_err(|_| LedgerError::Malformed("connector's mapping"))?;
    let hash = |blob: &Option<chatkeep_proto::v1::Blob>| {
        blob.as_ref()
            .map_or_else(Vec::new, |blob| blob.sha256.to_vec())
    };
    let fields = Fields::of("mapping")
        .bytes(&hash(&refreshed.directory))
        .bytes(&hash(&refreshed.custom_mapping))
        .text(&connector.domains().join(" "))
        .text(&rules);
    Ok(fields.digest())
}

/// Assembles what was captured last and lists the next source.
pub(crate) async fn next_source(ledger: &Ledger, run: &RunRow) -> Result<(), LedgerError> {
    let Some((mut tx, run)) = begin(ledger, run, Step::NextSource).await? else {
        return Ok(());
    };
    if run.source > 0 {
        if contested::capture_again(&mut tx, &run).await? {
            return tx.commit().await.during("move to next source");
        }
        let last = run.source - 1;
        assemble(&mut tx, &run, last).await?;
        if run.cancelled {
            cursor::forget(&mut tx, run.id, last).await?;
        } else {
            cursor::advance(&mut tx, run.connector, run.id, last).await?;
        }
    }
    let next = if run.cancelled {
        run.sources
    } else {
        run.source
    };
    if next < run.sources {
        let list = plain(TaskKind::List, next);
        task::add(&mut tx, Family::of_run(run.id, run.connector), &[list]).await?;
    }
    let update = query("UPDATE runs SET source = $1 WHERE id = $2");
    let update = update.bind(next + 1).bind(run.id);
    update
        .execute(&mut tx)
        .await
        .during("move to next source")?;
    tx.commit().await.during("move to next source")
}

/// Opens ASSEMBLE tasks for the shards that have records, those left open by earlier runs included: not
/// in a backfill, whose days are long over.
async fn assemble(conn: &mut Connection, run: &RunRow, source: i64) -> Result<(), LedgerError> {
    if run.backfill == 0 {
        let take = query(
            "UPDATE chunks SET taken = $1 WHERE connector = $2 AND source = $3 AND taken = 0 \
             AND open = 1",
        );
        let take = take.bind(run.id).bind(run.connector).bind(source);
        take.execute(&mut *conn).await.during("take open records")?;
    }
    let mut tasks = Vec::new();
    for chunk in chunks_of(conn, run.id, source).await? {
        for (shard, range) in (0_u32..).zip(chunk.offsets.windows(2)) {
            let task = NewTask {
                shard,
                ..plain(TaskKind::Assemble, source)
            };
            if range[1] > range[0] && !tasks.contains(&task) {
                tasks.push(task);
            }
        }
    }
    tasks.sort_by_key(|task| task.shard);
    task::add(conn, Family::of_run(run.id, run.connector), &tasks).await
}

/// Notes that everything is planned: whatever waits can be imported now.
pub(crate) async fn end_planning(ledger: &Ledger, run: &RunRow) -> Result<(), LedgerError> {
    let Some((mut tx, run)) = begin(ledger, run, Step::EndPlanning).await? else {
        return Ok(());
    };
    let update = query("UPDATE runs SET planned = 1 WHERE id = $1").bind(run.id);
    update.execute(&mut tx).await.during("end planning")?;
    if let HoldFor::Time(time) = parse(&run.file)?.mapping.hold_for {
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4);
        held::expire(&mut tx, run.connector, crate::ledger::now() - time).await?;
    }
    tx.commit().await.during("end planning")
}

/// Stops a run whose outcomes all fail for one reason, if that is systemic, instead of this step. True when it was
/// stopped, or the step is not due any more.
pub(crate) async fn pause(ledger: &Ledger, run: &RunRow, step: Step) -> Result<bool, LedgerError> {
    let Some((mut tx, run)) = begin(ledger, run, step).await? else {
        return Ok(true);
    };
    if watch::places(&mut tx, &run).await? < watch::PLACES {
        // One mailbox that refuses everything is no reason to stop the others: look no longer.
        let update = query("UPDATE runs SET watch_good = 1 WHERE id = $1").bind(run.id);
        update.execute(&mut tx).await.during("pause run")?;
        tx.commit().await.during("pause run")?;
        return Ok(false);
    }
    run::set_status(&mut tx, run.id, RunState::Paused, &run.watch.reason).await?;
    ledger
        .report_stop(&mut tx, run.id, &run.watch.reason)
        .await?;
    tx.commit().await.during("pause run")?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chatkeep_proto::v1::TaskKind;

    use super::*;
    use crate::ledger::alone;

    fn run() -> RunRow {
        RunRow {
            directory: vec![1],
            sources: 2,
            status: RunState::Running,
            ..RunRow::default()
        }
    }

    fn bit(kind: TaskKind) -> u32 {
        1 << (kind as u32)
    }

    #[test]
    fn a_run_starts_with_its_snapshots() {
        let new = RunRow {
            directory: Vec::new(),
            ..run()
        };

        assert_eq!(next_step(&new, 0), Step::Refresh);
        assert_eq!(next_step(&new, bit(TaskKind::Refresh)), Step::Wait);
    }

    #[test]
    fn the_next_source_waits_for_the_captures_of_the_one_before() {
        let capturing = RunRow { source: 1, ..run() };

        assert_eq!(next_step(&capturing, bit(TaskKind::Capture)), Step::Wait);
        assert_eq!(
            next_step(&capturing, bit(TaskKind::Convert)),
            Step::NextSource
        );
    }

    #[test]
    fn a_cancelled_run_goes_on_without_snapshots_and_with_what_it_captured() {
        let new = RunRow {
            directory: Vec::new(),
            source: 3,
            cancelled: true,
            ..run()
        };
        let capturing = RunRow {
            source: 1,
            cancelled: true,
            ..run()
        };

        assert_eq!(next_step(&new, 0), Step::EndPlanning);
        assert_eq!(next_step(&capturing, bit(TaskKind::Capture)), Step::Wait);
        assert_eq!(next_step(&capturing, 0), Step::NextSource);
    }

    #[test]
    fn planning_ends_with_the_last_planning_task() {
        let captured = RunRow { source: 3, ..run() };

        assert_eq!(next_step(&captured, bit(TaskKind::Plan)), Step::Wait);
        assert_eq!(
            next_step(&captured, bit(TaskKind::Import)),
            Step::EndPlanning
        );
    }

    #[test]
    fn a_run_closes_when_nothing_is_pending_or_in_flight() {
        let planned = RunRow {
            planned: true,
            ..run()
        };
        let pending = RunRow {
            waiting: 1,
            ..planned.clone()
        };

        assert_eq!(next_step(&pending, 0), Step::Wait);
        assert_eq!(next_step(&planned, bit(TaskKind::Import)), Step::Wait);
        assert_eq!(next_step(&planned, 0), Step::Close);
    }

    /// A run that has just been opened, and what somebody does to it after the director has read it.
    async fn changed(folder: &Path, change: &str) -> (Ledger, RunRow) {
        let (ledger, run) = alone::with_run(folder, None).await;
        let mut tx = ledger.database.begin().await.unwrap();
        let change = query(format!("UPDATE runs SET {change}"));
        change.execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        (ledger, run)
    }

    async fn now(ledger: &Ledger, run: i64) -> (RunRow, u32) {
        let mut conn = ledger.database.read().await.unwrap();
        let open = task::open_kinds(&mut conn, run).await.unwrap();
        (run::find(&mut conn, run).await.unwrap(), open)
    }

    #[tokio::test]
    async fn a_run_that_was_cancelled_or_paused_since_it_was_read_asks_for_no_snapshots() {
        for change in ["cancelled = 1", "status = 2"] {
            let folder = tempfile::tempdir().unwrap();
            let (ledger, run) = changed(folder.path(), change).await;

            refresh(&ledger, &run).await.unwrap();

            assert_eq!(now(&ledger, run.id).await.1, 0, "{change}");
        }
    }

    #[tokio::test]
    async fn a_run_that_is_to_capture_since_it_was_read_goes_on_planning() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, read) = changed(folder.path(), "directory = x'01', held_only = 0").await;
        let read = RunRow {
            held_only: true,
            directory: vec![1],
            ..read
        };
        assert_eq!(next_step(&read, 0), Step::EndPlanning);

        end_planning(&ledger, &read).await.unwrap();

        assert!(!now(&ledger, read.id).await.0.planned);
    }

    #[tokio::test]
    async fn a_run_that_was_stopped_since_it_was_read_keeps_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, run) = changed(folder.path(), "status = 6, reason = 'server away'").await;

        assert!(pause(&ledger, &run, Step::Pause).await.unwrap());

        let (run, _) = now(&ledger, run.id).await;
        assert_eq!(
            (run.status, &*run.reason),
            (RunState::Failed, "server away")
        );
    }

    #[tokio::test]
    async fn a_run_that_has_work_again_since_it_was_read_is_not_closed() {
        let folder = tempfile::tempdir().unwrap();
        let done = "directory = x'01', source = sources + 1, planned = 1";
        let (ledger, run) = changed(folder.path(), done).await;
        let (run, _) = now(&ledger, run.id).await;
        assert_eq!(next_step(&run, 0), Step::Close);
        let mut tx = ledger.database.begin().await.unwrap();
        let family = Family::of_run(run.id, run.connector);
        task::add(&mut tx, family, &[plain(TaskKind::Convert, 0)])
            .await
            .unwrap();
        tx.commit().await.unwrap();

        crate::close::close(&ledger, &run).await.unwrap();

        assert_eq!(now(&ledger, run.id).await.0.status, RunState::Running);
    }
}
