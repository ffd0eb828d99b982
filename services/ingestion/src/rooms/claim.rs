use bytes::Bytes;
use chatkeep_model::RecordId;
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::RecordClaim;
use tokio::runtime::Handle;

use super::record::Sighting;
use crate::{
    claim,
    sorting::{Merge, Sortable as _},
    work::Work,
    xml::record_id,
};

/// Records of one claim.
const MOST_RECORDS: usize = 1_000;
/// Bytes of records held for one claim.
const MOST_BYTES: usize = 4 << 20;

/// Records with their ids, and the ids of records that came again.
#[derive(Default)]
pub(super) struct Page {
    pub(super) records: Vec<Sighting>,
    pub(super) duplicates: Vec<Bytes>,
}

/// Gives sorted events their ordinals, page by page. Equal events of one file are different records;
/// of another file, the same ones again.
pub(super) struct Pages {
    merge: Merge<Sighting>,
    last: Option<Equals>,
}

/// Equal events so far.
struct Equals {
    content: RecordId,
    file: u32,
    /// The next ordinal in this file.
    next: u32,
    /// Ordinals that any file has had.
    seen: u32,
}

impl Pages {
    pub(super) fn new(merge: Merge<Sighting>) -> Self {
        Self { merge, last: None }
    }

    /// The next records; none at the end.
    pub(super) fn next(&mut self) -> Result<Page, StageError> {
        let mut page = Page::default();
        let mut bytes = 0;
        while page.records.len() < MOST_RECORDS && bytes < MOST_BYTES {
            let Some(mut sighting) = self.merge.next().or_retry("sort records")? else {
                break;
            };
            let is_new = self.number(&mut sighting);
            if is_new {
                bytes += sighting.weight();
                page.records.push(sighting);
            } else {
                page.duplicates.push(id_bytes(&sighting));
            }
        }
        Ok(page)
    }

    /// True when no file before has had as many equal events.
    fn number(&mut self, sighting: &mut Sighting) -> bool {
        let record = &mut sighting.record;
        let fresh = || Equals {
            content: record.content_id,
            file: sighting.file,
            next: 0,
            seen: 0,
        };
        let last = self
            .last
            .take()
            .filter(|last| last.content == record.content_id);
        let mut equals = last.unwrap_or_else(fresh);
        if equals.file != sighting.file {
            equals.file = sighting.file;
            equals.next = 0;
        }
        record.ordinal = equals.next;
        record.id = record_id(record.content_id, record.ordinal);
        equals.next += 1;
        let is_new = record.ordinal >= equals.seen;
        equals.seen = equals.seen.max(equals.next);
        self.last = Some(equals);
        is_new
    }
}

/// Claims a page and sorts out what others have. Blocks.
pub(super) fn claim(work: &Work, records: Vec<Sighting>) -> Result<Page, StageError> {
    let claims = records.iter().map(|sighting| RecordClaim {
        id: id_bytes(sighting),
        day: sighting.record.day().0,
        entry: work.task.first + sighting.file,
        ..RecordClaim::default()
    });
    let answers = Handle::current().block_on(claim::claim(work, claims.collect()))?;
    let mut page = Page::default();
    for (sighting, answer) in records.into_iter().zip(answers) {
        if answer.yours {
            page.records.push(sighting);
        } else {
            page.duplicates.push(id_bytes(&sighting));
        }
    }
    Ok(page)
}

fn id_bytes(sighting: &Sighting) -> Bytes {
    Bytes::copy_from_slice(sighting.record.id.as_bytes())
}
