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
    admin::{connectors::file_of, open::Scope},
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
        })
    }

    /// What comes next. A slot waits for the run before it, also when somebody opened that one by hand; a
    /// backfill waits for everything else.
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
            return Ok(Next::Now(Errand::Open(self.slot(due)?)));
        }
        if let Some(slice) = &self.slice {
            return Ok(Next::resume(slice, now));
        }
        Ok(match self.backfill {
            Some(backfill) => Next::Now(Errand::Open(self.slice(backfill)?)),
            None => Next::Nothing,
        })
    }

    /// The run of a slot: its window begins where the one before ended, and ends at the last midnight.
    fn slot(&self, due: i64) -> Result<Scope, LedgerError> {
        let covered = self.schedule.covered;
        // A clock that was set back makes no window that ends before it begins.
        let to = midnight(due).max(covered.unwrap_or(i64::MIN));
        self.scope(covered, to, 0)
    }

    fn slice(&self, backfill: BackfillRow) -> Result<Scope, LedgerError> {
        let (from, to) = backfill.next_slice();
        self.scope(Some(from), to, backfill.id)
    }

    fn scope(&self, from: Option<i64>, to: i64, backfill: i64) -> Result<Scope, LedgerError> {
        let limit = match u64::try_from(self.schedule.max_part_bytes) {
            Ok(0) | Err(_) => self.model()?.target.max_item(),
            Ok(limit) => limit,
        };
        Ok(Scope {
            from,
            to: Some(to),
            scheduled: true,
            backfill,
            max_part_bytes: limit,
            held_only: false,
        })
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
         UNION SELECT connector FROM runs WHERE status = $3",
    )
    .bind(now)
    .bind(i64::from(BackfillState::Open as i32))
    .bind(i64::from(RunState::Failed as i32));
    let rows = statement.fetch(conn).await.during("find due runs")?;
    let connectors: Result<_, _> = rows.iter().map(|row| row.int(0)).collect();
    connectors.during("find due runs")
}
