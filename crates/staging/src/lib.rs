//! Typed, write-once blobs between the stages, keyed by their content and checked by its hash.
//!
//! Keys are `{kind}/{first two hexadecimal digits}/{SHA-256, hexadecimal}`: the same bytes are the same
//! blob, whoever writes them how often. Nothing is ever overwritten.

mod blob;
mod folder;
mod frames;
mod item_index;
mod spool;

pub use chatkeep_proto::v1::Blob;

pub use crate::{
    blob::{BlobKind, BlobReader},
    folder::{BlobRange, Staging},
    frames::{FrameError, FrameReader, FrameWriter},
    item_index::ItemIndex,
    spool::Spool,
};

use std::io;

/// Why staging could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// The folder cannot be made or opened.
    #[error("open staging folder")]
    Open {
        /// The system's reason.
        source: io::Error,
    },
    /// The blob cannot be written, e.g. because the disk is full.
    #[error("write blob")]
    Write {
        /// The system's reason.
        source: io::Error,
    },
    /// The blob cannot be read.
    #[error("read blob")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// The blob's bytes are not those that were written.
    #[error("check blob: its bytes do not have its hash")]
    Altered,
    /// Not a key of ours.
    #[error("check blob key")]
    Key,
}
