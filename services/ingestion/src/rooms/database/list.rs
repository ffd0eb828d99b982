use std::collections::BTreeSet;

use chatkeep_pipeline::{Completion, ResultExt as _, StageError, Verdict};
use chatkeep_proto::v1::{
    Listed, NewTask, Reach, RoomDay, Stretch, complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, FrameWriter};
use serde::{Deserialize, Serialize};

use super::{
    known::Known,
    read::{FoundRoom, RoomDatabase},
    row::Room,
    window::Window,
};
use crate::{list::capture as capture_task, rooms::database_name, work::Work};

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
    /// Chat messages up to this one were captured; those that are young enough are read again.
    pub(super) position: i64,
    /// Those behind `position` and up to this one are read.
    pub(super) last: i64,
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

    /// How many new rows there may be, and one.
    fn numbers(&self) -> i64 {
        (self.last - self.position).saturating_add(1)
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
    let mut listing = Lister {
        window: Window::of(work),
        known: Known::ask(work, &database.identity).await?,
        identity: database.identity.id.clone(),
        numbers: BTreeSet::new(),
        listed: Listed::default(),
        rooms: Vec::new(),
        stretches: Vec::new(),
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
            let end = listing.end(&mut database, &found).await?;
            listing.add(found, end)?;
        }
    }
    listing.add_removed();
    let (listed, rooms) = listing.finish(database_name(work));
    let tasks = store(work, &rooms).await?;
    Ok(Completion::new(Outcome::Listed(listed)).then_all(tasks))
}

/// Opens the source's database.
pub(super) async fn open(work: &Work) -> Result<RoomDatabase, StageError> {
    let source = work.source().database();
    let source = source
        .ok_or(NoDatabase)
        .or_reject("find database of task")?;
    let opened = RoomDatabase::open(source).await;
    opened.map_err(|error| error.into_stage("open room database"))
}

#[derive(Debug, thiserror::Error)]
#[error("source has no database")]
struct NoDatabase;

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
    let blob = blob.await.or_retry("store listing")?;
    let source = work.task.source;
    let tasks = cut(rooms).into_iter();
    Ok(tasks
        .map(|(first, count)| capture_task(&blob, first, count, source))
        .collect())
}

struct Lister {
    window: Window,
    known: Known,
    identity: String,
    /// Numbers of the rooms that are there.
    numbers: BTreeSet<i32>,
    listed: Listed,
    rooms: Vec<ListedRoom>,
    stretches: Vec<Stretch>,
}

impl Lister {
    /// Up to where everything is captured when the room is: not behind the first row of a day that the
    /// source is not read for yet.
    async fn end(&self, database: &mut RoomDatabase, found: &FoundRoom) -> Result<i64, StageError> {
        let position = self.position(&found.room);
        if !self.window.moves || !self.window.has_end() || found.last <= position {
            return Ok(found.last);
        }
        let later = database.first_behind(found.room.number, position, self.window.until());
        let later = later
            .await
            .map_err(|error| error.into_stage("list rooms"))?;
        Ok(later.map_or(found.last, |later| later - 1))
    }

    fn position(&self, room: &Room) -> i64 {
        self.known.positions.get(&room.uri).copied().unwrap_or(0)
    }

    fn add(&mut self, found: FoundRoom, end: i64) -> Result<(), StageError> {
        let FoundRoom { room, last } = found;
        self.numbers.insert(room.number);
        if !self.window.moves {
            // Certain days are read whatever was read before.
            self.push(room, 0, last);
            return Ok(());
        }
        let position = self.position(&room);
        if last < position {
            let back = CountsBack {
                number: room.number,
                last,
                before: position,
            };
            return Err(StageError::new(Verdict::Reject, "compare rooms", back));
        }
        if end > position {
            self.stretches.push(Stretch {
                stream: room.uri.clone(),
                from: self.known.positions.get(&room.uri).copied(),
                to: end,
            });
        }
        if last > position || self.is_read_again(&room.uri) {
            self.push(room, position, last);
        } else {
            self.listed.unchanged += 1;
        }
        Ok(())
    }

    /// Rooms that are gone: what was read of them lately is.
    fn add_removed(&mut self) {
        let days = std::mem::take(&mut self.known.days).into_values();
        let is_gone = |day: &RoomDay| !self.numbers.contains(&day.number);
        let gone = days.filter(|day| self.window.moves && self.window.reads_again(day.day));
        let gone: Vec<_> = gone.filter(is_gone).collect();
        for day in gone {
            let room = Room {
                uri: day.room,
                number: day.number,
                name: day.title,
            };
            let position = self.position(&room);
            self.push(room, position, position);
        }
    }

    fn is_read_again(&self, room: &str) -> bool {
        let day = self.known.days.get(room);
        day.is_some_and(|day| self.window.reads_again(day.day))
    }

    fn push(&mut self, room: Room, position: i64, last: i64) {
        if last == 0 {
            return;
        }
        self.listed.files += 1;
        self.rooms.push(ListedRoom {
            path: room.uri,
            number: room.number,
            name: room.name,
            database: self.identity.clone(),
            position,
            last,
            is_begin: true,
        });
    }

    /// A run for certain days moves no cursor: it leaves out what lies before and behind.
    fn finish(mut self, database: String) -> (Listed, Vec<ListedRoom>) {
        if self.window.moves {
            self.listed.seen_from = Some(self.window.again_from.0);
            self.listed.reach = Some(Reach {
                database,
                identity: self.identity,
                stretches: self.stretches,
            });
        }
        (self.listed, self.rooms)
    }
}

/// Cuts a listing into ranges (first, count) of few enough rooms and rows.
fn cut(rooms: &[ListedRoom]) -> Vec<(u32, u32)> {
    let mut ranges = Vec::new();
    let mut first = 0;
    let mut numbers = 0;
    for (index, room) in rooms.iter().enumerate() {
        let count = index - first;
        if count > 0
            && (count == MOST_ROOMS || room.numbers().saturating_add(numbers) > MOST_NUMBERS)
        {
            ranges.push((first, count));
            first = index;
            numbers = 0;
        }
        numbers = room.numbers().saturating_add(numbers);
    }
    ranges.push((first, rooms.len() - first));
    let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let ranges = ranges.into_iter();
    ranges
        .map(|(first, count)| (narrow(first), narrow(count)))
        .collect()
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
            position: 0,
            last,
            is_begin: true,
        }
    }

    #[test]
    fn tasks_are_cut_by_rooms_and_by_rows() {
        let many = vec![room(1); 250];
        let large = [room(10), room(MOST_NUMBERS), room(10), room(i64::MAX)];

        assert_eq!(cut(&many), [(0, 100), (100, 100), (200, 50)]);
        assert_eq!(cut(&large), [(0, 1), (1, 1), (2, 1), (3, 1)]);
    }
}
