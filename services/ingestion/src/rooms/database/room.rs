use std::collections::BTreeMap;

use chatkeep_model::{UtcDay, UtcTime};
use chatkeep_pipeline::{ResultExt as _, StageError, Verdict};
use tokio::runtime::Handle;

use super::{
    capture::Reading,
    known::seen_before,
    listing::ListedRoom,
    read::Range,
    records::Records,
    row::{ChatRow, Room},
    seen::{Look, Seen},
    senders::Senders,
};
use crate::rooms::record::{CapturedRecord, Sighting};

/// Numbers below the first row that is read again: a row may be committed after others with larger
/// numbers.
const LATE: i64 = 1_000;

/// Reads one room.
pub(super) struct RoomReader<'a, 'b> {
    reading: &'b mut Reading<'a>,
    /// Position in the task.
    index: u32,
    listed: ListedRoom,
    room: Room,
    seen: Seen,
    /// It was captured in this run already: what it asks for now was refused then.
    is_repeat: bool,
    position_in_room: u64,
    senders: Senders,
    /// What became of rows captured before.
    revisions: Vec<CapturedRecord>,
}

impl<'a, 'b> RoomReader<'a, 'b> {
    pub(super) fn new(
        reading: &'b mut Reading<'a>,
        index: u32,
        listed: ListedRoom,
    ) -> Result<Self, StageError> {
        if listed.database != reading.database.identity.id {
            return Err(StageError::new(
                Verdict::Reject,
                "compare database",
                Rebuilt,
            ));
        }
        let mut days = Vec::new();
        if reading.window.moves {
            days = seen_before(reading.work, &listed)?;
        }
        let run = reading.work.run.run.id;
        let is_repeat = listed.is_begin && days.iter().any(|day| day.run == run);
        if is_repeat {
            days.clear();
        }
        Ok(Self {
            seen: Seen::load(&days).or_reject("read what was seen of room")?,
            room: listed.room(),
            reading,
            index,
            listed,
            is_repeat,
            position_in_room: 0,
            senders: Senders::default(),
            revisions: Vec::new(),
        })
    }

    /// Reads the room; returns what is left of it.
    pub(super) fn read(mut self) -> Result<Option<ListedRoom>, StageError> {
        if self.listed.is_begin {
            self.read_again()?;
        }
        let reached = self.read_on()?;
        let rest = ListedRoom {
            position: reached,
            is_begin: false,
            ..self.listed.clone()
        };
        if self.reading.window.moves && !self.is_repeat {
            self.keep()?;
        }
        Ok((reached < rest.last).then_some(rest))
    }

    /// Reads what was read before, as far as it is young enough, and finds out what became of it.
    fn read_again(&mut self) -> Result<(), StageError> {
        let window = self.reading.window;
        let position = self.listed.position;
        let first = self.seen.first_from(window.again_from);
        let floor = (first.unwrap_or(position + 1).min(position + 1) - 1 - LATE).max(0);
        let mut range = Range {
            room: self.room.number,
            after: floor,
            last: position,
            from: window.again_ticks(),
            until: window.until(),
        };
        while range.after < position {
            let page = self.page(range)?;
            let Some(last) = page.last() else {
                break;
            };
            range.after = last.chat;
            for row in page {
                self.take(&row, false)?;
            }
        }
        let first = window.again_ticks();
        let missing = self.seen.take_missing(
            |chat| chat > floor && chat <= position,
            |ticks| ticks >= first && window.contains(ticks),
        );
        let senders = missing.iter().map(|row| row.user);
        self.senders.ask(&mut self.reading.database, senders)?;
        for row in missing {
            let at = UtcTime::from_ticks(row.ticks).unwrap_or_default();
            let sender = self.senders.get(row.user).cloned();
            let record = self.records().removed(row.chat, at, row.revisions, sender);
            self.revisions.push(record);
        }
        self.push_revisions()
    }

    /// Reads what is new, as far as the task may. Returns the last number that was looked at.
    fn read_on(&mut self) -> Result<i64, StageError> {
        let window = self.reading.window;
        let mut range = Range {
            room: self.room.number,
            after: self.listed.position,
            last: self.listed.last,
            from: window.from,
            until: window.until(),
        };
        while range.after < range.last && self.reading.left > 0 {
            let page = self.page(range)?;
            range.after = page.last().map_or(range.last, |last| last.chat);
            self.reading.left -= 1;
            for row in page {
                self.take(&row, true)?;
            }
        }
        Ok(range.after)
    }

    fn page(&mut self, range: Range) -> Result<Vec<ChatRow>, StageError> {
        let page = Handle::current().block_on(self.reading.database.messages(range));
        page.map_err(|error| error.into_stage("read chat messages"))
    }

    fn records(&self) -> Records<'_> {
        Records::of(&self.listed.database, &self.room)
    }

    /// Takes a row. What is behind the position is claimed whatever was seen: a claim may have been
    /// refused in favour of a task that failed.
    fn take(&mut self, row: &ChatRow, is_behind: bool) -> Result<(), StageError> {
        self.senders.note(row);
        let look = if self.reading.window.moves && !self.is_repeat {
            self.seen.look(row)
        } else {
            Look::New
        };
        if look == Look::Unchanged && !is_behind {
            return Ok(());
        }
        let Some(at) = row.at() else {
            return self.reading.quarantine(&self.room, row);
        };
        match look {
            Look::Replaced { revision } if !is_behind => {
                let record = self.records().replaced(row, at, revision);
                self.revisions.push(record);
                Ok(())
            }
            _ => {
                let record = self.records().said(row, at);
                self.push(record)
            }
        }
    }

    /// Gives what became of rows to everybody who got them: who wrote on the same day.
    fn push_revisions(&mut self) -> Result<(), StageError> {
        let revisions = std::mem::take(&mut self.revisions);
        let mut days: BTreeMap<UtcDay, Vec<CapturedRecord>> = BTreeMap::new();
        for record in revisions {
            days.entry(record.day()).or_default().push(record);
        }
        for (day, mut records) in days {
            let senders = self.seen.senders(day);
            let database = &mut self.reading.database;
            self.senders.ask(database, senders.iter().copied())?;
            let work = self.reading.work;
            let audience = senders.iter().filter_map(|user| self.senders.get(*user));
            let audience = audience.filter(|one| work.rules.of_sender(&one.address).is_none());
            if let Some(first) = records.first_mut() {
                first.audience = audience.cloned().collect();
            }
            for record in records {
                self.push(record)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, record: CapturedRecord) -> Result<(), StageError> {
        self.reading.captured.records_read += 1;
        let sender = record.sender.as_ref();
        let work = self.reading.work;
        if let Some(rule) = sender.and_then(|sender| work.rules.of_sender(&sender.address)) {
            self.reading.excluded.add(rule);
            return Ok(());
        }
        let sighting = Sighting {
            record,
            file: self.index,
            position: self.position_in_room,
        };
        self.position_in_room += 1;
        self.reading.sorter.push(sighting).or_retry("sort records")
    }

    /// Has kept what was seen. Where there was something to read, today is one of the days: rows that are
    /// not committed yet are looked for as long as those of today.
    fn keep(mut self) -> Result<(), StageError> {
        let window = self.reading.window;
        if self.listed.last > self.listed.position {
            self.seen.touch(window.today);
        }
        let days = self.seen.into_days(&self.room, window.again_from);
        self.reading
            .days
            .extend(days.or_reject("keep what was seen of room")?);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the database is another one than the one that was listed")]
struct Rebuilt;
