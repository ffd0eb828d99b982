use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use chatkeep_model::connector::HoldFor;
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue};
use chatkeep_proto::v1::control_client;
use chatkeep_runtime::{GRACE, GrpcChannel, Lifecycle, in_process};
use chatkeep_staging::Staging;
use serde::Deserialize;

pub(crate) type ControlClient = control_client::ControlClient<GrpcChannel>;

/// A mailbox that is opened twice costs its server about twice the time per message, and the run shares
/// the machine with itself: deliveries wait for the end of planning, unless there are many or it is long.
/// A command does what it is called for, not what schedules say.
const PATIENT: &str = "[control]\nenough = 500\nlinger = \"5m\"\nschedule = false";

/// Settings of the services, from `CHATKEEP__SERVICE__KEY` variables.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    archive: Patience,
    control: chatkeep_control::Settings,
    ingestion: chatkeep_ingestion::Settings,
    conversion: chatkeep_conversion::Settings,
    mapping: chatkeep_mapping::Settings,
    pub(crate) mailbox_import: chatkeep_mailbox_import::Settings,
}

/// How long a command waits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Patience {
    /// A server or disk that is down for longer fails the command; calling it again resumes.
    #[serde(with = "humantime_serde")]
    patience: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            patience: Duration::from_mins(1),
        }
    }
}

impl Settings {
    pub(crate) fn load() -> anyhow::Result<Self> {
        Ok(chatkeep_runtime::settings::load(PATIENT, None)?)
    }
}

/// The services in this process: queue in memory, staging in a folder, ledger in SQLite, gRPC without
/// sockets. Everything else is the same as in the cluster.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) control: ControlClient,
    pub(crate) lifecycle: Lifecycle,
    /// Folder of ledger and staging.
    pub(crate) data_dir: PathBuf,
    /// How long something may be down before a command fails.
    pub(crate) patience: Duration,
}

impl Embedded {
    /// Starts control alone, for commands that report: they delete nothing.
    pub(crate) async fn control(data_dir: &Path) -> anyhow::Result<Self> {
        let mut settings = Settings::load()?;
        settings.control.janitor.after = HoldFor::Forever;
        Self::start_some(data_dir, settings, |_| ()).await
    }

    /// Starts every service.
    pub(crate) async fn all(data_dir: &Path) -> anyhow::Result<Self> {
        Self::start_some(data_dir, Settings::load()?, |parts| {
            let Parts {
                settings,
                queue,
                ledger,
                staging,
                lifecycle,
            } = parts;
            let queue = || Arc::clone(queue);
            let ledger = || ledger.clone();
            let staging = || staging.clone();
            chatkeep_ingestion::start(&settings.ingestion, queue(), ledger(), staging(), lifecycle);
            chatkeep_conversion::start(
                &settings.conversion,
                queue(),
                ledger(),
                staging(),
                lifecycle,
            );
            chatkeep_mapping::start(&settings.mapping, queue(), ledger(), staging(), lifecycle);
            chatkeep_mailbox_import::start(
                &settings.mailbox_import,
                queue(),
                ledger(),
                staging(),
                lifecycle,
            );
        })
        .await
    }

    async fn start_some(
        data_dir: &Path,
        settings: Settings,
        stages: impl FnOnce(&Parts),
    ) -> anyhow::Result<Self> {
        let lifecycle = Lifecycle::new(GRACE).context("listen for signals")?;
        let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
        let staging = Staging::folder(&data_dir.join("staging"))
            .with_context(|| format!("open {}", data_dir.display()))?;
        let servers = chatkeep_control::start(
            &settings.control,
            data_dir,
            Arc::clone(&queue),
            staging.clone(),
            &lifecycle,
        )
        .await
        .with_context(|| format!("open the ledger in {}", data_dir.display()))?;
        // The ledger is locked from here on: nobody else writes into the folder.
        staging
            .remove_leftovers()
            .with_context(|| format!("clear {}", data_dir.display()))?;
        let control = in_process(servers.control);
        let patience = settings.archive.patience;
        stages(&Parts {
            settings,
            queue,
            ledger: chatkeep_pipeline::ledger(in_process(servers.ledger)),
            staging,
            lifecycle: lifecycle.clone(),
        });
        Ok(Self {
            control: ControlClient::new(control),
            lifecycle,
            data_dir: data_dir.to_owned(),
            patience,
        })
    }

    /// Lets every service finish what it holds.
    pub(crate) async fn stop(self) {
        if !self.lifecycle.stop().await {
            tracing::error!("a service did not stop cleanly; nothing is lost, the ledger knows");
        }
    }
}

struct Parts {
    settings: Settings,
    queue: Arc<dyn Queue>,
    ledger: LedgerClient,
    staging: Staging,
    lifecycle: Lifecycle,
}
