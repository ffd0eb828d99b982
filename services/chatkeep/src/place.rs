use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chatkeep_model::connector::Connector;

/// A connector file and the folder of its state.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) connector: Connector,
    pub(crate) data_dir: PathBuf,
}

impl Place {
    /// Reads the connector file. State lives in `data_dir`, by default `.chatkeep` beside the file.
    pub(crate) fn read(file: &Path, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = fs::read_to_string(file)
            .with_context(|| format!("read connector file {shown}: name an existing TOML file"))?;
        let absolute = std::path::absolute(file).context("find the current folder")?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let connector = Connector::parse(&text, folder).with_context(|| format!("{shown}"))?;
        let data_dir = match data_dir {
            Some(folder) => std::path::absolute(folder).context("find the current folder")?,
            None => folder.join(".chatkeep"),
        };
        Ok(Self {
            connector,
            data_dir,
        })
    }

    /// Like [`read`](Self::read), for commands that look at what was archived before.
    pub(crate) fn read_existing(file: &Path, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let place = Self::read(file, data_dir)?;
        let ledger = place.data_dir.join("ledger.sqlite");
        anyhow::ensure!(
            ledger.exists(),
            "no ledger in {}: nothing was archived from there yet; run `chatkeep archive {}`, or name \
             the folder with --data-dir",
            place.data_dir.display(),
            file.display()
        );
        Ok(place)
    }
}
