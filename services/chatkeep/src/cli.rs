mod administration;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::administration::{Audit, Backfill, Changes, Connectors, Secrets, Sessions};

/// Archives Skype for Business conversations into mailboxes, and proves that nothing was lost.
#[derive(Debug, Parser)]
#[command(name = "chatkeep", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) site: SiteOptions,
    /// What to log to standard error: error, warn, info, debug
    #[arg(long, global = true, default_value = "error", value_name = "LEVEL")]
    pub(crate) log: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the ledger is: in a folder, behind a control that runs elsewhere, or behind its console.
#[derive(Debug, Args)]
pub(crate) struct SiteOptions {
    /// Folder of ledger and staging [default: .chatkeep beside the connector file]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Asks the control that serves at https://HOST:PORT instead of running the services itself
    #[arg(long, global = true, env = "CHATKEEP_CONTROL", value_name = "URL")]
    pub(crate) control: Option<String>,
    /// Asks a console that serves elsewhere, by its API
    #[arg(long, global = true, env = "CHATKEEP_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// With --server: file of the access token; by default it is in the variable `CHATKEEP_TOKEN`
    #[arg(long, global = true, env = "CHATKEEP_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// With --control or --server: PEM file of the authority that signs its certificate
    #[arg(long, global = true, env = "CHATKEEP_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// With --control: PEM file of the certificate to show
    #[arg(long, global = true, env = "CHATKEEP_CERTIFICATE", value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// With --control: PEM file of the certificate's private key
    #[arg(long, global = true, env = "CHATKEEP_KEY", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// With an address that begins with http://: no TLS, where something else encrypts
    #[arg(long, global = true, env = "CHATKEEP_PLAINTEXT")]
    pub(crate) plaintext: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the whole pipeline once. Exit 0: closed; 2: closed with exceptions; 1: failed, call it again to resume
    Archive(Archive),
    /// Validates a connector file and tests source, directory and target; changes nothing
    Check {
        /// The connector file
        file: PathBuf,
        /// Instead: puts synthetic items into a folder of its own in this mailbox of a Microsoft 365 tenant, says
        /// what became of them, and removes them. Exit 0: all passed; 1: something failed
        #[arg(long, value_name = "MAILBOX")]
        tenant_canary: Option<String>,
    },
    /// Lists the runs of a connector
    Runs(OfConnector),
    /// Prints the log of a run
    Log(Log),
    /// Shows a run's balance. Exit 0: it closed; 2: closed with exceptions; 1: it did not close, or not yet
    Balance(Reported),
    /// Watches a run until it ends, and shows its balance: needs --control or --server. Exit as of `balance`
    Follow(Reported),
    /// Lists what a run could not deliver or read, and why
    Failed(OfRun),
    /// Tries a run's failed deliveries again, and the conversations that could not be rendered
    Retry(OfRun),
    /// Ends an unfinished run early: what it captured is archived, the rest is the next run's
    Cancel(OfRun),
    /// Delivers what was held, as far as directory and mapping know the mailboxes now
    DeliverHeld(OfConnector),
    /// Shows one item's way through the pipeline
    Item {
        /// Item id, or the Message-ID of one of its parts
        id: String,
        #[command(flatten)]
        connector: OfConnector,
    },
    /// Copies the manifests of all runs into a folder: keep them elsewhere, `verify --offline` reads them
    Seals {
        /// The folder
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        connector: OfConnector,
    },
    /// Reads mailboxes again and compares every byte; or checks a manifest's seal chain
    Verify(Verify),
    /// Who changed what: copies the audit trail, or checks that nothing of it was altered
    #[command(subcommand)]
    Audit(Audit),
    /// Changes of connectors that a second person has to approve
    #[command(subcommand)]
    Changes(Changes),
    /// Connectors that a control elsewhere archives by itself: needs --control or --server
    #[command(subcommand)]
    Connectors(Connectors),
    /// Secrets that control keeps for connector files, which name them as `secret:NAME`
    #[command(subcommand)]
    Secrets(Secrets),
    /// Who has signed in to the console
    #[command(subcommand)]
    Sessions(Sessions),
    /// Runs every service, the scheduler and the administrators' web pages in this process
    Serve(Serve),
    /// Asks running programs how they are. Exit 0: all serve, are ready and fit together; 1: some do not
    Selfcheck(Selfcheck),
    /// Archives days long past in slices, beside the scheduled runs: needs --control or --server
    #[command(subcommand)]
    Backfill(Backfill),
}

#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The connector file
    pub(crate) file: PathBuf,
    /// Only conversations from this UTC day (YYYY-MM-DD) on
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<jiff::civil::Date>,
    /// Only conversations before this UTC day
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<jiff::civil::Date>,
    /// Reads, converts and maps as if nothing had been archived before, and imports nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Writes the balance as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where browsers ask [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Selfcheck {
    /// A program that must serve gRPC, beside the one of --control; may be given more than once
    #[arg(long, value_name = "URL")]
    pub(crate) grpc: Vec<String>,
    /// Admin port, http://HOST:PORT, of a program that must be ready and of this version; may be given more than once
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Vec<String>,
    /// A console, http://HOST:PORT, that must answer
    #[arg(long, value_name = "URL")]
    pub(crate) console: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OfConnector {
    /// The connector file; with --control or --server also the name or id of a connector stored there
    #[arg(long, short, default_value = "connector.toml", value_name = "FILE")]
    pub(crate) connector: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct OfRun {
    /// Number of the run, as `chatkeep runs` lists it
    pub(crate) run: i64,
    #[command(flatten)]
    pub(crate) connector: OfConnector,
}

#[derive(Debug, Args)]
pub(crate) struct Reported {
    #[command(flatten)]
    pub(crate) run: OfRun,
    /// Writes the balance as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) run: OfRun,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// A table of totals; behind an empty line each, where there are any, failures and findings
    Csv,
    /// One object
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Number of the run
    #[arg(required_unless_present = "offline")]
    pub(crate) run: Option<i64>,
    /// Checks this manifest and the chain of seals before it, without the system
    #[arg(long, value_name = "MANIFEST", conflicts_with = "run")]
    pub(crate) offline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connector: OfConnector,
}
