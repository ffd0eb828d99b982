use std::time::Duration;

use chatkeep_model::connector::DatabaseSource;
use chatkeep_pipeline::{Completion, ResultExt as _, StageError};
use chatkeep_proto::v1::{
    Cursor, CursorRequest, Listed, NewTask, Position, Reach, Run, Stretch,
    complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, FrameWriter};

use super::{
    details::{self, Details},
    range::{HOUR, Range, Stream, day_from, hour, midnight},
    recount::{Past, Recount},
    statements, tables,
};
use crate::{
    database::{Connection, DatabaseError, Identity, Moment, Parameter, Row, Schema},
    list,
    work::Work,
};

/// Lists what is to be read: one entry, and one CAPTURE task, for each UTC day of each table.
pub(crate) async fn list(work: &Work, source: &DatabaseSource) -> Result<Completion, StageError> {
    let name = source.name(work.source().type_name());
    let cursor = ask(work, source, &name).await?;
    let found = Found::of(source, &cursor).await;
    let mut found = found.map_err(|error| error.into_stage("list database"))?;
    let bounds = Bounds::of(work, source, &found.identity);
    let mut reach = Reach {
        database: name,
        identity: found.identity.id.clone(),
        stretches: Vec::new(),
    };
    let mut ranges = Vec::new();
    let mut past = Vec::new();
    for stream in Stream::ALL {
        let position = found.position_of(&cursor, stream);
        past.extend(position.and_then(|position| bounds.past(stream, position)));
        let position = position.map(|position| position.position);
        let Some(window) = bounds.window(stream, position) else {
            continue;
        };
        reach.stretches.push(Stretch {
            stream: stream.table().to_owned(),
            from: window.behind,
            to: window.to,
        });
        let days = found.days(stream, window).await;
        let days = days.map_err(|error| error.into_stage("list database"))?;
        let identity = &found.identity.id;
        let days = days.into_iter();
        ranges.extend(days.map(|(from, to)| Range::new(stream, from, to, identity)));
    }
    // Found out once: they are an addition, and each task would wait for them.
    let details = source.call_details();
    let mut findings = Vec::new();
    if let Some(details) = details.filter(|_| !ranges.is_empty()) {
        let opened = Details::open(&details).await;
        let has_details = opened.is_ok();
        findings.extend(
            opened
                .err()
                .map(|error| details::unavailable(&details, &error)),
        );
        let with_details = |range: Range| range.with_details(has_details);
        ranges = ranges.into_iter().map(with_details).collect();
    }
    let next = store(work, &ranges).await?;
    let recount = Recount {
        database: source.name("").trim().to_owned(),
        captured: &cursor.hours,
        retention: source.retention,
        now: bounds.now,
    };
    findings.extend(recount.findings(&mut found.connection, &past).await);
    let listed = Listed {
        reach: Some(reach),
        ..Listed::default()
    };
    let completion = Completion::new(Outcome::Listed(listed)).then_all(next);
    Ok(completion.tell(findings))
}

async fn ask(work: &Work, source: &DatabaseSource, name: &str) -> Result<Cursor, StageError> {
    let request = CursorRequest {
        connector: work.task.connector.clone(),
        database: name.to_owned(),
        hours: seconds(source.recount),
    };
    let response = work.ledger.clone().cursor(request).await;
    let response = response.map_err(StageError::ledger("ask for cursor"))?;
    Ok(response.into_inner())
}

async fn store(work: &Work, ranges: &[Range]) -> Result<Vec<NewTask>, StageError> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let mut frames = FrameWriter::new(Vec::new());
    for range in ranges {
        frames.push(range).or_reject("write listing")?;
    }
    let blob = work
        .staging
        .put(BlobKind::Listing, frames.into_inner())
        .await;
    let blob = blob.or_retry("store listing")?;
    let source = work.task.source;
    let tasks = (0..).zip(ranges);
    let tasks = tasks.map(|(first, _)| list::capture(&blob, first, 1, source));
    Ok(tasks.collect())
}

/// The database, as it was found.
struct Found {
    connection: Connection,
    identity: Identity,
}

impl Found {
    /// Looks whether it is the database that was read before, and one that can be read.
    async fn of(source: &DatabaseSource, cursor: &Cursor) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(source).await?;
        let identity = Identity::of(&mut connection).await?;
        match &source.identity {
            Some(accepted) => identity.expect(accepted)?,
            None if cursor.identity.is_empty() => {}
            None => identity.expect(&cursor.identity)?,
        }
        let schema = Schema::of(&mut connection).await?;
        schema.require(&tables::MANDATORY)?;
        Ok(Self {
            connection,
            identity,
        })
    }

    /// Up to where a table was read; positions in a database that is no more say nothing.
    fn position_of<'a>(&self, cursor: &'a Cursor, stream: Stream) -> Option<&'a Position> {
        let mut positions = cursor.positions.iter();
        let position = positions.find(|one| one.stream == stream.table());
        position.filter(|_| cursor.identity == self.identity.id)
    }

    /// The parts of UTC days in a window that have rows: from one to the next by the key, so that days
    /// without any cost nothing.
    async fn days(
        &mut self,
        stream: Stream,
        window: Window,
    ) -> Result<Vec<(i64, i64)>, DatabaseError> {
        let mut days = Vec::new();
        let mut from = window.from;
        while from < window.to {
            let (first, _) = span(&mut self.connection, stream, from).await?;
            let Some(first) = first.filter(|&first| first < window.to) else {
                break;
            };
            let day = day_from(first.max(from), window.to);
            from = day.1;
            days.push(day);
        }
        Ok(days)
    }
}

/// First and last time of a table from a time on, Unix seconds.
pub(super) async fn span(
    connection: &mut Connection,
    stream: Stream,
    from: i64,
) -> Result<(Option<i64>, Option<i64>), DatabaseError> {
    let statement = match stream {
        Stream::Messages => statements::MESSAGES_SPAN,
        Stream::Conferences => statements::CONFERENCES_SPAN,
    };
    let parameters = vec![Parameter::Moment(Moment::from_seconds(from))];
    let seconds = |moment: Option<Moment>| moment.map(|moment| moment.time().seconds());
    let read = |row: &Row| {
        let first = row.moment(0, "FirstTime")?;
        Ok((seconds(first), seconds(row.moment(1, "LastTime")?)))
    };
    connection.row(statement, parameters, read).await
}

/// What a run may read, Unix seconds.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The window's own beginning, where somebody asked for one.
    asked_from: Option<i64>,
    /// The source's.
    source_from: Option<i64>,
    to: i64,
    /// Where conferences end that may still be cleared of those who are not archived.
    settled: i64,
    overlap: i64,
    recount: i64,
    now: i64,
}

/// What is read of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    from: i64,
    to: i64,
    /// Everything before it was captured; `None` where nothing is before it.
    behind: Option<i64>,
}

impl Bounds {
    fn of(work: &Work, source: &DatabaseSource, identity: &Identity) -> Self {
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
    fn window(&self, stream: Stream, position: Option<i64>) -> Option<Window> {
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
    fn past(&self, stream: Stream, position: &Position) -> Option<Past> {
        let counted = position.counted.filter(|_| self.asked_from.is_none())?;
        let since = position.position.saturating_sub(self.recount);
        let since = since.max(counted).max(self.source_from.unwrap_or(counted));
        let from = hour(since.saturating_add(HOUR - 1));
        let to = self.again(position.position);
        (from < to).then_some(Past { stream, from, to })
    }
}

fn seconds(time: Duration) -> i64 {
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
