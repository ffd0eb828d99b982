use std::io;

use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::{Captured, CapturedFile};

use super::record::{Sighting, shard_of};
use crate::{
    folder::{self, HashedFile, Stamp, read_settled},
    list::ListedFile,
    quarantine::{keep_original, quarantined},
    rules::ExcludedCounts,
    sorting::{SortError, Sorter},
    work::Work,
    xml::{self, Damage, RoomEvent},
};

/// Files read so far: their events sorted, the rest counted.
pub(super) struct Reading {
    pub(super) sorter: Sorter<Sighting>,
    pub(super) captured: Captured,
    pub(super) excluded: ExcludedCounts,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            sorter: Sorter::new(),
            captured: Captured::default(),
            excluded: ExcludedCounts::default(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("read source file")]
    File { source: io::Error },
    #[error("sort records")]
    Sort { source: SortError },
}

impl From<io::Error> for ReadError {
    fn from(source: io::Error) -> Self {
        Self::File { source }
    }
}

/// What one file holds.
struct FileRead {
    damage: Option<Damage>,
    counts: Counts,
    sha256: [u8; 32],
}

#[derive(Default)]
struct Counts {
    read: u64,
    outside: u64,
    excluded: ExcludedCounts,
}

impl Reading {
    /// Reads a file; its events count only when it is whole.
    pub(super) fn add(
        &mut self,
        work: &Work,
        index: u32,
        file: &ListedFile,
    ) -> Result<(), StageError> {
        let path = work.path_of(&file.path);
        // Who still writes a file after its quiet time gets the next run.
        let expected = work.run.run.scheduled.then(|| file.stamp());
        self.sorter.begin();
        let sorter = &mut self.sorter;
        let reading = read_settled(&path, expected, |stamp| {
            sorter.roll_back();
            let mut intake = Intake::new(work, index, sorter);
            let mut reader = HashedFile::open(&path, stamp.size)?;
            let end = xml::read(&mut reader, |event| intake.take(event))?;
            let counts = intake.counts;
            let sha256 = HashedFile::finish(reader)?;
            Ok::<_, ReadError>(FileRead {
                damage: end.err(),
                counts,
                sha256,
            })
        });
        match reading.or_retry("read source file")? {
            folder::Reading::Settled(read, stamp) => self.settle(work, file, read, stamp),
            folder::Reading::Unsettled => {
                folder::log_unsettled();
                self.sorter.roll_back();
                Ok(())
            }
        }
    }

    fn settle(
        &mut self,
        work: &Work,
        file: &ListedFile,
        read: FileRead,
        stamp: Stamp,
    ) -> Result<(), StageError> {
        let row = CapturedFile {
            path: file.path.clone(),
            size: stamp.size,
            modified: stamp.modified,
            sha256: read.sha256.to_vec().into(),
            item: None,
        };
        if file.is_known_as(&read.sha256) {
            self.sorter.roll_back();
            self.captured.files.push(row);
            return Ok(());
        }
        if let Some(damage) = read.damage {
            self.sorter.roll_back();
            if let Some(original) = keep_original(work, &file.path, &read.sha256)? {
                let quarantined = quarantined(&file.path, damage.reason(), original);
                self.captured.quarantined.push(quarantined);
                self.captured.records_read += 1;
                self.captured.files.push(row);
            }
            return Ok(());
        }
        self.captured.records_read += read.counts.read;
        self.captured.outside += read.counts.outside;
        self.excluded.add_all(read.counts.excluded);
        // What lies outside the window stays uncaptured, so the file does.
        if read.counts.outside == 0 {
            self.captured.files.push(row);
        }
        Ok(())
    }
}

/// Sorts the events of one file in.
struct Intake<'a> {
    work: &'a Work,
    file: u32,
    sorter: &'a mut Sorter<Sighting>,
    counts: Counts,
    position: u64,
    /// The room of the last event and its shard: events come room by room.
    shard: (String, u32),
}

impl<'a> Intake<'a> {
    fn new(work: &'a Work, file: u32, sorter: &'a mut Sorter<Sighting>) -> Self {
        Self {
            work,
            file,
            sorter,
            counts: Counts::default(),
            position: 0,
            shard: (String::new(), shard_of("")),
        }
    }

    fn take(&mut self, event: RoomEvent) -> Result<(), ReadError> {
        if !self.work.wants(event.at()) {
            self.counts.outside += 1;
            return Ok(());
        }
        self.counts.read += 1;
        let sender = event.sender.as_ref();
        if let Some(rule) = sender.and_then(|sender| self.work.rules.of_sender(&sender.address)) {
            self.counts.excluded.add(rule);
            return Ok(());
        }
        if self.shard.0 != event.room.uri {
            self.shard = (event.room.uri.clone(), shard_of(&event.room.uri));
        }
        let sighting = Sighting::of(event, self.shard.1, self.file, self.position);
        self.position += 1;
        let pushed = self.sorter.push(sighting);
        pushed.map_err(|source| ReadError::Sort { source })
    }
}
