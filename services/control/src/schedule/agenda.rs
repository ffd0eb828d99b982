//! What is due of a connector, decided from the rows: idempotent, so that it does not matter how often
//! and after which crash it is asked.

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{BackfillState, RunState};

use super::{
    DAY, Schedule,
    backfill::{self, BackfillRow},
    find, midnight, millis, time,
};
use crate::{
    admin::{open::Scope, stored::file_of},
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        parse,
        run::{self, RunRow, UNFINISHED},
    },
};

/// What decides about a connector's next run.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    pub(super) connector: i64,
    /// The connector file.
    pub(super) file: String,
    pub(super) schedule: Schedule,
    /// The unfinished run, if there is one.
    run: Option<RunRow>,
    /// The unfinished run of a backfill, if there is one.
    slice: Option<RunRow>,
    /// The oldest backfill that is open.
    backfill: Option<BackfillRow>,
    /// When the newest run was opened, Unix milliseconds; `None` while no delivery is held.
    held_since: Option<i64>,
}

/// What is to be done for a connector.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errand {
    /// Start a failed run again.
    Resume(i64),
    /// Open a run.
    Open(Scope),
}

/// What comes next for a connector.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Now(Errand),
    /// Nothing before this time, Unix milliseconds.
    At(i64),
    /// Nothing until something changes.
    Nothing,
}

impl Next {
    fn resume(run: &RunRow, now: i64) -> Self {
        if run.status != RunState::Failed {
            Self::Nothing
        } else if run.resume_at <= now {
            Self::Now(Errand::Resume(run.id))
        } else {
            Self::At(run.resume_at)
        }
    }
}

impl Agenda {
    pub(super) async fn read(conn: &mut Connection, connector: i64) -> Result<Self, LedgerError> {
        let backfills = backfill::of_connector(conn, connector).await?;
        let mut open = backfills.into_iter().rev();
        Ok(Self {
            connector,
            file: file_of(conn, connector).await?,
            schedule: find(conn, connector).await?,
            run: run::one(conn, UNFINISHED, &[connector]).await?,
            slice: run::one(conn, backfill::UNFINISHED, &[connector]).await?,
            backfill: open.find(|backfill| backfill.state == BackfillState::Open),
            held_since: held_since(conn, connector).await?,
        })
    }

    /// What comes next. A slot waits for the run before it, also when somebody opened that one by hand; a
    /// backfill waits for everything else. While deliveries are held, the directory is asked again between
    /// slots, as a run that captures nothing.
    pub(super) fn next(&self, now: i64) -> Result<Next, LedgerError> {
        let Schedule { is_paused, due, .. } = self.schedule;
        if is_paused {
            return Ok(Next::Nothing);
        }
        if let Some(run) = &self.run {
            return Ok(match due {
                Some(_) => Next::resume(run, now),
                None => Next::Nothing,
            });
        }
        if let Some(due) = due.filter(|&due| due <= now) {
            return Ok(Next::Now(Errand::Open(self.slot(due))));
        }
        let refresh = self.refresh_due()?;
        if refresh.is_some_and(|refresh| refresh <= now) {
            return Ok(Next::Now(Errand::Open(self.held_only())));
        }
        if let Some(slice) = &self.slice {
            return Ok(Next::resume(slice, now));
        }
        Ok(match (self.backfill, refresh) {
            (Some(backfill), _) => Next::Now(Errand::Open(self.slice(backfill))),
            (None, Some(refresh)) => Next::At(refresh),
            (None, None) => Next::Nothing,
        })
    }

    /// When the directory is asked again who the held deliveries are for; never where no run is ever due.
    fn refresh_due(&self) -> Result<Option<i64>, LedgerError> {
        let (Some(since), Some(_)) = (self.held_since, self.schedule.due) else {
            return Ok(None);
        };
        let refresh = self.model()?.schedule.refresh.as_millis();
        let refresh = i64::try_from(refresh).unwrap_or(i64::MAX / 4);
        Ok(Some(since.saturating_add(refresh)))
    }

    /// A run that captures nothing and delivers what was held.
    fn held_only(&self) -> Scope {
        Scope {
            held_only: true,
            max_part_bytes: self.max_part_bytes(),
            ..Scope::default()
        }
    }

    /// The run of a slot: its window begins where the one before ended, and ends at the last midnight.
    fn slot(&self, due: i64) -> Scope {
        let covered = self.schedule.covered;
        // A clock that was set back makes no window that ends before it begins.
        let to = midnight(due).max(covered.unwrap_or(i64::MIN));
        self.scope(covered, to, 0)
    }

    fn slice(&self, backfill: BackfillRow) -> Scope {
        let (from, to) = backfill.next_slice();
        self.scope(Some(from), to, backfill.id)
    }

    fn scope(&self, from: Option<i64>, to: i64, backfill: i64) -> Scope {
        Scope {
            from,
            to: Some(to),
            scheduled: true,
            backfill,
            max_part_bytes: self.max_part_bytes(),
            held_only: false,
        }
    }

    fn max_part_bytes(&self) -> u64 {
        u64::try_from(self.schedule.max_part_bytes).unwrap_or(0)
    }

    /// The slot behind the one that is used up now. Those of one day that were missed have one window,
    /// and one run is enough for them.
    pub(super) fn due_after(&self, now: i64) -> Result<i64, LedgerError> {
        let due = self.schedule.due.unwrap_or(now);
        let end_of_day = (midnight(due) + DAY) * 1_000 - 1;
        let schedule = self.model()?.schedule;
        let last = millis(schedule.slot_until(time(now.min(end_of_day))));
        Ok(millis(schedule.slot_from(time(last.max(due) + 1))))
    }

    fn model(&self) -> Result<Connector, LedgerError> {
        parse(&self.file)
    }
}

/// When the newest run of a connector was opened that has deliveries held: kept runs are numbered upwards
/// from 1, those that left no trace downwards.
async fn held_since(conn: &mut Connection, connector: i64) -> Result<Option<i64>, LedgerError> {
    let statement = query(
        "SELECT MAX(opened) FROM runs WHERE connector = $1 AND number IN \
         (SELECT MAX(number) FROM runs WHERE connector = $1 \
         UNION SELECT MIN(number) FROM runs WHERE connector = $1) \
         AND EXISTS (SELECT 1 FROM held WHERE connector = $1 AND state = 0)",
    );
    let row = statement.bind(connector).fetch_one(conn).await;
    row.and_then(|row| row.maybe_int(0))
        .during("look for held deliveries")
}

/// The next slot of all connectors, Unix milliseconds.
pub(super) async fn next_slot(conn: &mut Connection, now: i64) -> Result<Option<i64>, LedgerError> {
    let statement = query("SELECT MIN(due) FROM schedules WHERE paused = 0 AND due > $1");
    let row = statement.bind(now).fetch_one(conn).await;
    row.and_then(|row| row.maybe_int(0))
        .during("find next slot")
}

/// Connectors of which something may be due.
pub(super) async fn to_look_at(conn: &mut Connection, now: i64) -> Result<Vec<i64>, LedgerError> {
    let statement = query(
        "SELECT connector FROM schedules WHERE paused = 0 AND due <= $1 \
         UNION SELECT connector FROM backfills WHERE state = $2 \
         UNION SELECT connector FROM runs WHERE status = $3 \
         UNION SELECT s.connector FROM schedules s WHERE s.paused = 0 AND s.due > $1 \
         AND EXISTS (SELECT 1 FROM held h WHERE h.connector = s.connector AND h.state = 0) \
         AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.connector = s.connector \
         AND r.status IN (1, 2))",
    )
    .bind(now)
    .bind(i64::from(BackfillState::Open as i32))
    .bind(i64::from(RunState::Failed as i32));
    let rows = statement.fetch(conn).await.during("find due runs")?;
    let connectors: Result<_, _> = rows.iter().map(|row| row.int(0)).collect();
    connectors.during("find due runs")
}
