//! The one thing that differs between the forms: whether control is in this process, elsewhere, or asked by
//! its console's API.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{access_client, control_client};
use chatkeep_runtime::{GRACE, GrpcChannel, Lifecycle, with_metadata};
use tonic::{Code, Status};

use crate::{
    actor,
    cli::SiteOptions,
    embedded::{self, Which},
    remote::{self, Remote},
    server::Server,
    settings::Settings,
};

pub(crate) type ControlClient = control_client::ControlClient<GrpcChannel>;
pub(crate) type AccessClient = access_client::AccessClient<GrpcChannel>;

/// Pause before control is asked again.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// Where control and its ledger are.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    /// In this process, with ledger and staging in this folder.
    Here(PathBuf),
    /// In a program of its own.
    There(Remote),
    /// Behind a console's API.
    Behind(Server),
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(folder) => write!(f, "{}", folder.display()),
            Self::There(remote) => f.write_str(&remote.url),
            Self::Behind(server) => f.write_str(&server.url),
        }
    }
}

impl Site {
    /// What the options say; by default a folder beside the connector file, which is in `folder`.
    pub(crate) fn new(options: &SiteOptions, folder: &Path) -> anyhow::Result<Self> {
        if options.control.is_some() || options.server.is_some() {
            return Self::elsewhere(options);
        }
        Ok(Self::Here(match &options.data_dir {
            Some(folder) => std::path::absolute(folder).context("find the current folder")?,
            None => folder.join(".chatkeep"),
        }))
    }

    /// A control that keeps running, for what one that ends with the command cannot do.
    pub(crate) fn elsewhere(options: &SiteOptions) -> anyhow::Result<Self> {
        let named = [
            options.data_dir.is_some(),
            options.control.is_some(),
            options.server.is_some(),
        ];
        let named = named.into_iter().filter(|is_named| *is_named).count();
        anyhow::ensure!(named < 2, "choose one: --data-dir, --control, or --server");
        if let Some(url) = &options.server {
            return Ok(Self::Behind(Server::new(url, options)));
        }
        let url = options.control.as_ref().context(
            "this needs a control that keeps running: name it with --control, or its console with --server; \
             without one, `chatkeep archive` archives at once, with --from and --to a range of days",
        )?;
        Ok(Self::There(Remote::new(url, options)))
    }

    /// The folder, where nothing was archived from yet.
    pub(crate) fn without_ledger(&self) -> Option<&Path> {
        match self {
            Self::Here(folder) if !folder.join("ledger.sqlite").exists() => Some(folder),
            Self::Here(_) | Self::There(_) | Self::Behind(_) => None,
        }
    }

    /// True when the services are in this process, and end with it.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }
}

/// Control, and in the embedded form every service around it.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) control: ControlClient,
    pub(crate) access: AccessClient,
    pub(crate) ledger: LedgerClient,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) site: Site,
    /// How long something may be down before a command fails.
    pub(crate) patience: Duration,
}

impl System {
    /// For commands that only ask: stages do not run.
    pub(crate) async fn control(site: &Site) -> anyhow::Result<Self> {
        Self::start(site, Which::Control, Settings::load()?).await
    }

    /// For commands that lead to work.
    pub(crate) async fn all(site: &Site) -> anyhow::Result<Self> {
        Self::start(site, Which::All, Settings::load()?).await
    }

    /// For a trial in a ledger that is thrown away: nobody has to approve what it changes, and what its file
    /// names is this process's.
    pub(crate) async fn trial(site: &Site) -> anyhow::Result<Self> {
        let mut settings = Settings::load()?;
        settings.control.approval.required = false;
        settings.control.references = None;
        Self::start(site, Which::All, settings).await
    }

    async fn start(site: &Site, which: Which, mut settings: Settings) -> anyhow::Result<Self> {
        // A command ends before a server has taken its mail, and who reads its output needs none.
        settings.control.smtp = None;
        let lifecycle = Lifecycle::new(GRACE).context("listen for signals")?;
        let patience = settings.archive.patience;
        let channel = match site {
            Site::Here(folder) => {
                let started = embedded::start(folder, settings, which, &lifecycle);
                started.await?.control
            }
            Site::There(remote) => remote::connect(remote, &lifecycle)?,
            Site::Behind(server) => server.connect(patience)?,
        };
        let channel = with_metadata(channel, actor::metadata());
        Ok(Self {
            control: ControlClient::new(channel.clone()),
            access: AccessClient::new(channel.clone()),
            ledger: chatkeep_pipeline::ledger(channel),
            lifecycle,
            site: site.clone(),
            patience,
        })
    }

    /// Asks control. One that runs elsewhere may come back: it is asked again as long as a command waits
    /// for something that is down. `call` may be repeated.
    pub(crate) async fn ask<T>(
        &self,
        call: impl AsyncFn(ControlClient) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let (since, stop) = (Instant::now(), self.lifecycle.shutdown());
        loop {
            let answer = call(self.control.clone()).await;
            // What asks an API has waited as long already.
            let goes_on = matches!(self.site, Site::There(_)) && since.elapsed() < self.patience;
            if !goes_on || !answer.as_ref().is_err_and(is_away) {
                return answer;
            }
            let pause = stop.run_until_cancelled(tokio::time::sleep(POLL));
            if pause.await.is_none() {
                return answer;
            }
        }
    }

    /// What to tell somebody who does not want to wait any longer.
    pub(crate) fn interrupted(&self) -> anyhow::Error {
        match &self.site {
            Site::Here(_) => {
                anyhow::anyhow!("interrupted; nothing is lost, call the command again to resume")
            }
            Site::There(_) | Site::Behind(_) => anyhow::anyhow!(
                "no longer watching: the run goes on; call the command again to watch, or see \
                 `chatkeep runs`"
            ),
        }
    }

    /// Lets every service of this process finish what it holds.
    pub(crate) async fn stop(self) {
        if !self.lifecycle.stop().await {
            tracing::error!("a service did not stop cleanly; nothing is lost, the ledger knows");
        }
    }
}

/// True when control may answer later.
pub(crate) fn is_away(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}
