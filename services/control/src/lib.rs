#![doc = include_str!("../README.md")]

mod access;
mod admin;
mod approval;
mod audit;
mod balance;
mod clock;
mod close;
mod coverage;
mod database;
mod direction;
mod director;
mod error;
mod flow;
mod grpc;
mod horizon;
mod janitor;
mod ledger;
mod mail;
mod measure;
mod patrol;
mod publish;
mod release;
mod schedule;
mod seal;
mod watch;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chatkeep_model::connector::SecretRef;
use chatkeep_pipeline::Queue;
use chatkeep_proto::v1::{
    access_server::AccessServer, control_server::ControlServer, ledger_server::LedgerServer,
};
use chatkeep_runtime::{LARGEST_MESSAGE, Lifecycle};
use chatkeep_staging::Staging;
use serde::Deserialize;

use crate::{
    access::{Keyring, Unlisted},
    database::Database,
    director::Director,
    janitor::Janitor,
    ledger::{Ledger, Limits},
    measure::Watcher,
    publish::Outstanding,
    seal::Seals,
};

pub use crate::{
    access::{KeyringError, NotAReference, Reference},
    approval::ApprovalSettings,
    audit::{BrokenEntry, Trail, TrailError, verify_export},
    balance::Balance,
    clock::Clock,
    database::{DatabaseError, LEDGER_FORMAT, OpenError, PostgresSettings},
    error::LedgerError,
    grpc::{AccessGrpc, ControlGrpc, LedgerGrpc},
    janitor::JanitorSettings,
    mail::{ReportCheck, SmtpError, SmtpSettings, check_report},
    seal::{SealError, SealKind, Verified, VerifyError, manifest_name, verify_offline},
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
    /// Whether runs are opened as connectors' schedules and backfills say.
    pub schedule: bool,
    /// When blobs are deleted from staging, and what is forgotten by age.
    pub janitor: JanitorSettings,
    /// Which changes a second person has to approve.
    pub approval: ApprovalSettings,
    /// The key that secrets are encrypted with: 32 bytes in base64. Without one none can be stored.
    pub secrets_key: Option<SecretRef>,
    /// Keys that secrets were encrypted with before: what they read is encrypted anew at the start.
    pub secrets_keys_old: Vec<SecretRef>,
    /// What connector files may have the services read, `env:NAME` and `file:path`; without a list anything,
    /// unless users sign in at an issuer: then nothing.
    pub references: Option<Vec<Reference>>,
    /// The ledger in PostgreSQL, instead of SQLite in the data folder.
    pub postgres: Option<PostgresSettings>,
    /// The server that takes reports of runs. Without one none are sent.
    pub smtp: Option<SmtpSettings>,
    /// Where browsers find the console's pages, for links in reports. Whoever serves them says so.
    #[serde(skip)]
    pub pages: Option<String>,
}

impl Settings {
    /// Takes over what a console says that is served beside control: where browsers find it, and whether others
    /// sign in there than who runs the services. Those may name what is listed, and without a list nothing.
    pub fn serve_console(&mut self, public_url: Option<&str>, has_issuer: bool) {
        self.pages = public_url.map(str::to_owned);
        if has_issuer {
            self.references.get_or_insert_default();
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(30),
            enough: 50,
            fence: Duration::from_secs(15),
            import_attempts: 3,
            schedule: true,
            janitor: JanitorSettings::default(),
            approval: ApprovalSettings::default(),
            secrets_key: None,
            secrets_keys_old: Vec::new(),
            references: None,
            postgres: None,
            smtp: None,
            pages: None,
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
    /// A key for secrets cannot be used.
    #[error("read keys for secrets")]
    Keys {
        /// The reason.
        source: KeyringError,
    },
    /// Reports of runs cannot be sent like this.
    #[error("read settings of reports")]
    Smtp {
        /// The reason.
        source: SmtpError,
    },
    /// The ledger's secrets, and what connectors name, cannot be looked through.
    #[error("look through secrets")]
    Secrets {
        /// The reason.
        source: LedgerError,
    },
}

impl StartError {
    /// True when the database does not answer: it may later.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Open { source } => source.is_away(),
            Self::Keys { .. } | Self::Smtp { .. } => false,
            Self::Secrets { source } => source.outage().is_some(),
        }
    }
}

/// The gRPC services of control.
#[derive(Clone, Debug)]
pub struct Servers {
    /// For the stages.
    pub ledger: LedgerServer<LedgerGrpc>,
    /// For administrators.
    pub control: ControlServer<ControlGrpc>,
    /// For those who let administrators in.
    pub access: AccessServer<AccessGrpc>,
}

/// A lease must outlast the call that renews it.
const SHORTEST_FENCE: Duration = Duration::from_millis(100);

/// Opens the ledger, publishes every open task again, and drives runs until the process shuts down.
/// Ledger and manifests are in `data_dir`; with PostgreSQL in the database and in staging.
pub async fn start(
    settings: &Settings,
    data_dir: &Path,
    queue: Arc<dyn Queue>,
    staging: Staging,
    lifecycle: &Lifecycle,
) -> Result<Servers, StartError> {
    let settings = (settings, Clock::default());
    start_with_clock(settings, data_dir, queue, staging, lifecycle).await
}

/// Does what [`start`] does, and goes by another clock than the system's.
pub async fn start_with_clock(
    (settings, clock): (&Settings, Clock),
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
        approval: (settings.approval.required).then_some(settings.approval.expires),
        traces: settings.janitor.forget_after,
        references: settings.references.clone(),
    };
    // What one process of several wrote into a folder, the others would miss.
    let seals = if database.is_shared() {
        Seals::Staging
    } else {
        Seals::Folder(data_dir.join("seals"))
    };
    let outstanding = Arc::<Outstanding>::default();
    let keyring = Keyring::read(settings.secrets_key.as_ref(), &settings.secrets_keys_old);
    let keyring = keyring.map_err(|source| StartError::Keys { source })?;
    let blobs = (staging, seals);
    let kept = (keyring, settings.smtp.clone());
    let ledger = Ledger::new(database, blobs, outstanding, (clock, limits), kept);
    let ledger = Arc::new(ledger);
    let looked = look_through_secrets(&ledger).await;
    looked.map_err(|source| StartError::Secrets { source })?;
    let director = Director {
        ledger: Arc::clone(&ledger),
        queue,
        linger: settings.linger,
        schedule: settings.schedule,
        outages: lifecycle.outages(),
        looked: Instant::now(),
        patrolled: Instant::now(),
        warned: None,
    };
    lifecycle.spawn("control", director.run(lifecycle.shutdown()));
    let janitor = Janitor {
        ledger: Arc::clone(&ledger),
        settings: settings.janitor,
        shutdown: lifecycle.shutdown(),
    };
    lifecycle.spawn("janitor", janitor.run());
    mail::start(&ledger, settings.pages.clone(), lifecycle)
        .map_err(|source| StartError::Smtp { source })?;
    let (meter, outages) = (lifecycle.meter(), lifecycle.outages());
    let watcher = Watcher::new(Arc::clone(&ledger), &meter, &outages);
    lifecycle.spawn("metrics", watcher.run(lifecycle.shutdown()));
    let grpc = LedgerServer::new(LedgerGrpc::new(Arc::clone(&ledger)));
    Ok(Servers {
        ledger: grpc.max_decoding_message_size(LARGEST_MESSAGE),
        control: ControlServer::new(ControlGrpc::new(Arc::clone(&ledger))),
        access: AccessServer::new(AccessGrpc::new(ledger)),
    })
}

async fn look_through_secrets(ledger: &Ledger) -> Result<(), LedgerError> {
    let unread = ledger.renew_secrets().await?;
    if unread > 0 {
        tracing::warn!(
            unread,
            "secrets cannot be read: no key of control's is theirs"
        );
    }
    for Unlisted {
        connector,
        reference,
        places,
    } in ledger.unlisted().await?
    {
        tracing::warn!(
            chatkeep.connector.id = connector,
            reference,
            ?places,
            "a connector in use names what control.references does not list, and goes on"
        );
    }
    Ok(())
}
