//! From when to when a table is read, read again, and counted again.

use std::time::Duration;

use chatkeep_model::connector::DatabaseSource;
use chatkeep_proto::v1::{Position, Run};

use super::{
    range::{HOUR, Stream, hour, midnight},
    recount::Past,
};
use crate::{database::Identity, work::Work};

/// What a run may read, Unix seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The window's own beginning, where somebody asked for one.
    asked_from: Option<i64>,
    /// The source's.
    source_from: Option<i64>,
    to: i64,
    /// Where conferences end that may still be cleared of those who are not archived.
    settled: i64,
    overlap: i64,
    recount: i64,
    pub(super) now: i64,
}

/// What is read of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Everything before it was captured; `None` where nothing is before it.
    pub(super) behind: Option<i64>,
}

impl Bounds {
    pub(super) fn of(work: &Work, source: &DatabaseSource, identity: &Identity) -> Self {
        let (source_from, source_to) = work.source().seconds();
        // Rows have the servers' times. Ours may be ahead of them.
        let now = work.run.run.opened.min(identity.now.time().seconds());
        Self::new(&work.run.run, (source_from, source_to), now, source)
    }

    fn new(
        run: &Run,
        (source_from, source_to): (Option<i64>, Option<i64>),
        now: i64,
        source: &DatabaseSource,
    ) -> Self {
        let ends = [run.to, source_to].into_iter().flatten();
        // The next run of a schedule reads on where this one ends.
        let goes_on = run.scheduled && !run.backfill;
        let settled = now.saturating_sub(seconds(source.settle));
        Self {
            asked_from: run.from.filter(|_| !goes_on),
            source_from,
            to: ends.fold(now, i64::min),
            // Conferences end at midnight, too, so that they are not cut at another time.
            settled: if goes_on { midnight(settled) } else { settled },
            overlap: seconds(source.overlap),
            recount: seconds(source.recount),
            now,
        }
    }

    /// What is read of a table that was read up to `position`; `None` for nothing.
    pub(super) fn window(&self, stream: Stream, position: Option<i64>) -> Option<Window> {
        let to = match stream {
            Stream::Messages => self.to,
            Stream::Conferences => self.to.min(self.settled),
        };
        let beginning = self.source_from.unwrap_or(i64::MIN);
        let (from, behind) = match (self.asked_from, position) {
            (Some(asked), _) => (asked, (asked > beginning).then_some(asked)),
            (None, Some(position)) => (self.again(position), Some(position)),
            (None, None) => (beginning, None),
        };
        let from = from.max(beginning);
        (from < to).then_some(Window { from, to, behind })
    }

    /// From where on is read again what was read up to a position: whole hours, so that they can be
    /// counted.
    fn again(&self, position: i64) -> i64 {
        hour(position.saturating_sub(self.overlap))
    }

    /// What is counted again of a table: whole hours before those that are read again, as far back as
    /// they were counted when they were read. Nothing in a run over days that somebody asked for: it may
    /// read those very hours.
    pub(super) fn past(&self, stream: Stream, position: &Position) -> Option<Past> {
        let counted = position.counted.filter(|_| self.asked_from.is_none())?;
        let since = position.position.saturating_sub(self.recount);
        let since = since.max(counted).max(self.source_from.unwrap_or(counted));
        let from = hour(since.saturating_add(HOUR - 1));
        let to = self.again(position.position);
        (from < to).then_some(Past { stream, from, to })
    }
}

/// Whole seconds of a length of time.
pub(super) fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chatkeep_model::connector::Connector;

    use super::*;

    const DAY: i64 = 86_400;
    const NOW: i64 = 100 * DAY + 3_600;

    fn source() -> DatabaseSource {
        let text = "name = 'a'\ndomain = 'b.c'\n[[sources]]\ntype = 'archiving-database'\n\
                    server = 'sql01'\nsettle = '24h'\noverlap = '1h'\n\
                    auth = { type = 'sql', user = 'env:U', password = 'env:P' }\n\
                    [directory]\ntype = 'csv'\npath = 'd.csv'\n[target]\ntype = 'discard'\n";
        let connector = Connector::parse(text, Path::new("/")).unwrap();
        connector.sources[0].database().unwrap().clone()
    }

    fn bounds(run: &Run) -> Bounds {
        Bounds::new(run, (None, None), NOW, &source())
    }

    fn scheduled() -> Run {
        Run {
            scheduled: true,
            from: Some(99 * DAY),
            to: Some(100 * DAY),
            ..Run::default()
        }
    }

    #[test]
    fn a_first_run_reads_everything() {
        let window = bounds(&Run::default()).window(Stream::Messages, None);

        let expected = Window {
            from: i64::MIN,
            to: NOW,
            behind: None,
        };
        assert_eq!(window, Some(expected));
    }

    #[test]
    fn a_scheduled_run_goes_on_from_its_cursor_and_reads_the_overlap_again() {
        let window = bounds(&scheduled()).window(Stream::Messages, Some(98 * DAY));

        let expected = Window {
            from: 98 * DAY - 3_600,
            to: 100 * DAY,
            behind: Some(98 * DAY),
        };
        assert_eq!(window, Some(expected));
    }

    #[test]
    fn what_is_read_again_begins_with_a_whole_hour() {
        let position = 98 * DAY + 1_234;

        let window = bounds(&scheduled()).window(Stream::Messages, Some(position));

        assert_eq!(window.unwrap().from, 98 * DAY - 3_600);
    }

    fn past(run: &Run, position: i64, counted: Option<i64>) -> Option<(i64, i64)> {
        let position = Position {
            stream: "Messages".to_owned(),
            position,
            counted,
        };
        let past = bounds(run).past(Stream::Messages, &position);
        past.map(|past| (past.from, past.to))
    }

    #[test]
    fn whole_hours_before_the_overlap_are_counted_again() {
        let position = 98 * DAY + 1_234;

        let all = past(&scheduled(), position, Some(0));
        let some = past(&scheduled(), position, Some(97 * DAY + 1));

        assert_eq!(all, Some((91 * DAY + 3_600, 98 * DAY - 3_600)));
        assert_eq!(some, Some((97 * DAY + 3_600, 98 * DAY - 3_600)));
    }

    #[test]
    fn hours_that_were_never_counted_are_not_counted_again() {
        assert_eq!(past(&scheduled(), 98 * DAY, None), None);
        assert_eq!(past(&scheduled(), 98 * DAY, Some(98 * DAY)), None);
    }

    #[test]
    fn a_run_over_days_that_were_asked_for_counts_nothing_again() {
        let run = Run {
            from: Some(50 * DAY),
            to: Some(51 * DAY),
            ..Run::default()
        };

        assert_eq!(past(&run, 98 * DAY, Some(0)), None);
    }

    #[test]
    fn conferences_are_read_when_they_have_settled() {
        let end = |run: &Run| bounds(run).window(Stream::Conferences, None).unwrap().to;

        assert_eq!(end(&Run::default()), NOW - DAY);
        assert_eq!(end(&scheduled()), 99 * DAY);
    }

    #[test]
    fn a_window_that_was_asked_for_is_read_from_its_beginning() {
        let run = Run {
            from: Some(50 * DAY),
            to: Some(51 * DAY),
            ..Run::default()
        };

        let window = bounds(&run).window(Stream::Messages, Some(98 * DAY));

        let expected = Window {
            from: 50 * DAY,
            to: 51 * DAY,
            behind: Some(50 * DAY),
        };
        assert_eq!(window, Some(expected));
    }

    #[test]
    fn a_window_that_begins_with_the_source_leaves_no_gap() {
        let run = Run {
            from: Some(40 * DAY),
            to: Some(51 * DAY),
            ..Run::default()
        };
        let bounds = Bounds::new(&run, (Some(50 * DAY), None), NOW, &source());

        let window = bounds.window(Stream::Messages, None).unwrap();

        assert_eq!((window.from, window.behind), (50 * DAY, None));
    }

    #[test]
    fn nothing_is_read_of_a_window_that_has_not_begun() {
        let run = Run {
            from: Some(200 * DAY),
            ..Run::default()
        };

        assert_eq!(bounds(&run).window(Stream::Messages, None), None);
    }
}
