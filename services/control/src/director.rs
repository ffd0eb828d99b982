//! Drives every run to its end: looks at the rows after each change, takes the next step, publishes.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use chatkeep_pipeline::Queue;
use chatkeep_runtime::{Outages, trace};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    close::close,
    database::Connection,
    direction::LOOK,
    error::LedgerError,
    flow::{self, Step},
    horizon::HOUR,
    ledger::{
        Ledger, contested, is_running, now,
        run::{self, RunRow},
        task,
    },
    patrol::{PATROL, patrol},
    publish::{look_at_others, publish, publish_holding},
    release::{Rules, release},
};

/// Pause before a change is looked at: others join it, and one look is enough for all of them.
const COMPANY: Duration = Duration::from_millis(2);
/// Pause after the database or the queue failed.
const RETRY: Duration = Duration::from_secs(1);

/// A clock that was set, or a machine that slept, is noticed after this time.
const LONGEST: Duration = Duration::from_mins(1);

/// What waits when runs cannot be advanced.
pub(crate) const SERVICE: &str = "control";

/// Drives the runs of one ledger.
pub(crate) struct Director {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) linger: Duration,
    /// Whether it opens runs as schedules say.
    pub(crate) schedule: bool,
    pub(crate) outages: Outages,
    /// When it looked last what other processes did.
    pub(crate) looked: Instant,
    /// When it looked last for lost tasks.
    pub(crate) patrolled: Instant,
    /// When it said last what will be purged unread, Unix milliseconds.
    pub(crate) warned: Option<i64>,
}

impl Director {
    /// Runs until the process shuts down.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        while !shutdown.is_cancelled() {
            let pause = match self.pass().await {
                Ok(next) => {
                    self.outages.end(SERVICE);
                    next.map(|at| u64::try_from(at - now()).unwrap_or(0))
                }
                Err(error) if is_superseded(&*error) => Some(0),
                Err(error) => {
                    tracing::warn!(
                        error = &*error as &dyn Error,
                        "runs not advanced, will retry"
                    );
                    self.outages.begin(SERVICE, &*error);
                    // Whoever rings meanwhile has to wait, too.
                    let pause = tokio::time::sleep(RETRY);
                    shutdown.run_until_cancelled(pause).await;
                    Some(0)
                }
            };
            // Nobody rings here when another process changes something, or the broker loses something.
            let is_shared = self.ledger.database.is_shared();
            let longest = if is_shared { LOOK } else { PATROL };
            let pause = pause.map_or(longest, |pause| Duration::from_millis(pause).min(longest));
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.ledger.outstanding.rung() => tokio::time::sleep(COMPANY).await,
                () = self.ledger.clock.is_set() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = self.ledger.resign().await {
            tracing::warn!(
                error = &error as &dyn Error,
                "direction not given up, it ends by itself"
            );
        }
        Ok(())
    }

    /// Takes every step that can be taken now. Returns when to look again without being asked.
    async fn pass(&mut self) -> Result<Option<i64>, Box<dyn Error + Send + Sync>> {
        if self.ledger.database.is_shared() && self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            look_at_others(&self.ledger).await?;
        }
        // A step of one run can be what another one waits for, or the schedule.
        let (runs, waiting, mut next) = loop {
            let due = self.keep_schedules().await?;
            let (runs, waiting) = hold_back(self.active().await?);
            if !self.advance_all(&runs).await? {
                break (runs, waiting, due);
            }
        };
        for run in importers(&runs) {
            let rules = Rules {
                planning_is_complete: planning_is_complete(&runs, run.connector),
                linger: i64::try_from(self.linger.as_millis()).unwrap_or(i64::MAX / 4),
            };
            let later = release(&self.ledger, (run.id, run.connector), rules).await?;
            next = [next, later].into_iter().flatten().min();
        }
        for run in runs.iter().filter(|run| is_running(run.status)) {
            publish(&self.ledger, &self.queue, run.id).await?;
        }
        for run in &waiting {
            let others = runs.iter().filter(|of| of.connector == run.connector);
            if others.into_iter().any(|other| is_running(other.status)) {
                publish_holding(&self.ledger, &self.queue, run.id).await?;
            }
        }
        if self.patrolled.elapsed() >= PATROL {
            patrol(&self.ledger, &self.queue).await?;
            self.ledger.expire_proposals().await?;
            self.patrolled = Instant::now();
        }
        Ok(next)
    }

    /// Opens and resumes what is due. Returns when to look again without being asked.
    async fn keep_schedules(&mut self) -> Result<Option<i64>, LedgerError> {
        if !self.schedule {
            return Ok(None);
        }
        let time = self.ledger.clock.now();
        if self.warned.is_none_or(|warned| time - warned >= HOUR) {
            self.ledger.warn_of_loss().await?;
            self.warned = Some(time);
        }
        let due = self.ledger.keep_schedules().await?;
        let longest = i64::try_from(LONGEST.as_millis()).unwrap_or(i64::MAX / 4);
        Ok(due.map(|due| now() + (due - self.ledger.clock.now()).clamp(0, longest)))
    }

    /// True when a run took a step.
    async fn advance_all(&self, runs: &[RunRow]) -> Result<bool, LedgerError> {
        let mut moved = false;
        for run in runs.iter().filter(|run| is_running(run.status)) {
            moved |= self.advance(run).await?;
        }
        Ok(moved)
    }

    /// Runs of this process's connectors that are not closed, oldest first.
    async fn active(&self) -> Result<Vec<RunRow>, LedgerError> {
        let runs = self.open_runs().await?;
        if !self.ledger.database.is_shared() {
            return Ok(runs);
        }
        let running = runs.iter().filter(|run| is_running(run.status));
        let running: BTreeSet<_> = running.map(|run| run.connector).collect();
        let mut ours = BTreeSet::new();
        for connector in running {
            if self.ledger.directs(connector).await? {
                ours.insert(connector);
            }
        }
        // Read after the lease was taken: nobody else takes steps from here on.
        let mut runs = self.open_runs().await?;
        runs.retain(|run| ours.contains(&run.connector));
        Ok(runs)
    }

    async fn open_runs(&self) -> Result<Vec<RunRow>, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        // Running, paused, failed.
        run::select(&mut conn, "status IN (1, 2, 6)", &[], "ORDER BY id").await
    }

    /// Takes the next step of one run. True when there was one.
    async fn advance(&self, run: &RunRow) -> Result<bool, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        let open = task::open_kinds(&mut conn, run.id).await?;
        // Looked at again after its tasks: what a task changed of its run is seen now.
        let is_stale = flow::next_step(run, open) != Step::Wait;
        let fresh = if is_stale {
            Some(run::find(&mut conn, run.id).await?)
        } else {
            None
        };
        let run = fresh.as_ref().unwrap_or(run);
        let step = flow::next_step(run, open);
        let waits = match step {
            Step::Close => self.waits_for_earlier(&mut conn, run).await?,
            Step::NextSource => contested::is_undecided(&mut conn, run.id).await?,
            _ => false,
        };
        if waits {
            return Ok(false);
        }
        drop(conn);
        if step == Step::Wait {
            return Ok(false);
        }
        let span = tracing::info_span!(
            "step",
            otel.name = step.name(),
            chatkeep.run.id = run.id,
            chatkeep.run.number = run.number,
        );
        trace::continue_from(&span, &run.trace);
        self.take(step, run).instrument(span).await?;
        // Whatever tasks the step opened are published.
        self.ledger.outstanding.forget(run.id);
        Ok(true)
    }

    async fn take(&self, step: Step, run: &RunRow) -> Result<(), LedgerError> {
        match step {
            Step::Wait => Ok(()),
            Step::Refresh => flow::refresh(&self.ledger, run).await,
            Step::NextSource => flow::next_source(&self.ledger, run).await,
            Step::EndPlanning => flow::end_planning(&self.ledger, run).await,
            Step::Pause => flow::pause(&self.ledger, run, step).await.map(drop),
            Step::Close => close(&self.ledger, run).await,
        }
    }

    /// A run ends after the earlier ones whose deliveries it made possible: those that are closed
    /// already, or would be if they were no backfill's.
    async fn waits_for_earlier(
        &self,
        conn: &mut Connection,
        run: &RunRow,
    ) -> Result<bool, LedgerError> {
        let condition = "connector = $1 AND id < $2 AND status = 1 AND (backfill = 0 OR seals > 0)";
        let earlier = run::one(conn, condition, &[run.connector, run.id]).await?;
        Ok(run.seals == 0 && earlier.is_some())
    }
}

/// True when another process goes on with what this one began.
fn is_superseded(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(LedgerError::Superseded))
}

/// Splits off the backfills' runs that wait, because another run of their connector is unfinished.
fn hold_back(runs: Vec<RunRow>) -> (Vec<RunRow>, Vec<RunRow>) {
    let is_busy = |run: &&RunRow| run.backfill == 0 && run.seals == 0;
    let busy = runs.iter().filter(is_busy).map(|run| run.connector);
    let busy: BTreeSet<_> = busy.collect();
    let goes_on = |run: &RunRow| !run.is_background() || !busy.contains(&run.connector);
    runs.into_iter().partition(goes_on)
}

/// Of runs that are not closed, those whose tasks are worked on.
pub(crate) fn going_on(runs: Vec<RunRow>) -> impl Iterator<Item = RunRow> {
    let (runs, _) = hold_back(runs);
    runs.into_iter().filter(|run| is_running(run.status))
}

/// The run of each connector whose tasks import: its newest, unless an unfinished run must be resumed
/// first. None when none of these runs waits for deliveries: the others' can wait.
fn importers(runs: &[RunRow]) -> Vec<&RunRow> {
    let is_newest = |run: &&RunRow| {
        let others = runs.iter().filter(|other| other.connector == run.connector);
        others.into_iter().all(|other| {
            let is_stopped = !is_running(other.status) && other.seals == 0;
            !is_stopped && (!is_running(other.status) || other.id <= run.id)
        })
    };
    let waits = |run: &&RunRow| {
        let mut others = runs.iter().filter(|other| other.connector == run.connector);
        others.any(|other| other.waiting > 0)
    };
    runs.iter()
        .filter(|run| is_running(run.status))
        .filter(is_newest)
        .filter(waits)
        .collect()
}

/// True when no run of the connector plans any more.
fn planning_is_complete(runs: &[RunRow], connector: i64) -> bool {
    let of_connector = runs.iter().filter(|run| run.connector == connector);
    of_connector
        .into_iter()
        .all(|run| run.planned || run.seals > 0)
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::RunState;

    use super::*;

    fn run(id: i64, status: RunState, seals: i64) -> RunRow {
        RunRow {
            id,
            status,
            seals,
            waiting: 1,
            ..RunRow::default()
        }
    }

    #[test]
    fn the_newest_running_run_imports() {
        let runs = [run(1, RunState::Running, 1), run(2, RunState::Running, 0)];

        assert_eq!(importers(&runs).len(), 1);
        assert_eq!(importers(&runs)[0].id, 2);
    }

    #[test]
    fn a_backfill_waits_until_no_other_run_of_its_connector_is_open() {
        let slice = RunRow {
            backfill: 1,
            ..run(1, RunState::Running, 0)
        };
        let daily = run(2, RunState::Failed, 0);
        let other = RunRow {
            connector: 7,
            ..run(3, RunState::Running, 0)
        };

        let ids = |runs: &[RunRow]| runs.iter().map(|run| run.id).collect::<Vec<_>>();
        let (runs, waiting) = hold_back(vec![slice.clone(), daily, other.clone()]);
        assert_eq!((ids(&runs), ids(&waiting)), (vec![2, 3], vec![1]));
        let (runs, waiting) = hold_back(vec![slice, other]);
        assert_eq!((ids(&runs), ids(&waiting)), (vec![1, 3], vec![]));
    }

    #[test]
    fn nobody_imports_what_only_a_waiting_backfill_has_planned() {
        let daily = RunRow {
            waiting: 0,
            ..run(1, RunState::Running, 0)
        };

        assert!(importers(&[daily]).is_empty());
    }

    #[test]
    fn nothing_is_imported_while_a_run_waits_to_be_resumed() {
        let runs = [run(1, RunState::Running, 1), run(2, RunState::Paused, 0)];

        assert!(importers(&runs).is_empty());
    }
}
