use chatkeep_model::connector::DatabaseSource;
use chatkeep_pipeline::{Completion, ResultExt as _, StageError};
use chatkeep_proto::v1::{
    Cursor, CursorRequest, Listed, NewTask, Position, Reach, Stretch,
    complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, FrameWriter};

use super::{
    details::{self, Details},
    range::{Range, Stream, day_from},
    recount::Recount,
    statements, tables,
    window::{Bounds, Window, seconds},
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
