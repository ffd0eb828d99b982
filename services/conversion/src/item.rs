//! A conversation as e-mail messages.

mod alternative;
mod compose;
mod cut;
mod encoded_word;
mod file;
mod headers;
mod mailbox;
mod mailbox_list;
mod parameter;
mod plan;
mod title;
mod transfer;
mod write;

use std::io::{self, Read, Write};

use chatkeep_model::{Attachment, Conversation};
use jiff::tz::TimeZone;

use crate::body::Sanitizer;

/// Stands in every item: a reader of the bytes knows which rules made them.
pub const RENDERER_VERSION: u32 = 1;

/// How items of one run are rendered.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// The connector's id.
    pub connector: String,
    /// Domain of the Message-IDs.
    pub domain: String,
    /// Zone in which transcripts show times.
    pub time_zone: TimeZone,
    /// Attaches the conversation as `conversation.json`.
    pub json_record: bool,
    /// Largest size of one part.
    pub max_part_bytes: u64,
}

/// Where the bytes of attachments come from.
pub trait Files {
    /// Opens an attachment for reading from its start.
    fn open(&self, attachment: &Attachment) -> io::Result<Box<dyn Read + '_>>;
}

/// One rendered e-mail message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 over the message.
    pub sha256: [u8; 32],
}

/// Why a conversation did not become an item.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// It never will, whoever tries: the conversation is quarantined. Nothing was written.
    #[error("render conversation: {0}")]
    Unrenderable(Unrenderable),
    /// The JSON record could not be made.
    #[error("encode JSON record")]
    Record {
        /// The encoder's reason.
        source: serde_json::Error,
    },
    /// An attachment's bytes could not be read.
    #[error("read attachment")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// An attachment does not have the size it had when it was captured.
    #[error("read attachment: it does not have its size")]
    Altered,
    /// The message could not be written.
    #[error("write item")]
    Write {
        /// The system's reason.
        source: io::Error,
    },
}

/// Why a conversation can never become an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrenderable {
    /// Its headers and list of participants alone are larger than the largest part.
    #[error("headers do not fit into the largest part")]
    HeadersTooLarge,
    /// It would need more parts than can be numbered.
    #[error("too many parts")]
    TooManyParts,
}

/// Renders conversations. Cheap to make once the sanitizer is built.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'a> {
    options: &'a RenderOptions,
    sanitizer: &'a Sanitizer,
}

impl<'a> Renderer<'a> {
    /// Renders with these options.
    pub fn new(options: &'a RenderOptions, sanitizer: &'a Sanitizer) -> Self {
        Self { options, sanitizer }
    }

    /// Writes the item's parts to `sink`, one after the other, and returns them in order. The same
    /// conversation and options give the same bytes, always.
    pub fn render(
        &self,
        conversation: &Conversation,
        files: &dyn Files,
        sink: &mut dyn Write,
    ) -> Result<Vec<Part>, RenderError> {
        let item = compose::Item::new(conversation, self.options, self.sanitizer)?;
        let mut writer = write::Writer::new(files, sink);
        if let Some(head) = item.single() {
            return Ok(vec![writer.part(&head, &item.whole_files())?]);
        }
        let (item, plan) = plan::plan(item)?;
        let count = u32::try_from(plan.len())
            .map_err(|_| RenderError::Unrenderable(Unrenderable::TooManyParts))?;
        let mut parts = Vec::with_capacity(plan.len());
        for (number, part) in (1..=count).zip(&plan) {
            let head = item.head(part, compose::Number { number, count });
            parts.push(writer.part(&head, &item.pieces(part))?);
        }
        Ok(parts)
    }
}
