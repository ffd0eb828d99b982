use std::io::Write as _;

use chatkeep_pipeline::{Completion, ResultExt as _, StageError, crash_point};
use chatkeep_proto::v1::{
    Captured, NewTask, Quarantined, RoomDay, RoomDays, complete_request::Result as Outcome,
};
use chatkeep_staging::BlobKind;
use tokio::runtime::Handle;

use super::{
    list::open,
    listing::{ListedRoom, store},
    read::RoomDatabase,
    room::RoomReader,
    row::{ChatRow, Room},
    window::Window,
};
use crate::{
    list::load,
    quarantine::commit,
    rooms::{chunk::ChunkWriter, claim::claim, database_name, record::Sighting},
    rules::ExcludedCounts,
    sorting::{Merge, Sortable as _, Sorter},
    work::{Work, blocking},
};

/// Pages of new rows of one task, whatever it was to read; what is left goes to a task that follows.
const MOST_PAGES: u32 = 50;
/// Records of one claim.
const MOST_RECORDS: usize = 1_000;
/// Bytes of records held for one claim.
const MOST_BYTES: usize = 4 << 20;

/// Reads the listed rooms, claims their records and stores them as one sorted chunk.
pub(crate) async fn capture(work: &Work) -> Result<Completion, StageError> {
    let rooms: Vec<ListedRoom> = load(&work.staging, &work.task).await?;
    let database = open(work).await?;
    let work = work.clone();
    let (captured, next) = blocking(move || capture_rooms(&work, database, rooms)).await?;
    crash_point("staged");
    Ok(Completion::new(Outcome::Captured(captured)).then_all(next))
}

fn capture_rooms(
    work: &Work,
    database: RoomDatabase,
    rooms: Vec<ListedRoom>,
) -> Result<(Captured, Vec<NewTask>), StageError> {
    let mut reading = Reading {
        work,
        window: Window::of(work),
        database,
        sorter: Sorter::new(),
        captured: Captured::default(),
        excluded: ExcludedCounts::default(),
        days: Vec::new(),
        left: MOST_PAGES,
    };
    let mut rest = Vec::new();
    for (index, room) in (0..).zip(rooms) {
        if reading.left == 0 {
            rest.push(room);
        } else {
            rest.extend(RoomReader::new(&mut reading, index, room)?.read()?);
        }
    }
    let Reading {
        database,
        sorter,
        mut captured,
        excluded,
        days,
        ..
    } = reading;
    captured.excluded = excluded.into_messages();
    captured.rooms = (!days.is_empty()).then(|| RoomDays {
        database: database_name(work),
        identity: database.identity.id,
        days,
    });
    let mut chunk = ChunkWriter::new(&work.staging)?;
    let mut merge = sorter.finish().or_retry("sort records")?;
    loop {
        let page = next_page(&mut merge)?;
        if page.is_empty() {
            break;
        }
        let claimed = claim(work, page)?;
        captured.duplicates.extend(claimed.duplicates);
        captured.kept += claimed.records.len() as u64;
        for sighting in claimed.records {
            chunk.push(&sighting.record)?;
        }
    }
    captured.chunk = chunk.finish()?;
    let next = Handle::current().block_on(store(work, &rest))?;
    Ok((captured, next))
}

fn next_page(merge: &mut Merge<Sighting>) -> Result<Vec<Sighting>, StageError> {
    let mut page = Vec::new();
    let mut bytes = 0;
    while page.len() < MOST_RECORDS && bytes < MOST_BYTES {
        let Some(sighting) = merge.next().or_retry("sort records")? else {
            break;
        };
        bytes += sighting.weight();
        page.push(sighting);
    }
    Ok(page)
}

/// What the rooms of a task came to so far.
pub(super) struct Reading<'a> {
    pub(super) work: &'a Work,
    pub(super) window: Window,
    pub(super) database: RoomDatabase,
    pub(super) sorter: Sorter<Sighting>,
    pub(super) captured: Captured,
    pub(super) excluded: ExcludedCounts,
    /// What was seen and is to be kept.
    pub(super) days: Vec<RoomDay>,
    /// Pages of new rows that the task may still read.
    pub(super) left: u32,
}

impl Reading<'_> {
    /// Keeps the bytes of a row whose time cannot be.
    pub(super) fn quarantine(&mut self, room: &Room, row: &ChatRow) -> Result<(), StageError> {
        let staging = &self.work.staging;
        let mut spool = staging.spool().or_retry("keep original bytes")?;
        spool
            .write_all(row.content.as_bytes())
            .or_retry("keep original bytes")?;
        let stored = commit(staging, BlobKind::Quarantine, spool);
        let captured = &mut self.captured;
        captured.records_read += 1;
        captured.quarantined.push(Quarantined {
            source: format!("{}, chat message {}", room.uri, row.chat),
            reason: "row without a usable time".to_owned(),
            records: 1,
            original: Some(stored.or_retry("keep original bytes")?),
            ..Quarantined::default()
        });
        Ok(())
    }
}
