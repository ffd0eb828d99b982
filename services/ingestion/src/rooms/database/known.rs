use std::collections::BTreeMap;

use chatkeep_pipeline::StageError;
use chatkeep_proto::v1::{CursorRequest, RoomDay, RoomDays, RoomDaysRequest};
use tokio::runtime::Handle;

use super::listing::ListedRoom;
use crate::{database::Identity, rooms::database_name, work::Work};

/// Rooms asked for in one call.
const PAGE: u32 = 10_000;

/// What the ledger knows of a database.
pub(super) struct Known {
    /// The last chat message of each room that was captured, by the room's URI.
    pub(super) positions: BTreeMap<String, i64>,
    /// The last day of each room on which something was found, of those that are read again.
    pub(super) days: BTreeMap<String, RoomDay>,
}

impl Known {
    /// Asks the ledger. What it knows of a database that was another one stops the run, unless the
    /// connector file accepts this one: then it is read from its beginning.
    pub(super) async fn ask(work: &Work, identity: &Identity) -> Result<Self, StageError> {
        let request = CursorRequest {
            connector: work.task.connector.clone(),
            database: database_name(work),
            hours: 0,
        };
        let cursor = work.ledger.clone().cursor(request).await;
        let cursor = cursor
            .map_err(StageError::ledger("ask for cursor"))?
            .into_inner();
        let accepted = work.source().database();
        let accepted = accepted.and_then(|source| source.identity.as_ref());
        let expected = accepted.unwrap_or(&cursor.identity);
        if !expected.is_empty() {
            let expected = identity.expect(expected);
            expected.map_err(|error| error.into_stage("compare database"))?;
        }
        // Numbers of a database that is no more say nothing.
        let is_same = cursor.identity == identity.id;
        let positions = cursor.positions.into_iter().filter(|_| is_same);
        Ok(Self {
            positions: positions.map(|one| (one.stream, one.position)).collect(),
            days: Self::days(work, &identity.id).await?,
        })
    }

    async fn days(work: &Work, identity: &str) -> Result<BTreeMap<String, RoomDay>, StageError> {
        let mut days = BTreeMap::new();
        let mut after = String::new();
        loop {
            let request = RoomDaysRequest {
                connector: work.task.connector.clone(),
                database: database_name(work),
                after: std::mem::take(&mut after),
                limit: PAGE,
                ..RoomDaysRequest::default()
            };
            let page = work.ledger.clone().room_days(request).await;
            let page = page
                .map_err(StageError::ledger("ask for days of rooms"))?
                .into_inner();
            let Some(last) = page.days.last() else {
                return Ok(days);
            };
            last.room.clone_into(&mut after);
            if page.identity == identity {
                days.extend(page.days.into_iter().map(|day| (day.room.clone(), day)));
            }
        }
    }
}

/// Asks the ledger what was seen of a room in this database. Blocks.
pub(super) fn seen_before(work: &Work, room: &ListedRoom) -> Result<Vec<RoomDay>, StageError> {
    let request = RoomDaysRequest {
        connector: work.task.connector.clone(),
        database: database_name(work),
        rooms: vec![room.path.clone()],
        ..RoomDaysRequest::default()
    };
    let mut ledger = work.ledger.clone();
    let found = Handle::current().block_on(ledger.room_days(request));
    let found = found.map_err(StageError::ledger("ask for days of room"))?;
    let RoomDays { identity, days, .. } = found.into_inner();
    Ok(if identity == room.database {
        days
    } else {
        Vec::new()
    })
}
