use std::{fs, path::Path};

use anyhow::Context as _;
use chatkeep_model::connector::Connector;

use crate::{
    cli::{OfConnector, SiteOptions},
    commands,
    system::Site,
};

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

    /// For commands that look at what was archived before. Of a control elsewhere a connector that is stored
    /// there may be named; a console has no other.
    pub(crate) async fn existing(of: &OfConnector, options: &SiteOptions) -> anyhow::Result<Self> {
        let named = &of.connector;
        let is_here = options.control.is_none() && options.server.is_none();
        if !is_here && !named.is_file() {
            let site = Site::elsewhere(options)?;
            return Self::stored(site, &named.to_string_lossy()).await;
        }
        let place = Self::read(named, options)?;
        if matches!(place.site, Site::Behind(_)) {
            let id = place.connector.id();
            return Self::stored(place.site, &id).await;
        }
        if let Some(folder) = place.site.without_ledger() {
            anyhow::bail!(
                "no ledger in {}: nothing was archived from there yet; run `chatkeep archive {}`, or \
                 name the folder with --data-dir",
                folder.display(),
                named.display()
            );
        }
        Ok(place)
    }

    /// A connector that is stored, by id or by name.
    pub(crate) async fn stored(site: Site, connector: &str) -> anyhow::Result<Self> {
        let stored = commands::stored(&site, connector).await?;
        let connector = Connector::parse(&stored.connector_file, Path::new("/"));
        let connector = connector.context("read the stored connector file")?;
        Ok(Self { connector, site })
    }
}
