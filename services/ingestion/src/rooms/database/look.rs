//! What administrators see of a database before it is archived.

use std::collections::BTreeMap;

use chatkeep_model::{UtcDay, UtcTime, connector::DatabaseSource};

use super::{
    read::{FoundRoom, Range, RoomDatabase},
    records::Records,
};
use crate::{
    check::DatabaseSample,
    database::DatabaseError,
    preview::Previewed,
    rooms::{day::whole_days, record::CapturedRecord},
};

/// Numbers of chat messages looked at in a room, from its last one back.
const NUMBERS: i64 = 1_000;

/// Connects, and looks whether everything is there that must be.
pub(crate) async fn look_into(source: &DatabaseSource) -> Result<DatabaseSample, DatabaseError> {
    let mut database = RoomDatabase::open(source).await?;
    if let Some(accepted) = &source.identity {
        database.identity.expect(accepted)?;
    }
    // As a run would: what the login may not read shows here.
    let rooms = database.rooms(i32::MIN).await?;
    if let Some(found) = rooms.first() {
        database.messages(last_numbers(found, 1)).await?;
    }
    database.principals(&[0]).await?;
    let (first, last) = database.span().await?;
    let seconds = |ticks: i64| UtcTime::from_ticks(ticks).map(UtcTime::seconds);
    Ok(DatabaseSample {
        identity: database.identity.id,
        absent: database.absent,
        first: first.and_then(seconds),
        last: last.and_then(seconds),
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

fn last_numbers(found: &FoundRoom, numbers: i64) -> Range {
    Range {
        room: found.room.number,
        after: found.last - numbers,
        last: found.last,
        from: i64::MIN,
        until: i64::MAX,
    }
}
