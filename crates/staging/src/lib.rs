#![doc = include_str!("../README.md")]

#[cfg(feature = "azure")]
mod azure;
mod blob;
mod blocking;
mod error;
mod folder;
mod frames;
mod inventory;
mod item_index;
mod leftovers;
mod settings;
pub mod sorting;
mod spool;
mod staging;

pub use chatkeep_proto::v1::Blob;

pub use crate::{
    blob::{BlobKind, BlobRange, BlobReader},
    error::StagingError,
    frames::{FrameError, FrameReader, FrameWriter},
    inventory::{KEPT, Page, StoredBlob},
    item_index::ItemIndex,
    leftovers::Leftovers,
    settings::{AzureSettings, Credential, FolderSettings, Settings},
    spool::Spool,
    staging::Staging,
};
