use std::collections::{BTreeMap, BTreeSet};

use chatkeep_pipeline::{Completion, ResultExt as _, StageError, Verdict};
use chatkeep_proto::v1::{
    Listed, NewTask, RoomPosition, RoomsRequest, TaskKind, complete_request::Result as Outcome,
};
use chatkeep_staging::{Blob, BlobKind, FrameWriter};
use serde::{Deserialize, Serialize};

use super::{
    read::{FoundRoom, RoomDatabase},
    row::Room,
    window::Window,
};
use crate::{database::DatabaseError, work::Work};

/// Positions asked for in one call.
const PAGE: u32 = 10_000;
/// Rooms of one CAPTURE task.
const MOST_ROOMS: usize = 100;
/// Numbers of chat messages of one CAPTURE task, unless its only room has more.
const MOST_NUMBERS: i64 = 20_000;

/// A room to capture: one frame of a listing blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ListedRoom {
    /// Its URI; what it is called when it cannot be read.
    pub(super) path: String,
    /// `nodeID`.
    pub(super) number: i32,
    pub(super) name: String,
    /// Identity of the database.
    pub(super) database: String,
    /// Chat messages up to this one are not read again.
    pub(super) floor: i64,
    /// Those behind it and up to `position` are, as far as they are young enough.
    pub(super) position: i64,
    /// Those behind `position` and up to this one are read.
    pub(super) last: i64,
    /// The last UTC day on which something new was found.
    pub(super) moved: i32,
    /// What was read before is read again; not where a task goes on with what another one began.
    pub(super) is_begin: bool,
}

impl ListedRoom {
    pub(super) fn room(&self) -> Room {
        Room {
            uri: self.path.clone(),
            number: self.number,
            name: self.name.clone(),
        }
    }

    /// How many rows there may be.
    fn numbers(&self) -> i64 {
        self.last.saturating_sub(self.floor)
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "room {number} counts its chat messages to {last}, and did to {before}: the database was restored from \
     an older backup; restore a newer one, or read it as a connector of its own"
)]
struct CountsBack {
    number: i32,
    last: i64,
    before: i64,
}

/// Lists the rooms in which something is new, or may have changed.
pub(crate) async fn list(work: &Work) -> Result<Completion, StageError> {
    let mut database = open(work).await?;
    let mut lister = Lister {
        window: Window::of(work),
        identity: database.identity.id.clone(),
        known: known(work, &database.identity.id).await?,
        numbers: BTreeSet::new(),
        listed: Listed::default(),
        rooms: Vec::new(),
    };
    let mut after = i32::MIN;
    loop {
        let page = database.rooms(after).await;
        let page = page.map_err(|error| error.into_stage("list rooms"))?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.room.number;
        for found in page {
            lister.add(found)?;
        }
    }
    lister.add_removed();
    let Lister { listed, rooms, .. } = lister;
    let tasks = store(work, &rooms).await?;
    Ok(Completion::new(Outcome::Listed(listed)).then_all(tasks))
}

/// Opens the source's database.
pub(super) async fn open(work: &Work) -> Result<RoomDatabase, StageError> {
    let source = work.source().database();
    let source = source.ok_or(NoDatabase).or_reject("find database of task")?;
    let opened = RoomDatabase::open(source, &work.run.connector.domain).await;
    opened.map_err(|error| error.into_stage("open room database"))
}

#[derive(Debug, thiserror::Error)]
#[error("source has no database")]
struct NoDatabase;

/// How far rooms were read, by their URIs. Positions of another database stop the run, unless the
/// connector file accepts this one: then it is read from its beginning.
async fn known(work: &Work, identity: &str) -> Result<BTreeMap<String, RoomPosition>, StageError> {
    let accepted = work.source().database();
    let accepted = accepted.and_then(|source| source.identity.as_deref());
    let mut known = BTreeMap::new();
    let mut after = String::new();
    loop {
        let request = RoomsRequest {
            connector: work.task.connector.clone(),
            source: work.task.source,
            after: std::mem::take(&mut after),
            limit: PAGE,
            ..RoomsRequest::default()
        };
        let page = work.ledger.clone().rooms(request).await;
        let page = page.map_err(StageError::ledger("ask for positions of rooms"))?;
        let page = page.into_inner().positions;
        let Some(last) = page.last() else {
            return Ok(known);
        };
        last.room.clone_into(&mut after);
        for position in page {
            if position.database == identity {
                known.insert(position.room.clone(), position);
            } else if accepted != Some(identity) {
                let rebuilt = DatabaseError::Rebuilt {
                    before: position.database,
                    found: identity.to_owned(),
                };
                return Err(rebuilt.into_stage("compare database"));
            }
        }
    }
}

/// Stores rooms as a listing; returns the tasks that capture them.
pub(super) async fn store(work: &Work, rooms: &[ListedRoom]) -> Result<Vec<NewTask>, StageError> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let mut frames = FrameWriter::new(Vec::new());
    for room in rooms {
        frames.push(room).or_reject("write listing")?;
    }
    let blob = work.staging.put(BlobKind::Listing, frames.into_inner());
    let blob: Blob = blob.await.or_retry("store listing")?;
    let tasks = cut(rooms).into_iter().map(|(first, count)| NewTask {
        kind: TaskKind::Capture.into(),
        input: Some(blob.clone()),
        first,
        count,
        source: work.task.source,
        shard: 0,
    });
    Ok(tasks.collect())
}

struct Lister {
    window: Window,
    identity: String,
    known: BTreeMap<String, RoomPosition>,
    /// Numbers of the rooms that are there.
    numbers: BTreeSet<i32>,
    listed: Listed,
    rooms: Vec<ListedRoom>,
}

impl Lister {
    fn add(&mut self, found: FoundRoom) -> Result<(), StageError> {
        let FoundRoom { room, last } = found;
        self.numbers.insert(room.number);
        let known = self.known.get(&room.uri);
        let known = known.cloned().unwrap_or_default();
        if last < known.position {
            let back = CountsBack {
                number: room.number,
                last,
                before: known.position,
            };
            return Err(StageError::new(Verdict::Reject, "compare rooms", back));
        }
        if !self.window.moves {
            // Certain days are read whatever was read before.
            self.push(room, &RoomPosition::default(), last);
        } else if last > known.position || self.may_have_changed(&known) {
            self.push(room, &known, last);
        } else {
            self.listed.unchanged += 1;
        }
        Ok(())
    }

    /// Rooms that are gone: what was read of them lately is.
    fn add_removed(&mut self) {
        if !self.window.moves {
            return;
        }
        let known = std::mem::take(&mut self.known);
        for position in known.into_values() {
            let is_gone = !self.numbers.contains(&position.number);
            if is_gone && self.may_have_changed(&position) {
                let room = Room {
                    uri: position.room.clone(),
                    number: position.number,
                    name: position.name.clone(),
                };
                self.push(room, &position, position.position);
            }
        }
    }

    fn may_have_changed(&self, known: &RoomPosition) -> bool {
        known.position > 0 && known.moved >= self.window.again_from.0
    }

    fn push(&mut self, room: Room, known: &RoomPosition, last: i64) {
        if last == 0 {
            return;
        }
        self.listed.files += 1;
        self.rooms.push(ListedRoom {
            path: room.uri,
            number: room.number,
            name: room.name,
            database: self.identity.clone(),
            floor: known.floor,
            position: known.position,
            last,
            moved: known.moved,
            is_begin: true,
        });
    }
}

/// Cuts a listing into ranges (first, count) of few enough rooms and rows.
fn cut(rooms: &[ListedRoom]) -> Vec<(u32, u32)> {
    let mut ranges = Vec::new();
    let mut first = 0;
    let mut numbers = 0;
    for (index, room) in rooms.iter().enumerate() {
        let count = index - first;
        if count > 0 && (count == MOST_ROOMS || room.numbers().saturating_add(numbers) > MOST_NUMBERS) {
            ranges.push((first, count));
            first = index;
            numbers = 0;
        }
        numbers = room.numbers().saturating_add(numbers);
    }
    ranges.push((first, rooms.len() - first));
    let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let ranges = ranges.into_iter();
    ranges.map(|(first, count)| (narrow(first), narrow(count))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(last: i64) -> ListedRoom {
        ListedRoom {
            path: String::new(),
            number: 1,
            name: String::new(),
            database: String::new(),
            floor: 0,
            position: 0,
            last,
            moved: 0,
            is_begin: true,
        }
    }

    #[test]
    fn tasks_are_cut_by_rooms_and_by_rows() {
        let many = vec![room(1); 250];
        let large = [room(10), room(MOST_NUMBERS + 1), room(10), room(i64::MAX)];

        assert_eq!(cut(&many), [(0, 100), (100, 100), (200, 50)]);
        assert_eq!(cut(&large), [(0, 1), (1, 1), (2, 1), (3, 1)]);
    }
}
