//! What administrators see of a database before it is archived.

use std::time::Duration;

use chatkeep_model::{Conversation, connector::DatabaseSource};

use super::{
    conversation::conversation,
    details::Details,
    group::Groups,
    list::span,
    range::{Range, Stream, midnight},
    reader::Open,
    record::Entry,
    recount::{self, Past},
    tables,
};
use crate::{
    check::DatabaseSample,
    database::{Connection, DatabaseError, Identity, Schema, in_time},
    preview::Previewed,
    sorting::Sorter,
};

/// Rows looked at.
const ROWS: u32 = 1_000;

/// Connects, and looks whether everything is there that must be.
pub(crate) async fn look_into(source: &DatabaseSource) -> Result<DatabaseSample, DatabaseError> {
    let mut connection = Connection::open(source).await?;
    let identity = Identity::of(&mut connection).await?;
    if let Some(accepted) = &source.identity {
        identity.expect(accepted)?;
    }
    let schema = Schema::of(&mut connection).await?;
    schema.require(&tables::MANDATORY)?;
    let absent = tables::OPTIONAL.iter();
    let absent = absent.filter(|(table, column)| !has(&schema, table, column));
    let mut sample = DatabaseSample {
        identity: identity.id,
        absent: absent
            .map(|(table, column)| format!("{table}.{column}"))
            .collect(),
        ..DatabaseSample::default()
    };
    let mut times = Vec::new();
    for stream in Stream::ALL {
        let (first, last) = span(&mut connection, stream, i64::MIN).await?;
        times.extend(first.into_iter().chain(last));
    }
    if let Some(details) = source.call_details()
        && let Err(error) = Details::open(&details).await
    {
        // Nothing is stopped by it.
        sample.absent.push(format!("call detail records: {error}"));
    }
    sample.first = times.iter().min().copied();
    sample.last = times.iter().max().copied();
    // As a run would: what the login may not read shows here.
    let mut open = Open::on(connection, &schema)?;
    for stream in Stream::ALL {
        open.first_page(&last_day(stream, sample.last), 1).await?;
    }
    Ok(sample)
}

/// Of a conference's URI, either layout will do.
fn has(schema: &Schema, table: &str, column: &str) -> bool {
    schema.has(table, column)
        || column == "ConferenceUri"
            && schema.has("Conferences", "ConferenceUriId")
            && schema.has("ConferenceUris", "ConferenceUri")
}

/// The first conversations of the last day, at most `limit`.
pub(crate) async fn preview(
    connector: &str,
    source: &DatabaseSource,
    limit: usize,
) -> Result<Vec<Previewed>, DatabaseError> {
    let mut connection = Connection::open(source).await?;
    let identity = Identity::of(&mut connection).await?;
    let schema = Schema::of(&mut connection).await?;
    let mut last = Vec::new();
    for stream in Stream::ALL {
        let (_, end) = span(&mut connection, stream, i64::MIN).await?;
        last.push((stream, end));
    }
    let mut open = Open::on(connection, &schema)?;
    let mut previewed = Vec::new();
    for (stream, end) in last {
        let page = open.first_page(&last_day(stream, end), ROWS).await?;
        let conversations = conversations(connector, page, &identity.id, stream)?;
        previewed.extend(conversations.into_iter().map(|conversation| Previewed {
            file: stream.table().to_owned(),
            conversation,
        }));
    }
    previewed.truncate(limit);
    Ok(previewed)
}

/// Rows of both tables in a window, Unix seconds, to exclusive; `None` when counting them takes longer than
/// `time`.
pub(crate) async fn count(
    source: &DatabaseSource,
    (from, to): (Option<i64>, Option<i64>),
    time: Duration,
) -> Result<Option<u64>, DatabaseError> {
    in_time(time, async {
        let mut connection = Connection::open(source).await?;
        let mut rows = 0;
        for stream in Stream::ALL {
            let window = Past {
                stream,
                from: from.unwrap_or(i64::MIN),
                to: to.unwrap_or(i64::MAX),
            };
            let hours = recount::count(&mut connection, &window).await?;
            rows += hours.values().sum::<u64>();
        }
        Ok(rows)
    })
    .await
}

fn last_day(stream: Stream, last: Option<i64>) -> Range {
    let last = last.unwrap_or_default();
    Range::new(stream, midnight(last), last.saturating_add(1), "")
}

fn conversations(
    connector: &str,
    page: Vec<Entry>,
    identity: &str,
    stream: Stream,
) -> Result<Vec<Conversation>, DatabaseError> {
    let keep = |source: Box<dyn std::error::Error + Send + Sync>| DatabaseError::Keep { source };
    let mut sorter = Sorter::new();
    for entry in page {
        sorter.push(entry).map_err(|error| keep(error.into()))?;
    }
    let merge = sorter.finish().map_err(|error| keep(error.into()))?;
    let mut groups = Groups::new(merge, identity, stream);
    let mut conversations = Vec::new();
    while let Some(group) = groups.next().map_err(|error| keep(error.into()))? {
        let known = vec![false; group.rows.len()];
        let said = group.sort_out(&known).said;
        conversations.extend(conversation(connector, &said));
    }
    Ok(conversations)
}
