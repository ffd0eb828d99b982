//! Opens the runs that schedules, backfills and held deliveries ask for, and resumes those that failed: in
//! the director, so by one process per connector. What is due is decided from the rows ([`agenda`]), and a slot is used
//! up in the transaction that opens its run: no crash can skip a window or open it twice.

mod agenda;
pub(crate) mod backfill;

use chatkeep_model::{UtcTime, connector};
use chatkeep_proto::v1::{BackfillState, RunState};

use self::agenda::{Agenda, Errand, Next};
use crate::{
    admin::{
        connectors::file_to_resume_with,
        open::{Opening, Scope, insert, resume},
    },
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger, parse,
        run::{RunRow, find as find_run},
    },
};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Pause between two starts of a failing run, milliseconds: the first one, and the longest it grows to.
const FIRST_PAUSE: i64 = 60_000;
const LONGEST_PAUSE: i64 = 3_600_000;

/// Stands for "from the beginning" where windows are compared.
const BEGINNING: i64 = i64::MIN;

/// What a connector's schedule is up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) is_paused: bool,
    /// The next slot, Unix milliseconds; `None` when nothing is scheduled.
    pub(crate) due: Option<i64>,
    /// Up to when scheduled runs covered everything, Unix seconds; `None` at first.
    pub(crate) covered: Option<i64>,
    /// Largest size of an item part in runs that control opens; 0 is the connector's own limit.
    pub(crate) max_part_bytes: i64,
}

/// A connector's schedule; an empty one where nobody said anything.
pub(crate) async fn find(conn: &mut Connection, connector: i64) -> Result<Schedule, LedgerError> {
    let statement =
        query("SELECT paused, due, covered, max_part_bytes FROM schedules WHERE connector = $1");
    let row = statement.bind(connector).fetch_optional(conn).await;
    let Some(row) = row.during("read schedule")? else {
        return Ok(Schedule::default());
    };
    let schedule = || {
        Ok(Schedule {
            is_paused: row.int(0)? != 0,
            due: row.maybe_int(1)?,
            covered: row.maybe_int(2)?,
            max_part_bytes: row.int(3)?,
        })
    };
    schedule().during("read schedule")
}

/// Stores a connector's schedule.
pub(crate) async fn store(
    conn: &mut Connection,
    connector: i64,
    schedule: Schedule,
) -> Result<(), LedgerError> {
    let upsert = query(
        "INSERT INTO schedules (connector, paused, due, covered, max_part_bytes) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connector) DO UPDATE SET \
         paused = excluded.paused, due = excluded.due, covered = excluded.covered, \
         max_part_bytes = excluded.max_part_bytes",
    )
    .bind(connector)
    .bind(i64::from(schedule.is_paused))
    .bind(schedule.due)
    .bind(schedule.covered)
    .bind(schedule.max_part_bytes);
    upsert.execute(conn).await.during("store schedule")?;
    Ok(())
}

/// The next slot of a schedule that somebody stores: a slot that was missed stays due.
pub(crate) fn next_due(schedule: &connector::Schedule, due: Option<i64>, now: i64) -> i64 {
    due.filter(|&due| due <= now)
        .unwrap_or_else(|| millis(schedule.slot_from(time(now))))
}

/// When control resumes a run by itself, at the earliest, that is started for the so-manieth time now.
pub(crate) fn resume_at(now: i64, resumes: i64) -> i64 {
    let doublings = u32::try_from(resumes.clamp(0, 16)).unwrap_or(0);
    now + (FIRST_PAUSE << doublings).min(LONGEST_PAUSE)
}

/// The last midnight at this time (milliseconds) or before it, in seconds.
pub(crate) fn midnight(now: i64) -> i64 {
    time(now).day().start().seconds()
}

fn time(millis: i64) -> UtcTime {
    UtcTime::from_nanos(millis.saturating_mul(1_000_000))
}

fn millis(time: UtcTime) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

/// Notes what a run covered that closes, in the transaction that closes it. What was cancelled, or does
/// not add up, is not covered: the next window begins where this one did.
pub(crate) async fn closed(
    conn: &mut Connection,
    run: &RunRow,
    state: RunState,
) -> Result<(), LedgerError> {
    let Some(to) = run.to.filter(|_| run.scheduled) else {
        return Ok(());
    };
    let is_covered = !matches!(state, RunState::Cancelled | RunState::Unreconciled);
    if run.backfill > 0 {
        return match state {
            RunState::Cancelled => backfill::stop(conn, run.backfill).await,
            RunState::Unreconciled => {
                backfill::end(conn, run.backfill, BackfillState::Failed).await
            }
            _ => backfill::cover(conn, run.backfill, (run.from.unwrap_or(to), to)).await,
        };
    }
    if is_covered {
        // Not a window that somebody opened behind a gap.
        let update = query(
            "UPDATE schedules SET covered = $1 WHERE connector = $2 \
             AND COALESCE(covered, $3) >= $4 AND COALESCE(covered, $3) < $1",
        )
        .bind(to)
        .bind(run.connector)
        .bind(BEGINNING)
        .bind(run.from.unwrap_or(BEGINNING));
        update.execute(conn).await.during("note covered window")?;
    }
    Ok(())
}

impl Ledger {
    /// Opens and resumes what is due of the connectors that this process directs. Returns when something
    /// is due next, Unix milliseconds.
    pub(crate) async fn keep_schedules(&self) -> Result<Option<i64>, LedgerError> {
        let now = self.clock.now();
        let mut conn = self.database.read().await?;
        let mut next = agenda::next_slot(&mut conn, now).await?;
        let mut errands = Vec::new();
        for connector in agenda::to_look_at(&mut conn, now).await? {
            match Agenda::read(&mut conn, connector).await?.next(now)? {
                Next::Now(_) => errands.push(connector),
                Next::At(at) => next = Some(next.map_or(at, |next| next.min(at))),
                Next::Nothing => {}
            }
        }
        drop(conn);
        for connector in errands {
            if self.directs(connector).await? {
                self.run_errand(connector, now).await?;
            }
        }
        Ok(next)
    }

    /// Does what is due of a connector, if it still is.
    async fn run_errand(&self, connector: i64, now: i64) -> Result<(), LedgerError> {
        let mut tx = self.step(connector).await?;
        let agenda = Agenda::read(&mut tx, connector).await?;
        let Next::Now(errand) = agenda.next(now)? else {
            return Ok(());
        };
        let run = match errand {
            Errand::Resume(run) => resume_failed(&mut tx, &agenda, run, now).await?,
            Errand::Open(scope) => open(&mut tx, &agenda, scope, now).await?,
        };
        let is_slot = |scope: &Scope| scope.backfill == 0 && !scope.held_only;
        if let Errand::Open(scope) = &errand
            && is_slot(scope)
        {
            let after = Schedule {
                due: Some(agenda.due_after(now)?),
                ..agenda.schedule
            };
            store(&mut tx, connector, after).await?;
        }
        tx.commit().await.during("open due run")?;
        self.outstanding.rewind(run);
        Ok(())
    }
}

async fn open(
    conn: &mut Connection,
    agenda: &Agenda,
    scope: Scope,
    now: i64,
) -> Result<i64, LedgerError> {
    let model = parse(&agenda.file)?;
    let opening = Opening {
        connector: agenda.connector,
        model: &model,
        file: &agenda.file,
        scope,
        at: now,
    };
    let (run, number) = insert(conn, opening).await?;
    tracing::info!(
        chatkeep.run.id = run,
        chatkeep.run.number = number,
        chatkeep.backfill.id = scope.backfill,
        held_only = scope.held_only,
        "due run opened"
    );
    Ok(run)
}

async fn resume_failed(
    conn: &mut Connection,
    agenda: &Agenda,
    run: i64,
    now: i64,
) -> Result<i64, LedgerError> {
    let row = find_run(conn, run).await?;
    resume(conn, &row, file_to_resume_with(&row, &agenda.file)?).await?;
    let resumes = row.resumes + 1;
    let update = query("UPDATE runs SET resumes = $1, resume_at = $2 WHERE id = $3")
        .bind(resumes)
        .bind(resume_at(now, resumes))
        .bind(run);
    update.execute(conn).await.during("resume run")?;
    tracing::info!(chatkeep.run.id = run, resumes, "failed run resumed");
    Ok(run)
}
