//! Staging in a folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/contract.rs"]
mod contract;

use std::fs;

use chatkeep_staging::{FolderSettings, Settings, Staging};
use tempfile::TempDir;

use crate::contract::World;

struct InFolder {
    folder: TempDir,
    staging: Staging,
}

impl InFolder {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            staging: connect(&folder).await,
            folder,
        }
    }
}

async fn connect(folder: &TempDir) -> Staging {
    let path = folder.path().join("staging");
    let settings = Settings::Folder(FolderSettings { path });
    Staging::connect(&settings).await.unwrap()
}

impl World for InFolder {
    fn staging(&self) -> &Staging {
        &self.staging
    }

    async fn another(&self) -> Staging {
        connect(&self.folder).await
    }

    fn overwrite(&self, key: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("staging").join(key), bytes).unwrap();
    }

    fn erase(&self, key: &str) {
        fs::remove_file(self.folder.path().join("staging").join(key)).unwrap();
    }
}

contract!(InFolder::new());
