#![doc = include_str!("../README.md")]

mod admin;
mod balance;
mod close;
mod database;
mod director;
mod error;
mod flow;
mod grpc;
mod ledger;
mod publish;
mod release;
mod seal;
mod watch;

use std::{path::Path, sync::Arc, time::Duration};

use chatkeep_pipeline::Queue;
use chatkeep_proto::v1::{control_server::ControlServer, ledger_server::LedgerServer};
use chatkeep_runtime::{LARGEST_MESSAGE, Lifecycle};
use chatkeep_staging::Staging;
use serde::Deserialize;

use crate::{
    database::{Database, query},
    director::Director,
    error::During as _,
    ledger::Ledger,
    publish::Outstanding,
};

pub use crate::{
    balance::Balance,
    database::{DatabaseError, OpenError},
    error::LedgerError,
    grpc::{ControlGrpc, LedgerGrpc},
    seal::{SealError, SealKind, Verified, VerifyError, verify_offline},
};

/// What can be set of control.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a delivery waits for others of its mailbox while the run still plans.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// How long after the end of a lease something its holder sent may still arrive.
    #[serde(with = "humantime_serde")]
    pub fence: Duration,
    /// How often the deliveries of a failing import task are tried before they fail.
    pub import_attempts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(30),
            fence: Duration::from_secs(5),
            import_attempts: 3,
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
    /// What the last process left behind cannot be put in order.
    #[error("recover ledger")]
    Recover {
        /// The reason.
        source: LedgerError,
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

/// Opens the ledger in `data_dir`, publishes every open task again, and drives runs until the process
/// shuts down.
pub async fn start(
    settings: &Settings,
    data_dir: &Path,
    queue: Arc<dyn Queue>,
    staging: Staging,
    lifecycle: &Lifecycle,
) -> Result<Servers, StartError> {
    let database = Database::open(data_dir).await;
    let database = database.map_err(|source| StartError::Open { source })?;
    let recovered = end_leases(&database).await;
    recovered.map_err(|source| StartError::Recover { source })?;
    let limits = (settings.fence, settings.import_attempts);
    let ledger = Ledger::new(database, staging, Arc::<Outstanding>::default(), limits);
    let ledger = Arc::new(ledger);
    let director = Director {
        ledger: Arc::clone(&ledger),
        queue,
        seals: data_dir.join("seals"),
        linger: settings.linger,
    };
    lifecycle.spawn("control", director.run(lifecycle.shutdown()));
    let grpc = LedgerServer::new(LedgerGrpc::new(Arc::clone(&ledger)));
    Ok(Servers {
        ledger: grpc.max_decoding_message_size(LARGEST_MESSAGE),
        control: ControlServer::new(ControlGrpc::new(ledger)),
    })
}

/// Whoever held a lease lived in the process that had this ledger open before, and is gone: what it
/// had sent can arrive for the fence's time, not for the rest of the lease.
async fn end_leases(database: &Database) -> Result<(), LedgerError> {
    let mut tx = database.begin().await?;
    let end = query("UPDATE shards SET until = $1 WHERE until > $1").bind(ledger::now());
    end.execute(&mut *tx).await.during("end leases")?;
    tx.commit().await.during("end leases")
}
