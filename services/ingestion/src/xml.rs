//! One file of Persistent Chat's compliance `XmlAdapter`: the events of rooms.
//!
//! The file is read once, as a stream; one event is held at a time. Document types are refused, so no
//! entity is ever expanded.

mod encoding;
mod event;
mod parser;
mod tag;

use std::io::{self, BufRead};

#[cfg(feature = "mssql")]
pub(crate) use self::event::is_plausible;
pub use self::event::{Room, RoomEvent, Sender, record_id};
use self::{encoding::Source, parser::Parser};

/// What keeps a file from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It has no elements.
    Empty,
    /// Its root is another one.
    Foreign,
    /// It ends before its root does.
    CutOff,
    /// It is no XML.
    Malformed,
    /// Its bytes are not in the encoding it declares, or the encoding is unknown.
    Encoding,
    /// It has a document type or an entity of its own.
    Entities,
    /// A tag or text larger than any adapter writes.
    HugeElement,
    /// More nesting than any adapter writes.
    TooDeep,
    /// An event outside a room.
    NoRoom,
    /// An event that does not say when it was.
    NoTime,
}

impl Damage {
    /// The reason of the quarantine, in static words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "file is empty",
            Self::Foreign => "file is not a compliance file",
            Self::CutOff => "file breaks off before its last closing tag",
            Self::Malformed => "file is not well-formed XML",
            Self::Encoding => "file is not in the encoding it declares",
            Self::Entities => "entities refused",
            Self::HugeElement => "an element is larger than 16 MiB",
            Self::TooDeep => "elements are nested too deep",
            Self::NoRoom => "event without a room",
            Self::NoTime => "event without a time",
        }
    }
}

/// Reads a file and hands over its events, one by one. What was handed over before damage shows is to
/// be thrown away: a file counts whole or not at all.
pub fn read<R, E>(
    reader: R,
    on_event: impl FnMut(RoomEvent) -> Result<(), E>,
) -> Result<Result<(), Damage>, E>
where
    R: BufRead,
    E: From<io::Error>,
{
    let source = match Source::open(reader)? {
        Ok(source) => source,
        Err(damage) => return Ok(Err(damage)),
    };
    Parser::new(source, on_event).run()
}
