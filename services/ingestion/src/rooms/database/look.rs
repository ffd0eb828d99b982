//! What administrators see of a database before it is archived.

use std::{collections::BTreeMap, time::Duration};

use chatkeep_model::{UtcDay, connector::DatabaseSource};

use super::{
    read::{FoundRoom, Range, RoomDatabase},
    records::Records,
    row::ChatRow,
    window::ticks,
};
use crate::{
    check::DatabaseSample,
    database::{DatabaseError, in_time},
    preview::Previewed,
    rooms::{day::whole_days, record::CapturedRecord},
};

/// Rooms whose first and last messages are looked at.
const ROOMS: usize = 100;
/// Numbers of chat messages looked at in a room, from its last one back.
const NUMBERS: i64 = 1_000;

/// Connects, and looks whether everything is there that must be. First and last message are those of the
/// first rooms.
pub(crate) async fn look_into(source: &DatabaseSource) -> Result<DatabaseSample, DatabaseError> {
    let mut database = RoomDatabase::open(source).await?;
    if let Some(accepted) = &source.identity {
        database.identity.expect(accepted)?;
    }
    // As a run would: what the login may not read shows here.
    let rooms = database.rooms(i32::MIN).await?;
    database.principals(&[0]).await?;
    database.limit(1);
    let mut times = Vec::new();
    for found in rooms.iter().take(ROOMS) {
        for range in [last_numbers(found, found.last), last_numbers(found, 1)] {
            let rows = database.messages(range).await?;
            times.extend(rows.first().and_then(ChatRow::at));
        }
    }
    Ok(DatabaseSample {
        identity: database.identity.id,
        absent: database.absent,
        first: times.iter().min().map(|time| time.seconds()),
        last: times.iter().max().map(|time| time.seconds()),
    })
}

/// The last day of each of the first rooms, at most `limit`.
pub(crate) async fn preview(
    connector: &str,
    source: &DatabaseSource,
    limit: usize,
) -> Result<Vec<Previewed>, DatabaseError> {
    let mut database = RoomDatabase::open(source).await?;
    let mut previewed = Vec::new();
    for found in database.rooms(i32::MIN).await? {
        if previewed.len() == limit {
            break;
        }
        let rows = database.messages(last_numbers(&found, NUMBERS)).await?;
        let records = Records::of(&database.identity.id, &found.room);
        let mut days: BTreeMap<UtcDay, Vec<CapturedRecord>> = BTreeMap::new();
        for row in rows {
            if let Some(at) = row.at() {
                let record = records.said(&row, at);
                days.entry(at.day()).or_default().push(record);
            }
        }
        let Some((_, last)) = days.pop_last() else {
            continue;
        };
        let conversations = whole_days(connector, last).into_iter();
        previewed.extend(conversations.map(|conversation| Previewed {
            file: "tblChat".to_owned(),
            conversation,
        }));
    }
    Ok(previewed)
}

/// Chat messages of all rooms in a window, Unix seconds, to exclusive; `None` when counting them takes longer
/// than `time`.
pub(crate) async fn count(
    source: &DatabaseSource,
    (from, to): (Option<i64>, Option<i64>),
    time: Duration,
) -> Result<Option<u64>, DatabaseError> {
    let from = from.map_or(i64::MIN, ticks);
    let until = to.map_or(i64::MAX, |to| ticks(to).saturating_sub(1));
    in_time(time, async {
        let mut database = RoomDatabase::open(source).await?;
        database.count(from, until).await
    })
    .await
}

fn last_numbers(found: &FoundRoom, numbers: i64) -> Range {
    Range {
        room: found.room.number,
        after: found.last - numbers,
        last: found.last,
        from: i64::MIN,
        until: i64::MAX,
    }
}
