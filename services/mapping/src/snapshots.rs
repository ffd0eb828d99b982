//! Directories and custom mappings as runs pinned them.

use std::{
    io::BufReader,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use chatkeep_pipeline::{ResultExt as _, RunContext, StageError};
use chatkeep_staging::{Blob, BlobReader, Staging};
use tokio::sync::OnceCell;

use crate::{
    custom::CustomMapping,
    index::Index,
    resolve::{Resolver, Rules},
    table::TableError,
};

/// Snapshots kept in memory; a run of 100,000 users needs about 30 MB.
const REMEMBERED: usize = 4;

#[derive(Debug, thiserror::Error)]
#[error("run has no directory snapshot")]
struct NotPinned;

/// Reads pinned snapshots from staging, each once.
pub(crate) struct Snapshots {
    staging: Staging,
    directories: Cache<Index>,
    customs: Cache<CustomMapping>,
}

impl Snapshots {
    pub(crate) fn new(staging: Staging) -> Self {
        Self {
            staging,
            directories: Cache::default(),
            customs: Cache::default(),
        }
    }

    /// Resolves participants under what the run pinned.
    pub(crate) async fn resolver(&self, context: &RunContext) -> Result<Resolver, StageError> {
        let pinned = context.run.directory.as_ref().ok_or(NotPinned);
        let directory = pinned.or_reject("find directory snapshot")?;
        let read = |reader| Index::read(Path::new("directory snapshot"), reader);
        let directory = self.directories.get(&self.staging, directory, read);
        let custom = async {
            let Some(custom) = &context.run.custom_mapping else {
                return Ok(Arc::default());
            };
            let read = |reader| CustomMapping::read(Path::new("mapping snapshot"), reader);
            self.customs.get(&self.staging, custom, read).await
        };
        Ok(Resolver {
            rules: Rules::of(&context.connector),
            directory: directory.await?,
            custom: custom.await?,
        })
    }
}

type Slot<T> = Arc<OnceCell<Arc<T>>>;

/// What was read lately, by hash, the latest last.
struct Cache<T> {
    slots: Mutex<Vec<(Vec<u8>, Slot<T>)>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }
}

impl<T: Send + Sync + 'static> Cache<T> {
    async fn get<F>(&self, staging: &Staging, blob: &Blob, read: F) -> Result<Arc<T>, StageError>
    where
        F: FnOnce(BufReader<BlobReader>) -> Result<T, TableError> + Send + 'static,
    {
        let slot = self.slot(&blob.sha256);
        let load = || async {
            let reader = BufReader::new(staging.open(blob).await.or_retry("open snapshot")?);
            let read = tokio::task::spawn_blocking(move || read(reader)).await;
            read.or_retry("read snapshot")?
                .map(Arc::new)
                .or_retry("read snapshot")
        };
        slot.get_or_try_init(load).await.cloned()
    }

    /// Tasks that want the same snapshot wait for the one that reads it.
    fn slot(&self, hash: &[u8]) -> Slot<T> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().position(|(known, _)| known == hash);
        let entry = match known {
            Some(position) => slots.remove(position),
            None => (hash.to_vec(), Slot::default()),
        };
        let slot = Arc::clone(&entry.1);
        slots.push(entry);
        if slots.len() > REMEMBERED {
            slots.remove(0);
        }
        slot
    }
}
