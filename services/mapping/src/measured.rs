//! Entry for the measurement in `benches/resolving.rs`.

use std::{io::Cursor, path::Path, sync::Arc};

use chatkeep_model::connector::Connector;

use crate::{
    TableError,
    custom::CustomMapping,
    index::Index,
    resolve::{Placement, Resolver, Rules},
};

/// A directory in memory, under the rules of a connector.
pub struct Mirror(Resolver);

impl Mirror {
    /// Reads a directory file's bytes.
    pub fn read(csv: Vec<u8>, connector: &Connector) -> Result<Self, TableError> {
        let directory = Index::read(Path::new("directory"), Cursor::new(csv))?;
        Ok(Self(Resolver {
            rules: Rules::of(connector),
            directory: Arc::new(directory),
            custom: Arc::new(CustomMapping::default()),
        }))
    }

    /// The mailbox of a participant; `None` where there is none.
    pub fn mailbox(&self, address: &str) -> Option<&str> {
        match self.0.resolve(address, "") {
            Placement::Mapped(mailbox, _) => Some(mailbox),
            _ => None,
        }
    }
}
