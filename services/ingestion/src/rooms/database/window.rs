use chatkeep_model::{UtcDay, UtcTime};

use crate::work::Work;

/// .NET ticks, 100 ns since 0001-01-01, at the Unix epoch.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;
const TICKS_PER_SECOND: i64 = 10_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// Which rows a run reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Ticks: from this one on, before that one.
    pub(super) from: i64,
    before: Option<i64>,
    /// It reads on from where the last one ended, and cursors move. A run for certain days reads these
    /// days whatever was read before.
    pub(super) moves: bool,
    /// Rows of this day and later ones are read again.
    pub(super) again_from: UtcDay,
    /// The day on which the run was opened.
    pub(super) today: UtcDay,
}

impl Window {
    pub(super) fn of(work: &Work) -> Self {
        let run = &work.run.run;
        let has_days = run.from.is_some() || run.to.is_some();
        let is_for_days = has_days && (!run.scheduled || run.backfill);
        let (mut from, mut to) = work.source().seconds();
        if is_for_days {
            from = from.max(run.from);
            to = [to, run.to].into_iter().flatten().min();
        }
        let reread = work.source().database().and_then(|source| source.reread);
        let reread = reread.unwrap_or_default().as_secs();
        let days = reread.div_ceil(SECONDS_PER_DAY).max(1);
        let today = UtcTime::from_seconds(run.opened).day();
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        Self {
            from: from.map_or(i64::MIN, ticks),
            before: to.map(ticks),
            moves: !is_for_days,
            again_from: UtcDay(today.0.saturating_sub(days)),
            today,
        }
    }

    /// The first ticks that are read again.
    pub(super) fn again_ticks(&self) -> i64 {
        ticks(self.again_from.start().seconds()).max(self.from)
    }

    /// True for a day whose rows are read again.
    pub(super) fn reads_again(&self, day: i32) -> bool {
        day >= self.again_from.0
    }

    /// The last ticks that are read.
    pub(super) fn until(&self) -> i64 {
        self.before
            .map_or(i64::MAX, |before| before.saturating_sub(1))
    }

    /// True when later rows than those it reads may be captured one day.
    pub(super) fn has_end(&self) -> bool {
        self.before.is_some()
    }

    pub(super) fn contains(&self, ticks: i64) -> bool {
        (self.from..=self.until()).contains(&ticks)
    }
}

/// .NET ticks of a time in Unix seconds.
pub(super) fn ticks(seconds: i64) -> i64 {
    let ticks = seconds.saturating_mul(TICKS_PER_SECOND);
    ticks.saturating_add(TICKS_AT_EPOCH)
}
