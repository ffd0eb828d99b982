//! What administrators do beside a single run.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Writes every entry into a file, one JSON object a line
    Export {
        /// The file; one that is there is replaced
        file: PathBuf,
    },
    /// Checks the chain of entries and names the first that is broken. Exit 0: whole; 1: broken
    Verify {
        /// Instead of the ledger's entries, those of this export
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Changes {
    /// Lists those that wait
    List {
        /// Those that were decided, too
        #[arg(long)]
        all: bool,
    },
    /// Shows who proposed one, and each value that would change: key, before, after
    Show {
        /// Number of the change, as `chatkeep changes list` lists it
        change: i64,
    },
    /// Lets one take effect; who proposed it cannot
    Approve {
        /// Number of the change, as `chatkeep changes list` lists it
        change: i64,
        /// What is said about it
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        reason: String,
    },
    /// Ends one without effect
    Reject {
        /// Number of the change, as `chatkeep changes list` lists it
        change: i64,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Takes one back, for who proposed it
    Withdraw {
        /// Number of the change, as `chatkeep changes list` lists it
        change: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Connectors {
    /// Lists them, and what their schedules are up to
    List,
    /// Stores a connector file, or replaces it; from then on control opens runs as its schedule says
    Put {
        /// The connector file, with paths as the services see them
        file: PathBuf,
        /// Opens no runs by itself
        #[arg(long)]
        manual: bool,
        /// Replaces this version alone, as `chatkeep connectors show` tells it; 0: only adds
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
        if_version: Option<i64>,
        #[command(flatten)]
        why: Why,
    },
    /// Prints the connector file that is stored; its version and state on standard error
    Show(Named),
    /// Opens a run now and watches it until it ends. Exit as of `archive`
    Run {
        #[command(flatten)]
        connector: Named,
        /// Only conversations from this UTC day (YYYY-MM-DD) on
        #[arg(long, value_name = "DAY")]
        from: Option<jiff::civil::Date>,
        /// Only conversations before this UTC day
        #[arg(long, value_name = "DAY")]
        to: Option<jiff::civil::Date>,
        /// Writes the balance as JSON
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Stores a copy under another name, without schedule: it would archive the same once more
    Clone {
        #[command(flatten)]
        connector: Named,
        /// The copy's name
        name: String,
        #[command(flatten)]
        why: Why,
    },
    /// Replaces the custom mapping that the console keeps for one; with --server alone
    Map {
        #[command(flatten)]
        connector: Named,
        /// CSV with the columns `source_user` and `mailbox`
        file: PathBuf,
        /// Replaces that of this version alone, as `chatkeep connectors show` tells it
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        if_version: Option<i64>,
        #[command(flatten)]
        why: Why,
    },
    /// Deletes one; its runs, logs and manifests stay. `put` restores it
    Delete {
        #[command(flatten)]
        connector: Named,
        /// Deletes this version alone, as `chatkeep connectors show` tells it
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        if_version: Option<i64>,
        #[command(flatten)]
        why: Why,
    },
    /// Opens no run, and begins nothing more of those that are open
    Pause(Named),
    /// Goes on exactly where it was, also with runs that failed or were stopped
    Resume(Named),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Lists their names, and which connectors name them
    List,
    /// Stores one, or replaces it; it is read from standard input and never shown again
    Set {
        /// Letters, digits, `-`, `_` and `.`
        name: String,
        /// Reads it from this file instead; a line break at the end is not part of it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Deletes one that no connector names
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// Lists the sessions that have not ended, the last opened first
    List,
    /// Ends every session of a subject
    Revoke {
        /// The subject, as `chatkeep sessions list` lists it
        subject: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Backfill {
    /// Orders runs over a range of days
    Start {
        #[command(flatten)]
        connector: Named,
        /// First UTC day (YYYY-MM-DD)
        #[arg(long, value_name = "DAY")]
        from: jiff::civil::Date,
        /// UTC day behind the last one
        #[arg(long, value_name = "DAY")]
        to: jiff::civil::Date,
        /// Days per run
        #[arg(long, value_name = "DAYS", default_value_t = 7,
              value_parser = clap::value_parser!(u32).range(1..))]
        slice: u32,
        /// The last days first, and so on back to the first
        #[arg(long)]
        newest_first: bool,
    },
    /// Lists a connector's backfills, newest first
    List(Named),
    /// Ends a backfill: its open run is cancelled, no further one is opened
    Cancel {
        #[command(flatten)]
        connector: Named,
        /// Number of the backfill, as `chatkeep backfill list` lists it
        backfill: i64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name or id of the connector, as `chatkeep connectors list` lists it
    pub(crate) connector: String,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// What is said about it where a second person has to approve it
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) reason: String,
}
