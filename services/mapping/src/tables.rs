//! Directory and custom mapping of a connector, as they are right now.

use std::sync::Arc;

use chatkeep_model::connector::{self, Connector};
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::Refreshed;
use chatkeep_staging::{Blob, BlobKind, Staging};

use crate::{
    custom::CustomMapping,
    directory::Directory,
    index::{Conflict, Index},
    resolve::{Resolver, Rules},
    table::TableError,
};

/// What the files that a connector names say.
pub(crate) struct Tables {
    /// The directory's snapshot.
    pub(crate) directory: Vec<u8>,
    /// The custom mapping's snapshot, where the connector has one.
    pub(crate) custom: Option<Vec<u8>>,
    /// Guests left out of the directory.
    pub(crate) guests: u64,
    /// Both, ready to be asked.
    pub(crate) resolver: Resolver,
}

impl Tables {
    /// Reads the files. Blocks.
    pub(crate) fn open(connector: &Connector) -> Result<Self, TableError> {
        let connector::Directory::Csv { path } = &connector.directory;
        let directory = Directory::open(path)?;
        let custom = connector.mapping.custom.as_deref();
        let custom = custom.map(CustomMapping::open).transpose()?;
        Ok(Self {
            directory: directory.to_csv(),
            custom: custom.as_ref().map(CustomMapping::to_csv),
            guests: directory.guests,
            resolver: Resolver {
                rules: Rules::of(connector),
                directory: Arc::new(Index::of(directory.users())),
                custom: Arc::new(custom.unwrap_or_default()),
            },
        })
    }

    /// Addresses that more than one user has and the custom mapping does not decide.
    pub(crate) fn conflicts(&self) -> Vec<Conflict> {
        let mut conflicts = self.resolver.directory.conflicts();
        conflicts.retain(|conflict| self.resolver.custom.mailbox(&conflict.address).is_none());
        conflicts
    }

    /// Stores both as snapshots: the same content is the same blob.
    pub(crate) async fn store(self, staging: &Staging) -> Result<Refreshed, StageError> {
        let conflicts = self.conflicts().len();
        let custom_mapping = match self.custom {
            Some(custom) => Some(store(staging, custom).await?),
            None => None,
        };
        Ok(Refreshed {
            directory: Some(store(staging, self.directory).await?),
            custom_mapping,
            conflicts: u32::try_from(conflicts).unwrap_or(u32::MAX),
        })
    }
}

async fn store(staging: &Staging, snapshot: Vec<u8>) -> Result<Blob, StageError> {
    let stored = staging.put(BlobKind::Directory, snapshot).await;
    stored.or_retry("store snapshot")
}
