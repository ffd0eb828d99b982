use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::NewTask;
use chatkeep_staging::{BlobKind, FrameWriter};
use serde::{Deserialize, Serialize};

use super::row::Room;
use crate::{list::capture, work::Work};

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
        .map(|(first, count)| capture(&blob, first, count, source))
        .collect())
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
