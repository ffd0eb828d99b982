use std::{fs, path::Path};

use anyhow::Context as _;
use chatkeep_model::connector::Connector;

use crate::{cli::SiteOptions, system::Site};

/// A connector file, and where its ledger is.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) connector: Connector,
    pub(crate) site: Site,
}

impl Place {
    /// Reads the connector file.
    pub(crate) fn read(file: &Path, options: &SiteOptions) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = fs::read_to_string(file)
            .with_context(|| format!("read connector file {shown}: name an existing TOML file"))?;
        let absolute = std::path::absolute(file).context("find the current folder")?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let connector = Connector::parse(&text, folder).with_context(|| format!("{shown}"))?;
        let site = Site::new(options, folder)?;
        Ok(Self { connector, site })
    }

    /// Like [`read`](Self::read), for commands that look at what was archived before.
    pub(crate) fn read_existing(file: &Path, options: &SiteOptions) -> anyhow::Result<Self> {
        let place = Self::read(file, options)?;
        if let Some(folder) = place.site.without_ledger() {
            anyhow::bail!(
                "no ledger in {}: nothing was archived from there yet; run `chatkeep archive {}`, or \
                 name the folder with --data-dir",
                folder.display(),
                file.display()
            );
        }
        Ok(place)
    }
}
