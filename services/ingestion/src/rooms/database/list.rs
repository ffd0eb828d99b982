use std::collections::BTreeSet;

use chatkeep_pipeline::{Completion, ResultExt as _, StageError, Verdict};
use chatkeep_proto::v1::{Listed, Reach, RoomDay, Stretch, complete_request::Result as Outcome};

use super::{
    known::Known,
    listing::{ListedRoom, store},
    read::{FoundRoom, RoomDatabase},
    row::Room,
    window::Window,
};
use crate::{rooms::database_name, work::Work};

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
