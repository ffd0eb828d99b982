use chatkeep_pipeline::{Completion, ResultExt as _, StageError, crash_point};
use chatkeep_proto::v1::{Captured, complete_request::Result as Outcome};

use super::{
    chunk::ChunkWriter,
    claim::{Pages, claim},
    companion::Companions,
    read::Reading,
};
use crate::{
    list::{ListedFile, load},
    work::{Work, blocking},
};

/// Reads the listed files, claims their events and stores them as one sorted chunk.
pub(crate) async fn capture(work: &Work) -> Result<Completion, StageError> {
    let files = load::<ListedFile>(&work.staging, &work.task).await?;
    let work = work.clone();
    let captured = blocking(move || capture_files(&work, &files)).await?;
    crash_point("staged");
    Ok(Completion::new(Outcome::Captured(captured)))
}

fn capture_files(work: &Work, files: &[ListedFile]) -> Result<Captured, StageError> {
    let mut reading = Reading::default();
    for (index, file) in (0..).zip(files) {
        reading.add(work, index, file)?;
    }
    let Reading {
        sorter,
        mut captured,
        excluded,
    } = reading;
    captured.excluded = excluded.into_messages();

    let merge = sorter.finish().or_retry("sort records")?;
    let mut pages = Pages::new(merge);
    let mut chunk = ChunkWriter::new(&work.staging)?;
    let mut companions = Companions::new(work, files);
    loop {
        let page = pages.next()?;
        captured.duplicates.extend(page.duplicates);
        if page.records.is_empty() {
            break;
        }
        let claimed = claim(work, page.records)?;
        captured.duplicates.extend(claimed.duplicates);
        captured.kept += claimed.records.len() as u64;
        for mut sighting in claimed.records {
            sighting.record.attachment = companions.attachment(&sighting)?;
            chunk.push(&sighting.record)?;
        }
    }
    captured.chunk = chunk.finish()?;
    Ok(captured)
}
