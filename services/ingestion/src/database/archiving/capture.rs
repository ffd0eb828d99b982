use std::collections::BTreeMap;

use chatkeep_model::{Content, Conversation, What, connector::DatabaseSource};
use chatkeep_pipeline::{Completion, ResultExt as _, StageError};
use chatkeep_proto::v1::{Finding, HourCount, NewTask, complete_request::Result as Outcome};
use tokio::runtime::Handle;

use super::{
    attendance::Attendance,
    claim::{Claims, Place},
    details::{self, Details, Sessions},
    group::{Group, Groups},
    range::{Range, hour},
    reader::Reader,
};
use crate::{
    batch,
    database::{DatabaseError, Moment},
    list::load,
    sorting::Sorter,
    work::{Work, blocking},
};

/// Rows of one claim, and bytes held for it, unless one session has more.
const MOST_ROWS: usize = 1_000;
const MOST_BYTES: usize = 4 << 20;
/// Conversations of one batch.
const MOST_CONVERSATIONS: usize = 100;
/// From hour to hour.
const HOUR_STEP: usize = 3_600;

/// Reads the listed ranges, claims their rows and stores the conversations they make.
pub(crate) async fn capture(
    work: &Work,
    source: &DatabaseSource,
) -> Result<Completion, StageError> {
    let ranges = load::<Range>(&work.staging, &work.task).await?;
    let (work, source) = (work.clone(), source.clone());
    blocking(move || {
        let mut capture = Capture::new(&work, &source)?;
        for (entry, range) in (work.task.first..).zip(&ranges) {
            capture.range(entry, range)?;
        }
        capture.finish()
    })
    .await
}

/// What a capture holds: the sorter, the sessions of one claim, the conversations of one batch.
struct Capture<'a> {
    work: &'a Work,
    source: &'a DatabaseSource,
    claims: Claims<'a>,
    conversations: Vec<Conversation>,
    weight: usize,
    next: Vec<NewTask>,
    /// Rows by table and hour.
    hours: BTreeMap<(&'static str, i64), u64>,
    findings: Vec<Finding>,
}

impl<'a> Capture<'a> {
    fn new(work: &'a Work, source: &'a DatabaseSource) -> Result<Self, StageError> {
        Ok(Self {
            work,
            source,
            claims: Claims::new(work, source)?,
            conversations: Vec::new(),
            weight: 0,
            next: Vec::new(),
            hours: BTreeMap::new(),
            findings: Vec::new(),
        })
    }

    fn range(&mut self, entry: u32, range: &Range) -> Result<(), StageError> {
        let mut sorter = Sorter::new();
        let mut reader = Reader::new(self.source, &range.identity);
        self.claims.captured.records_read += reader.read(range, &mut sorter)?;
        drop(reader);
        let place = Place {
            entry,
            stream: range.stream,
            identity: &range.identity,
        };
        let merge = sorter.finish().or_retry("sort records")?;
        let table = range.stream.table();
        // A range begins with an hour, or with the first row there is. Hours without rows count, too: they
        // may have had some when they were read last.
        for start in (hour(range.from)..range.to).step_by(HOUR_STEP) {
            self.hours.insert((table, start), 0);
        }
        let mut sessions = Groups::new(merge, &range.identity, range.stream);
        let details = self.details(range);
        let mut began = Sessions::new();
        let mut waiting: Vec<Group> = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while let Some(group) = sessions.next()? {
            for row in &group.rows {
                let of = |moment: Moment| hour(moment.time().seconds());
                *self.hours.entry((table, of(row.key.at))).or_default() += 1;
                *began.entry(of(row.key.session.0)).or_default() += 1;
            }
            let is_full =
                rows + group.rows.len() > MOST_ROWS || bytes + group.weight() > MOST_BYTES;
            if is_full && !waiting.is_empty() {
                self.claim(place, std::mem::take(&mut waiting))?;
                (rows, bytes) = (0, 0);
            }
            rows += group.rows.len();
            bytes += group.weight();
            waiting.push(group);
        }
        self.claim(place, waiting)?;
        self.compare(range, details, &began);
        Ok(())
    }

    /// Call detail records of a range, those of who was in its conferences read. Where they cannot be had
    /// it is captured all the same.
    fn details(&mut self, range: &Range) -> Option<Details> {
        self.claims.attendance = Attendance::default();
        let source = self.source.call_details().filter(|_| range.has_details)?;
        let opened = Handle::current().block_on(async {
            let mut details = Details::open(&source).await?;
            let attendance = details.attendance(range).await?;
            Ok::<_, DatabaseError>((details, attendance))
        });
        match opened {
            Ok((details, attendance)) => {
                self.claims.attendance = attendance;
                Some(details)
            }
            Err(error) => {
                self.findings.push(details::unavailable(&source, &error));
                None
            }
        }
    }

    /// Compares what was read with what call detail records counted.
    fn compare(&mut self, range: &Range, details: Option<Details>, began: &Sessions) {
        let (Some(mut details), Some(source)) = (details, self.source.call_details()) else {
            return;
        };
        let compared = Handle::current().block_on(details.check(range, began));
        self.findings.extend(match compared {
            Ok(findings) => findings,
            Err(error) => vec![details::unavailable(&source, &error)],
        });
    }

    fn claim(&mut self, place: Place<'_>, groups: Vec<Group>) -> Result<(), StageError> {
        for conversation in self.claims.claim(place, groups)? {
            let weight = weight(&conversation);
            let is_full =
                self.conversations.len() == MOST_CONVERSATIONS || self.weight + weight > MOST_BYTES;
            if is_full {
                self.store()?;
            }
            self.weight += weight;
            self.conversations.push(conversation);
        }
        Ok(())
    }

    fn store(&mut self) -> Result<(), StageError> {
        self.weight = 0;
        let conversations = std::mem::take(&mut self.conversations);
        if !conversations.is_empty() {
            self.next.push(batch::store(self.work, &conversations)?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Completion, StageError> {
        self.store()?;
        let mut captured = self.claims.captured;
        captured.excluded = self.claims.excluded.into_messages();
        let hours = self.hours.into_iter();
        let hours = hours.map(|((table, hour), records)| HourCount {
            stream: table.to_owned(),
            hour,
            records,
        });
        captured.hours = hours.collect();
        let completion = Completion::new(Outcome::Captured(captured)).then_all(self.next);
        Ok(completion.tell(self.findings))
    }
}

/// Bytes of text in a conversation, about.
fn weight(conversation: &Conversation) -> usize {
    let Content::Events(events) = &conversation.content else {
        return 0;
    };
    let texts = events.iter().map(|event| match &event.what {
        What::Said(body) => body.text.len() + 64,
        _ => 64,
    });
    texts.sum()
}
