//! Custom mappings that were entered in the console.

use std::{
    io,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use tokio::{fs, io::AsyncWriteExt as _};
use tonic::Status;

/// The header of a custom mapping's file.
pub(super) const HEADER: &str = "source_user,mailbox";

/// The folder that they are kept in. A file is named by its content and never changed, so that what a
/// connector was set to at any time can be read again. No other file is read or written.
#[derive(Clone, Debug)]
pub(crate) struct Mappings(Option<PathBuf>);

impl Mappings {
    /// Keeps them in this folder; `None`: nowhere, they cannot be entered.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// Stores a mapping, and returns its file.
    pub(super) async fn store(&self, csv: &str) -> Result<PathBuf, Status> {
        let Self(Some(folder)) = self else {
            return Err(Status::failed_precondition(
                "This console has no folder for mappings: set console.mappings, or give the path of a file.",
            ));
        };
        let digest = HEXLOWER.encode(&Sha256::digest(csv));
        let file = folder.join(format!("{digest}.csv"));
        let written = write(folder, &file, csv.as_bytes()).await;
        written.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cannot store a mapping"
            );
            Status::unavailable("The mapping could not be stored: the console's log says why.")
        })?;
        Ok(file)
    }

    /// Whether a file is one of them.
    pub(super) fn has(&self, file: &Path) -> bool {
        let Self(Some(folder)) = self else {
            return false;
        };
        let name = file.file_stem().and_then(|name| name.to_str());
        let is_digest =
            |name: &str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        file.parent() == Some(folder) && name.is_some_and(is_digest)
    }

    /// What a mapping says; `None` when it is not one of them.
    pub(super) async fn read(&self, file: &Path) -> Option<String> {
        if !self.has(file) {
            return None;
        }
        fs::read_to_string(file).await.ok()
    }
}

async fn write(folder: &Path, file: &Path, content: &[u8]) -> io::Result<()> {
    if fs::try_exists(file).await? {
        return Ok(());
    }
    fs::create_dir_all(folder).await?;
    // Two who store the same write the same bytes.
    let unfinished = file.with_extension("part");
    let mut writer = fs::File::create(&unfinished).await?;
    writer.write_all(content).await?;
    writer.sync_all().await?;
    fs::rename(&unfinished, file).await
}
