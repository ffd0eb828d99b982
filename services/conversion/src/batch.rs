//! Renders a range of a batch's conversations into one run of bytes.

use chatkeep_model::{Conversation, ItemId, RecordId, UtcDay};
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1;
use chatkeep_staging::{FrameError, FrameReader, FrameWriter, ItemIndex, Spool};

use crate::{
    body::Sanitizer,
    item::{Files, Part, RenderError, RenderOptions, Renderer, Unrenderable},
};

/// What rendering needs beside the conversations.
#[derive(Clone, Copy)]
pub(crate) struct Converting<'a> {
    pub(crate) options: &'a RenderOptions,
    pub(crate) sanitizer: &'a Sanitizer,
    pub(crate) files: &'a dyn Files,
}

/// A rendered range.
#[derive(Debug)]
pub(crate) struct Batch {
    /// All parts, one behind the other.
    pub(crate) sink: Spool,
    /// Where they lie.
    pub(crate) items: Vec<v1::Item>,
    /// Frames of [`ItemIndex`], one per item.
    pub(crate) index: Vec<u8>,
    pub(crate) quarantined: Vec<Quarantine>,
}

/// A conversation that can never be rendered.
#[derive(Debug)]
pub(crate) struct Quarantine {
    pub(crate) item: ItemId,
    pub(crate) reason: Unrenderable,
    pub(crate) records: Vec<RecordId>,
    pub(crate) day: UtcDay,
    /// The conversation as it came.
    pub(crate) frame: Vec<u8>,
}

/// Why a batch could not be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("read batch")]
    Frames { source: FrameError },
    #[error("write index")]
    Index { source: FrameError },
    #[error("render conversation")]
    Render { source: RenderError },
}

/// Says whether the same batch may be rendered later.
pub(crate) fn judge(rendered: Result<Batch, Error>) -> Result<Batch, StageError> {
    match &rendered {
        Err(Error::Frames { .. }) => rendered.or_reject("read batch"),
        Err(Error::Index { .. }) => rendered.or_reject("write index"),
        _ => rendered.or_retry("render conversation"),
    }
}

impl Converting<'_> {
    /// Renders `count` conversations from `first` on; all where `count` is 0.
    pub(crate) fn range(
        &self,
        frames: &[u8],
        first: u32,
        count: u32,
        sink: Spool,
    ) -> Result<Batch, Error> {
        let frames_error = |source| Error::Frames { source };
        let mut reader = FrameReader::new(frames);
        reader.skip(first).map_err(frames_error)?;
        let mut index = FrameWriter::new(Vec::new());
        let mut batch = Batch {
            sink,
            items: Vec::new(),
            index: Vec::new(),
            quarantined: Vec::new(),
        };
        let renderer = Renderer::new(self.options, self.sanitizer);
        let mut left = if count == 0 { u32::MAX } else { count };
        while left > 0 {
            let Some(conversation) = reader.next::<Conversation>().map_err(frames_error)? else {
                break;
            };
            left -= 1;
            let offset = batch.sink.size();
            match renderer.render(&conversation, self.files, &mut batch.sink) {
                Ok(parts) => {
                    let item = item(&conversation, offset, &parts);
                    let entry = entry(conversation, item.date);
                    index
                        .push(&entry)
                        .map_err(|source| Error::Index { source })?;
                    batch.items.push(item);
                }
                Err(RenderError::Unrenderable(reason)) => batch.quarantined.push(Quarantine {
                    item: conversation.id,
                    reason,
                    records: conversation.records,
                    day: conversation.start.day(),
                    frame: reader.frame().to_vec(),
                }),
                Err(source) => return Err(Error::Render { source }),
            }
        }
        batch.index = index.into_inner();
        Ok(batch)
    }
}

fn item(conversation: &Conversation, offset: u64, parts: &[Part]) -> v1::Item {
    let mut offset = offset;
    let parts = parts.iter().map(|part| {
        let start = offset;
        offset += part.size;
        v1::Part {
            offset: start,
            size: part.size,
            sha256: part.sha256.to_vec().into(),
        }
    });
    let superseded = conversation.supersedes.map(|item| item.as_bytes().to_vec());
    v1::Item {
        id: conversation.id.as_bytes().to_vec().into(),
        kind: conversation.kind.as_str().to_owned(),
        conversation: conversation.key.digest().to_vec().into(),
        date: conversation.start.seconds(),
        records: u32::try_from(conversation.records.len()).unwrap_or(u32::MAX),
        parts: parts.collect(),
        supersedes: superseded.unwrap_or_default().into(),
    }
}

fn entry(conversation: Conversation, date: i64) -> ItemIndex {
    ItemIndex {
        id: conversation.id,
        kind: conversation.kind,
        date,
        participants: conversation.participants,
    }
}
