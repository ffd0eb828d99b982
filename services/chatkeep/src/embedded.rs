//! The services in this process: queue in memory, staging in a folder, ledger in SQLite, gRPC without
//! sockets. Everything else is the same as in the cluster.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use chatkeep_model::connector::HoldFor;
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue};
use chatkeep_runtime::{GrpcChannel, Lifecycle, in_process};
use chatkeep_staging::{Leftovers, Staging};
use tonic::service::Routes;

use crate::settings::Settings;

/// Which services a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Control alone.
    Control,
    /// Every service.
    All,
}

/// Services that run.
pub(crate) struct Embedded {
    /// The way to control.
    pub(crate) control: GrpcChannel,
    #[cfg(feature = "console")]
    others: Others,
}

/// What those services are made of that look at sources, directories and targets.
#[cfg(feature = "console")]
struct Others {
    mailbox_import: chatkeep_mailbox_import::Settings,
    ledger: LedgerClient,
    staging: Staging,
}

#[cfg(feature = "console")]
impl Embedded {
    /// The ways to all of them.
    pub(crate) fn channels(self) -> chatkeep_console::Channels {
        let Others {
            mailbox_import,
            ledger,
            staging,
        } = self.others;
        chatkeep_console::Channels {
            control: self.control,
            ingestion: in_process(chatkeep_ingestion::service(ledger.clone())),
            conversion: in_process(chatkeep_conversion::service(staging.clone())),
            mapping: in_process(chatkeep_mapping::service(ledger.clone(), staging)),
            mailbox_import: in_process(chatkeep_mailbox_import::service(&mailbox_import, ledger)),
        }
    }
}

/// Starts services on the ledger in a folder.
pub(crate) async fn start(
    folder: &Path,
    mut settings: Settings,
    which: Which,
    lifecycle: &Lifecycle,
) -> anyhow::Result<Embedded> {
    if which == Which::Control {
        // Who only asks deletes nothing.
        settings.control.janitor.after = HoldFor::Forever;
    }
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
    let staging = Staging::folder(&folder.join("staging"))
        .with_context(|| format!("open {}", folder.display()))?;
    // Before anything of this process writes there: its janitor does from its start on.
    let leftovers = staging.leftovers();
    let servers = chatkeep_control::start(
        &settings.control,
        folder,
        Arc::clone(&queue),
        staging.clone(),
        lifecycle,
    )
    .await
    .with_context(|| format!("open the ledger in {}", folder.display()))?;
    // The ledger is locked from here on: whoever else wrote into the folder has ended.
    leftovers
        .and_then(Leftovers::remove)
        .with_context(|| format!("clear {}", folder.display()))?;
    let ledger = chatkeep_pipeline::ledger(in_process(servers.ledger.clone()));
    if which == Which::All {
        start_stages(&settings, &queue, &ledger, &staging, lifecycle);
    }
    let routes = Routes::new(servers.control)
        .add_service(servers.access)
        .add_service(servers.ledger);
    Ok(Embedded {
        control: in_process(routes.prepare()),
        #[cfg(feature = "console")]
        others: Others {
            mailbox_import: settings.mailbox_import,
            ledger,
            staging,
        },
    })
}

fn start_stages(
    settings: &Settings,
    queue: &Arc<dyn Queue>,
    ledger: &LedgerClient,
    staging: &Staging,
    lifecycle: &Lifecycle,
) {
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
}
