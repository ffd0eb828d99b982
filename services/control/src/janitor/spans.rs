//! Which blobs may go, by when they were written last.

use std::time::SystemTime;

use super::unix_millis;
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::Ledger,
};

/// Clocks of ledger and storage differ; half of it stands for what nobody measures.
const BEFORE: i64 = 2 * 3_600_000;
/// What a worker may still write of a run that was closed without it, because it was frozen meanwhile.
const LATE: i64 = 7 * 24 * 3_600_000;

/// What is to happen to a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It may be needed.
    Stays,
    /// It was written for runs that do not need it any more.
    Done,
    /// It was written while no run was under way, long ago.
    Orphaned,
}

/// Times in which runs were under way, Unix milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    /// Of runs that may need their blobs.
    needed: Merged,
    /// Of runs that do not need them any more.
    done: Merged,
    /// What was written later stays whatever else.
    pub(super) young: i64,
    /// What was written earlier goes when nobody needs it.
    old: i64,
}

impl Spans {
    /// Looks at the runs there are now. What is written for a run that is opened later is young.
    pub(super) async fn read(ledger: &Ledger, young: i64, old: i64) -> Result<Self, LedgerError> {
        const NEEDED: &str = "SELECT r.opened, \
            CASE WHEN r.status IN (3, 4, 5, 7, 8) AND r.closed IS NOT NULL THEN r.closed ELSE $1 END \
            FROM runs r LEFT JOIN cleared c ON c.run = r.id WHERE c.run IS NULL";
        const DONE: &str = "SELECT r.opened, r.closed FROM cleared c JOIN runs r ON r.id = c.run \
            WHERE r.closed >= $1";
        let mut conn = ledger.database.read().await?;
        let needed = spans(&mut conn, NEEDED, i64::MAX - LATE).await?;
        let needed = needed.map(|(opened, end)| (opened - BEFORE, end + LATE));
        let needed = Merged::of(needed.collect());
        // Before that, it does not matter which of both it is.
        let done = Merged::of(spans(&mut conn, DONE, old).await?.collect());
        Ok(Self {
            needed,
            done,
            young,
            old,
        })
    }

    /// What is to happen to a blob that was written last at this time.
    pub(super) fn fate(&self, modified: SystemTime) -> Fate {
        let modified = unix_millis(modified);
        if modified >= self.young || self.needed.contains(modified) {
            Fate::Stays
        } else if self.done.contains(modified) {
            Fate::Done
        } else if modified < self.old {
            Fate::Orphaned
        } else {
            Fate::Stays
        }
    }
}

async fn spans(
    conn: &mut Connection,
    sql: &'static str,
    time: i64,
) -> Result<impl Iterator<Item = (i64, i64)>, LedgerError> {
    let rows = query(sql).bind(time).fetch(conn).await;
    let spans = rows.and_then(|rows| {
        let spans = rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?)));
        spans.collect::<Result<Vec<_>, _>>()
    });
    Ok(spans.during("read when runs were under way")?.into_iter())
}

/// Spans that do not overlap, in order.
#[derive(Clone, Debug)]
struct Merged(Vec<(i64, i64)>);

impl Merged {
    fn of(mut spans: Vec<(i64, i64)>) -> Self {
        spans.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (from, to) in spans {
            match merged.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    fn contains(&self, time: i64) -> bool {
        let later = self.0.partition_point(|&(from, _)| from <= time);
        later > 0 && self.0[later - 1].1 >= time
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis.try_into().unwrap())
    }

    fn spans() -> Spans {
        Spans {
            needed: Merged::of(vec![(300, 400), (600, 700)]),
            done: Merged::of(vec![(200, 350), (500, 900)]),
            young: 800,
            old: 450,
        }
    }

    #[test]
    fn what_one_run_needs_stays_also_when_another_does_not() {
        assert_eq!(spans().fate(at(250)), Fate::Done);
        assert_eq!(spans().fate(at(350)), Fate::Stays);
        assert_eq!(spans().fate(at(650)), Fate::Stays);
        assert_eq!(spans().fate(at(750)), Fate::Done);
    }

    #[test]
    fn what_belongs_to_no_run_stays_until_it_is_old() {
        assert_eq!(spans().fate(at(470)), Fate::Stays);
        assert_eq!(spans().fate(at(430)), Fate::Orphaned);
        assert_eq!(spans().fate(at(0)), Fate::Orphaned);
    }

    #[test]
    fn what_is_young_stays_whoever_it_belongs_to() {
        assert_eq!(spans().fate(at(799)), Fate::Done);
        assert_eq!(spans().fate(at(800)), Fate::Stays);
        assert_eq!(spans().fate(at(5_000)), Fate::Stays);
    }

    proptest! {
        #[test]
        fn merged_spans_contain_what_one_of_them_does(
            spans in prop::collection::vec((0_i64..40, 0_i64..10), 0..8),
            time in 0_i64..60,
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(from, length)| (from, from + length)).collect();

            let merged = Merged::of(spans.clone());

            let is_in_one = spans.iter().any(|&(from, to)| from <= time && time <= to);
            prop_assert_eq!(merged.contains(time), is_in_one);
        }
    }
}
