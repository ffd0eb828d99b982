//! The folder that custom mappings are kept in.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chatkeep_model::connector::Connector;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::fs;
use tonic::Status;

/// The header of a custom mapping's file.
pub(crate) const HEADER: &str = "source_user,mailbox";

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
    pub(crate) async fn store(&self, csv: &str) -> Result<PathBuf, Status> {
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
    pub(crate) fn has(&self, file: &Path) -> bool {
        let Self(Some(folder)) = self else {
            return false;
        };
        let name = file.file_stem().and_then(|name| name.to_str());
        let is_digest =
            |name: &str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        file.parent() == Some(folder) && name.is_some_and(is_digest)
    }

    /// Refuses a connector whose custom mapping is none of them.
    pub(crate) fn keeps(&self, connector: &Connector) -> Result<(), Status> {
        match &connector.mapping.custom {
            Some(file) if !self.has(file) => Err(elsewhere(file)),
            _ => Ok(()),
        }
    }

    /// The custom mapping of a connector; without one, the header alone.
    pub(crate) async fn of(&self, connector: &Connector) -> Result<String, Status> {
        let Some(file) = &connector.mapping.custom else {
            return Ok(format!("{HEADER}\n"));
        };
        self.read(file).await.ok_or_else(|| elsewhere(file))
    }

    /// What a mapping says; `None` when it is not one of them.
    pub(crate) async fn read(&self, file: &Path) -> Option<String> {
        if !self.has(file) {
            return None;
        }
        fs::read_to_string(file).await.ok()
    }
}

fn elsewhere(file: &Path) -> Status {
    Status::failed_precondition(format!(
        "This connector's custom mapping is the file {}, which is not kept by the console: change it there. To have \
         the console keep it, enter it on the page “Mapping” of the connector, or take mapping.custom out of the \
         connector file first.",
        file.display()
    ))
}

async fn write(folder: &Path, file: &Path, content: &[u8]) -> io::Result<()> {
    if fs::try_exists(file).await? {
        return Ok(());
    }
    fs::create_dir_all(folder).await?;
    let (folder, file, content) = (folder.to_owned(), file.to_owned(), content.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        // Under a name of its own: two may store the same at once.
        let mut unfinished = NamedTempFile::new_in(&folder)?;
        unfinished.write_all(&content)?;
        unfinished.as_file().sync_all()?;
        unfinished.persist(file)?;
        std::fs::File::open(folder)?.sync_all()
    });
    written.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_who_store_the_same_mapping_at_once_both_have_it_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mappings = Mappings::new(Some(folder.path().join("mappings")));
        let csv = format!(
            "{HEADER}\n{}",
            "ann@contoso.com,bob@contoso.com\n".repeat(50_000)
        );

        let (one, other) = tokio::join!(mappings.store(&csv), mappings.store(&csv));

        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one, other);
        assert_eq!(mappings.read(&one).await.unwrap(), csv);
        let files = std::fs::read_dir(folder.path().join("mappings")).unwrap();
        assert_eq!(files.count(), 1);
    }
}
