//! One `.eml` file of Export-CsArchivingData: a conversation that the exporter has rendered as mail.
//!
//! The file is read once, as a stream: attachments go straight into staging, only the transcript is
//! held. Whatever the file has, one of three things comes out: a whole conversation, the [`Damage`]
//! that keeps it out, or an error of the disk.

mod address;
mod charset;
mod date;
mod envelope;
mod header;
mod identity;
mod lines;
mod part;
mod sequence;
mod subject;
mod tags;
mod transfer;
mod walk;

use std::io::{self, BufRead, Write};

use chatkeep_model::{Attachment, RecordId, Transcript};

pub use self::{
    envelope::Envelope,
    sequence::{Sequence, participants_digest},
};
use self::{header::Headers, lines::Lines, walk::Body};

/// What keeps a file from being a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It has no bytes.
    Empty,
    /// Its first line is no header field.
    NoHeader,
    /// It ends within its header, or right behind it.
    HeaderOnly,
    /// A header block without end.
    HugeHeader,
    /// It declares parts and ends before the closing boundary.
    NoClosingBoundary,
    /// It declares parts without saying where they begin.
    NoBoundary,
    /// It declares parts and has none.
    NoParts,
    /// More nesting than any exporter writes.
    TooDeep,
    /// More parts than any exporter writes.
    TooManyParts,
    /// Base64 that stops within a group of characters.
    Base64CutOff,
    /// Text without parts that stops within a line.
    LineCutOff,
    /// Neither header nor file name tell when it was.
    NoDate,
    /// Neither header nor subject tell who it was.
    NoParticipants,
}

impl Damage {
    /// The reason of the quarantine, in static words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "file is empty",
            Self::NoHeader => "file does not begin with a mail header",
            Self::HeaderOnly => "file breaks off in its header",
            Self::HugeHeader => "mail header is larger than 1 MiB",
            Self::NoClosingBoundary => "file breaks off before its closing boundary",
            Self::NoBoundary => "multipart message names no boundary",
            Self::NoParts => "multipart message has no parts",
            Self::TooDeep => "parts are nested too deep",
            Self::TooManyParts => "message has too many parts",
            Self::Base64CutOff => "base64 content breaks off",
            Self::LineCutOff => "file breaks off within a line",
            Self::NoDate => "no date",
            Self::NoParticipants => "no participants",
        }
    }
}

/// Why a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source's disk.
    #[error("read mail file")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// The place where attachments go.
    #[error("store attachment")]
    Store {
        /// The system's reason.
        source: io::Error,
    },
}

/// Where attachments go while a file is read.
pub trait Files {
    /// An attachment on its way.
    type File: Write;

    /// Begins an attachment.
    fn create(&mut self) -> io::Result<Self::File>;

    /// Ends an attachment.
    fn store(&mut self, file: Self::File) -> io::Result<StoredFile>;
}

/// Where an attachment went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Key of the blob in staging.
    pub key: String,
    /// SHA-256 over the bytes.
    pub sha256: [u8; 32],
    /// Size in bytes.
    pub size: u64,
}

/// How much of a file is held in memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Text beyond this many bytes becomes an attachment.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: 64 << 20 }
    }
}

/// A file whose header was read.
#[derive(Debug)]
pub struct Mail<R> {
    /// What the header says.
    pub envelope: Envelope,
    headers: Headers,
    lines: Lines<R>,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct Eml {
    /// What the header says.
    pub envelope: Envelope,
    /// The text parts, line breaks as `\n`.
    pub transcript: Transcript,
    /// The other parts.
    pub attachments: Vec<Attachment>,
}

impl<R: BufRead> Mail<R> {
    /// Reads the header. `file_name` stands in where the header is silent.
    pub fn open(reader: R, file_name: &str) -> Result<Result<Self, Damage>, ReadError> {
        let read = |source| ReadError::Read { source };
        let mut lines = Lines::new(reader);
        let headers = match Headers::read(&mut lines).map_err(read)? {
            Ok(headers) if headers.is_empty() => return Ok(Err(Damage::NoHeader)),
            Ok(headers) => headers,
            Err(damage) => return Ok(Err(damage)),
        };
        let envelope = Envelope::read(&headers, file_name);
        Ok(envelope.map(|envelope| Self {
            envelope,
            headers,
            lines,
        }))
    }

    /// Reads the rest, to the last byte of the file.
    pub fn read_body<F: Files>(
        mut self,
        limits: Limits,
        files: &mut F,
    ) -> Result<Result<Eml, Damage>, ReadError> {
        let body = walk::walk(&mut self.lines, &self.headers, limits, files)?;
        let read = |source| ReadError::Read { source };
        self.lines.drain().map_err(read)?;
        Ok(body.map(|body| Eml::of(self.envelope, body)))
    }
}

impl Eml {
    fn of(envelope: Envelope, body: Body) -> Self {
        Self {
            envelope,
            transcript: Transcript {
                text: body.text,
                html: body.html,
            },
            attachments: body.attachments,
        }
    }

    /// Identity of the record: its canonical content.
    pub fn record_id(&self) -> RecordId {
        identity::record_id(self)
    }
}
