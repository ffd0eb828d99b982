use std::collections::HashMap;

use chatkeep_model::{ItemId, connector::Source};
use chatkeep_pipeline::{Completion, ResultExt as _, StageError, Verdict};
use chatkeep_proto::v1::{
    Blob, CapturedFile, KnownFilesRequest, Listed, NewTask, Task, TaskKind,
    complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, FrameReader, FrameWriter, Staging};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    folder::{FolderError, Found, Role, Stamp, Walk},
    rooms, transcripts,
    work::{Work, blocking},
};

/// Files asked about in one call, and files in one listing blob.
const PAGE: usize = 1_000;
/// Files of one CAPTURE task.
const MOST_FILES: u32 = 100;
/// Bytes of one CAPTURE task, unless its only file has more.
const MOST_BYTES: u64 = 16 << 20;

/// A file to capture: one frame of a listing blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ListedFile {
    /// Relative to the source's folder.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Unix nanoseconds.
    pub(crate) modified: i64,
    /// What an earlier run captured under this path.
    pub(crate) known: Option<KnownFile>,
}

/// A file as an earlier run captured it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KnownFile {
    pub(crate) sha256: [u8; 32],
    pub(crate) item: Option<ItemId>,
}

impl ListedFile {
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            size: self.size,
            modified: self.modified,
        }
    }

    /// True when these are the bytes that were captured before.
    pub(crate) fn is_known_as(&self, sha256: &[u8; 32]) -> bool {
        self.known
            .as_ref()
            .is_some_and(|known| known.sha256 == *sha256)
    }

    /// The item an earlier content of the file became.
    pub(crate) fn known_item(&self) -> Option<ItemId> {
        self.known.as_ref().and_then(|known| known.item)
    }
}

/// Lists what the source has that was not captured yet.
pub(crate) async fn list(work: &Work) -> Result<Completion, StageError> {
    let root = work.files()?.path.clone();
    let role = role_of(work.source());
    let mut walk = blocking(move || open(&root, role)).await?;
    let mut lister = Lister::new(work);
    loop {
        let (back, page) = blocking(move || {
            let page = walk.page(PAGE).map_err(folder_error)?;
            Ok((walk, page))
        })
        .await?;
        walk = back;
        if page.is_empty() {
            break;
        }
        lister.add(page).await?;
    }
    lister.listed.foreign = walk.foreign();
    lister.finish().await
}

/// The range of a listing that a CAPTURE task is about.
pub(crate) async fn load<T: DeserializeOwned>(
    staging: &Staging,
    task: &Task,
) -> Result<Vec<T>, StageError> {
    let blob = task.input.clone().unwrap_or_default();
    let bytes = staging.get(&blob).await.or_retry("load listing")?;
    let mut frames = FrameReader::new(&bytes[..]);
    frames.skip(task.first).or_reject("read listing")?;
    let mut entries = Vec::new();
    while task.count == 0 || entries.len() < task.count as usize {
        match frames.next().or_reject("read listing")? {
            Some(entry) => entries.push(entry),
            None => break,
        }
    }
    Ok(entries)
}

/// How a source judges its files.
pub(crate) fn role_of(source: &Source) -> fn(&str) -> Role {
    match source {
        Source::ArchivingExport(_) => transcripts::role,
        Source::PersistentChatXml(_) => rooms::role,
        Source::ArchivingDatabase(_) => |_| Role::Foreign,
    }
}

fn open(root: &std::path::Path, role: fn(&str) -> Role) -> Result<Walk, StageError> {
    Walk::open(root, role).map_err(folder_error)
}

fn folder_error(error: FolderError) -> StageError {
    let verdict = if error.is_permanent() {
        Verdict::Reject
    } else {
        Verdict::Retry
    };
    StageError::new(verdict, "list source folder", error)
}

struct Lister<'a> {
    work: &'a Work,
    listed: Listed,
    waiting: Vec<ListedFile>,
    tasks: Vec<NewTask>,
}

impl<'a> Lister<'a> {
    fn new(work: &'a Work) -> Self {
        Self {
            work,
            listed: Listed::default(),
            waiting: Vec::new(),
            tasks: Vec::new(),
        }
    }

    async fn add(&mut self, page: Vec<Found>) -> Result<(), StageError> {
        let request = KnownFilesRequest {
            connector: self.work.task.connector.clone(),
            source: self.work.task.source,
            paths: page.iter().map(|found| found.path.clone()).collect(),
        };
        let response = self.work.ledger.clone().known_files(request).await;
        let known = response.map_err(StageError::ledger("ask for known files"))?;
        let known = known.into_inner().files.into_iter();
        let mut known: HashMap<_, _> = known.map(|file| (file.path.clone(), file)).collect();
        for found in page {
            let known = known.remove(&found.path);
            self.add_file(found, known.as_ref());
        }
        if self.waiting.len() >= PAGE {
            self.flush().await?;
        }
        Ok(())
    }

    fn add_file(&mut self, found: Found, known: Option<&CapturedFile>) {
        let stamp = |file: &CapturedFile| Stamp {
            size: file.size,
            modified: file.modified,
        };
        if known.map(stamp) == Some(found.stamp) {
            self.listed.unchanged += 1;
        } else if self.is_young(found.stamp) {
            self.listed.young += 1;
        } else {
            self.listed.files += 1;
            self.waiting.push(ListedFile {
                path: found.path,
                size: found.stamp.size,
                modified: found.stamp.modified,
                known: known.and_then(into_known),
            });
        }
    }

    /// Whether somebody may still write the file. The run's opening stands for now: a stage has no
    /// clock.
    fn is_young(&self, stamp: Stamp) -> bool {
        let run = &self.work.run.run;
        let files = self.work.source().files();
        let quiet = files.map_or(0, |files| files.quiet.as_nanos());
        let opened = i128::from(run.opened) * 1_000_000_000;
        let quiet = i128::try_from(quiet).unwrap_or(i128::MAX);
        run.scheduled && i128::from(stamp.modified) > opened.saturating_sub(quiet)
    }

    async fn flush(&mut self) -> Result<(), StageError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let files = std::mem::take(&mut self.waiting);
        let mut frames = FrameWriter::new(Vec::new());
        for file in &files {
            frames.push(file).or_reject("write listing")?;
        }
        let staging = &self.work.staging;
        let blob = staging.put(BlobKind::Listing, frames.into_inner()).await;
        let blob = blob.or_retry("store listing")?;
        let source = self.work.task.source;
        let ranges = cut(&files).into_iter();
        let tasks = ranges.map(|(first, count)| capture(&blob, first, count, source));
        self.tasks.extend(tasks);
        Ok(())
    }

    async fn finish(mut self) -> Result<Completion, StageError> {
        self.flush().await?;
        Ok(Completion::new(Outcome::Listed(self.listed)).then_all(self.tasks))
    }
}

/// The task that captures a range of a listing.
pub(crate) fn capture(listing: &Blob, first: u32, count: u32, source: u32) -> NewTask {
    NewTask {
        kind: TaskKind::Capture.into(),
        input: Some(listing.clone()),
        first,
        count,
        source,
        shard: 0,
    }
}

fn into_known(file: &CapturedFile) -> Option<KnownFile> {
    Some(KnownFile {
        sha256: file.sha256.as_ref().try_into().ok()?,
        item: file.item.as_deref().and_then(ItemId::from_slice),
    })
}

/// Cuts a listing into ranges (first, count) of few enough files and bytes.
fn cut(files: &[ListedFile]) -> Vec<(u32, u32)> {
    let mut ranges = Vec::new();
    let mut first = 0;
    let mut count = 0;
    let mut bytes = 0;
    for file in files {
        if count > 0 && (count == MOST_FILES || bytes + file.size > MOST_BYTES) {
            ranges.push((first, count));
            first += count;
            count = 0;
            bytes = 0;
        }
        count += 1;
        bytes += file.size;
    }
    if count > 0 {
        ranges.push((first, count));
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> ListedFile {
        ListedFile {
            path: String::new(),
            size,
            modified: 0,
            known: None,
        }
    }

    #[test]
    fn tasks_are_cut_by_files_and_by_bytes() {
        let many = vec![file(1); 250];
        let large = [
            file(10),
            file(MOST_BYTES + 1),
            file(10),
            file(MOST_BYTES - 10),
        ];

        assert_eq!(cut(&many), [(0, 100), (100, 100), (200, 50)]);
        assert_eq!(cut(&large), [(0, 1), (1, 1), (2, 2)]);
        assert_eq!(cut(&[]), []);
    }
}
