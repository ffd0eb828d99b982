use chatkeep_model::UtcTime;
use chatkeep_pipeline::{Completion, ResultExt as _, StageError, Verdict, crash_point};
use chatkeep_proto::v1::{
    Assembled, CapturesRequest, Chunk, NewTask, RoomDay, RoomDays,
    complete_request::Result as Outcome,
};

use chatkeep_staging::Blob;
use tokio::runtime::Handle;

use super::{
    chunk::{ChunkWriter, open_shard},
    database_name,
    day::Day,
    first::Firsts,
    record::CapturedRecord,
    roster::{self, Roster},
};
use crate::{
    batch,
    sorting::{Merge, SortError},
    work::{Work, blocking},
};

/// Conversations of one batch.
const MOST_CONVERSATIONS: usize = 100;
/// Bytes of one batch, unless its only conversation has more.
const MOST_BYTES: usize = 4 << 20;

/// Merges one shard of the captured records into batches of whole conversations.
pub(crate) async fn assemble(work: &Work) -> Result<Completion, StageError> {
    let request = CapturesRequest {
        task: work.task.id.clone(),
    };
    let response = work.ledger.clone().captures(request).await;
    let chunks = response
        .map_err(StageError::ledger("ask for captures"))?
        .into_inner()
        .chunks;
    let work = work.clone();
    blocking(move || Assembly::new(&work)?.run(&chunks)).await
}

/// What an assembly holds: the merge, the days of one batch, and the largest single day.
struct Assembly<'a> {
    work: &'a Work,
    assembled: Assembled,
    next: Vec<NewTask>,
    open: ChunkWriter,
    day: Day,
    /// Days that wait for their batch.
    days: Vec<Day>,
    weight: usize,
    /// The roster of the room assembled last: its next day may follow.
    roster: Option<Roster>,
    /// Items that days of a database's rooms became.
    firsts: Vec<RoomDay>,
}

impl<'a> Assembly<'a> {
    fn new(work: &'a Work) -> Result<Self, StageError> {
        Ok(Self {
            work,
            assembled: Assembled::default(),
            next: Vec::new(),
            open: ChunkWriter::new(&work.staging)?,
            day: Day::default(),
            days: Vec::new(),
            weight: 0,
            roster: None,
            firsts: Vec::new(),
        })
    }

    fn run(mut self, chunks: &[Chunk]) -> Result<Completion, StageError> {
        let mut merge = self.merge(chunks)?;
        while let Some(record) = merge.next().or_retry("merge records")? {
            if self.is_open(&record) {
                self.leave_open(&record)?;
                continue;
            }
            if self.day.ends_before(&record) {
                self.end_day()?;
            }
            self.day.push(record);
        }
        self.end_day()?;
        self.flush()?;
        self.leave_room()?;
        if !self.firsts.is_empty() {
            self.assembled.rooms = Some(RoomDays {
                database: database_name(self.work),
                days: self.firsts,
                ..RoomDays::default()
            });
        }
        self.assembled.open = self.open.records();
        self.assembled.open_records = self.open.finish()?;
        crash_point("staged");
        Ok(Completion::new(Outcome::Assembled(self.assembled)).then_all(self.next))
    }

    fn merge(&self, chunks: &[Chunk]) -> Result<Merge<CapturedRecord>, StageError> {
        let Work { staging, task, .. } = self.work;
        let opened = chunks
            .iter()
            .filter_map(|chunk| open_shard(staging, chunk, task.shard).transpose());
        let runs = opened.map(|run| run.map_err(MergeError::Open));
        Merge::of(runs).map_err(MergeError::into_stage)
    }

    /// True for an event of a day that a scheduled run finds unfinished.
    fn is_open(&self, record: &CapturedRecord) -> bool {
        let run = &self.work.run.run;
        run.scheduled && record.day() >= UtcTime::from_seconds(run.opened).day()
    }

    /// Leaves an event to a later run. Its file may be older than this run, and belongs to it from now on.
    fn leave_open(&mut self, record: &CapturedRecord) -> Result<(), StageError> {
        if let Some(attachment) = &record.attachment {
            let blob = Blob {
                key: attachment.key.clone(),
                sha256: attachment.sha256.to_vec().into(),
                size: attachment.size,
            };
            let refreshed = Handle::current().block_on(self.work.staging.refresh(&blob));
            refreshed.or_retry("keep attached file in staging")?;
        }
        self.open.push(record)
    }

    fn end_day(&mut self) -> Result<(), StageError> {
        let day = std::mem::take(&mut self.day);
        if day.records() == 0 {
            return Ok(());
        }
        if self.weight + day.weight() > MOST_BYTES {
            self.flush()?;
        }
        self.weight += day.weight();
        self.days.push(day);
        if self.days.len() == MOST_CONVERSATIONS {
            self.flush()?;
        }
        Ok(())
    }

    /// Makes the waiting days conversations and stores them.
    fn flush(&mut self) -> Result<(), StageError> {
        let days = std::mem::take(&mut self.days);
        self.weight = 0;
        if days.is_empty() {
            return Ok(());
        }
        let mut rosters = roster::ask(self.work, self.new_rooms(&days))?.into_iter();
        let mut firsts = Firsts::ask(self.work, &days)?;
        let mut conversations = Vec::with_capacity(days.len());
        for day in days {
            if !self.is_room(day.room()) {
                self.leave_room()?;
                self.roster = rosters.next();
            }
            self.assembled.records += day.records();
            let roster = self.roster.get_or_insert_default();
            let link = firsts.of(&day);
            let conversation = day.into_conversation(&self.work.task.connector, roster);
            conversations.extend(conversation.map(|one| firsts.link(link, one)));
        }
        self.firsts.extend(firsts.into_days());
        self.assembled.conversations += conversations.len() as u64;
        self.next.push(batch::store(self.work, &conversations)?);
        Ok(())
    }

    /// Rooms whose rosters are not known yet, in order; days of one room follow each other.
    fn new_rooms(&self, days: &[Day]) -> Vec<String> {
        let mut rooms: Vec<_> = days.iter().map(|day| day.room().to_owned()).collect();
        rooms.dedup();
        rooms.retain(|room| !self.is_room(room));
        rooms
    }

    fn is_room(&self, room: &str) -> bool {
        self.roster
            .as_ref()
            .is_some_and(|roster| roster.room() == room)
    }

    /// Tells who is present now; not after days that a backfill made up for, nor where the source does not
    /// tell who comes and goes.
    fn leave_room(&mut self) -> Result<(), StageError> {
        let roster = self.roster.take();
        if let Some(roster) = roster.filter(|_| roster::are_kept(self.work)) {
            self.assembled.rosters.extend(roster.into_message()?);
        }
        Ok(())
    }
}

/// Opening a run and merging runs fail in different ways.
enum MergeError {
    Open(StageError),
    Sort(SortError),
}

impl From<SortError> for MergeError {
    fn from(error: SortError) -> Self {
        Self::Sort(error)
    }
}

impl MergeError {
    fn into_stage(self) -> StageError {
        match self {
            Self::Open(error) => error,
            Self::Sort(error) => StageError::new(Verdict::Retry, "merge records", error),
        }
    }
}
