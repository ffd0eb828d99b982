#![doc = include_str!("../README.md")]

mod admin;
mod balance;
mod close;
mod database;
mod direction;
mod director;
mod error;
mod flow;
mod grpc;
mod janitor;
mod ledger;
mod measure;
mod publish;
mod release;
mod seal;
mod watch;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chatkeep_pipeline::Queue;
use chatkeep_proto::v1::{control_server::ControlServer, ledger_server::LedgerServer};
use chatkeep_runtime::{LARGEST_MESSAGE, Lifecycle};
use chatkeep_staging::Staging;
use serde::Deserialize;

use crate::{
    database::Database,
    director::Director,
    janitor::Janitor,
    ledger::{Ledger, Limits},
    measure::Watcher,
    publish::Outstanding,
};

pub use crate::{
    balance::Balance,
    database::{DatabaseError, OpenError, PostgresSettings},
    error::LedgerError,
    grpc::{ControlGrpc, LedgerGrpc},
    janitor::JanitorSettings,
    seal::{SealError, SealKind, Verified, VerifyError, verify_offline},
};

/// What can be set of control.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a delivery waits for others of its mailbox while the run still plans.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// Waiting deliveries of one mailbox that wait for no more of them while the run still plans. At 50
    /// the append rate of a server stops growing; more spare it the opening of mailboxes.
    pub enough: u32,
    /// How long something that was sent to a mailbox may still arrive, at the latest. As long is the lease
    /// to send: a new holder waits twice the fence from the last entry in the journal on. At least 100 ms.
    #[serde(with = "humantime_serde")]
    pub fence: Duration,
    /// How often the deliveries of a failing import task are tried before they fail.
    pub import_attempts: u32,
    /// When blobs are deleted from staging.
    pub janitor: JanitorSettings,
    /// The ledger in PostgreSQL, instead of SQLite in the data folder.
    pub postgres: Option<PostgresSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(30),
            enough: 50,
            fence: Duration::from_secs(15),
            import_attempts: 3,
            janitor: JanitorSettings::default(),
            postgres: None,
        }
    }
}

/// Why control cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger cannot be opened.
    #[error("open ledger")]
    Open {
        /// The reason.
        source: OpenError,
    },
}

/// The gRPC services of control.
#[derive(Clone, Debug)]
pub struct Servers {
    /// For the stages.
    pub ledger: LedgerServer<LedgerGrpc>,
    /// For administrators.
    pub control: ControlServer<ControlGrpc>,
}

/// A lease must outlast the call that renews it.
const SHORTEST_FENCE: Duration = Duration::from_millis(100);

/// Opens the ledger (in `data_dir`, unless it is in PostgreSQL), publishes every open task again, and drives runs until the process
/// shuts down.
pub async fn start(
    settings: &Settings,
    data_dir: &Path,
    queue: Arc<dyn Queue>,
    staging: Staging,
    lifecycle: &Lifecycle,
) -> Result<Servers, StartError> {
    let database = match &settings.postgres {
        Some(postgres) => Database::connect(postgres).await,
        None => Database::open(data_dir).await,
    };
    let database = database.map_err(|source| StartError::Open { source })?;
    let limits = Limits {
        fence: settings.fence.max(SHORTEST_FENCE),
        attempts: settings.import_attempts,
        enough: settings.enough,
    };
    let ledger = Ledger::new(database, staging, Arc::<Outstanding>::default(), limits);
    let ledger = Arc::new(ledger);
    let director = Director {
        ledger: Arc::clone(&ledger),
        queue,
        seals: data_dir.join("seals"),
        linger: settings.linger,
        outages: lifecycle.outages(),
        looked: Instant::now(),
    };
    lifecycle.spawn("control", director.run(lifecycle.shutdown()));
    let janitor = Janitor {
        ledger: Arc::clone(&ledger),
        settings: settings.janitor,
        shutdown: lifecycle.shutdown(),
    };
    lifecycle.spawn("janitor", janitor.run());
    let (meter, outages) = (lifecycle.meter(), lifecycle.outages());
    let watcher = Watcher::new(Arc::clone(&ledger), &meter, &outages);
    lifecycle.spawn("metrics", watcher.run(lifecycle.shutdown()));
    let grpc = LedgerServer::new(LedgerGrpc::new(Arc::clone(&ledger)));
    Ok(Servers {
        ledger: grpc.max_decoding_message_size(LARGEST_MESSAGE),
        control: ControlServer::new(ControlGrpc::new(ledger)),
    })
}
