use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures Chatkeep beside its yardsticks, in one run, interleaved.
#[derive(Clone, Debug, Parser)]
#[command(name = "chatkeep-bench")]
pub(crate) struct Options {
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: usize,
    /// A tenth of the sizes, one run: shows that everything works, the figures mean little
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these sections
    #[arg(long, value_enum, value_name = "SECTION", num_args = 1..)]
    pub(crate) only: Vec<Section>,
    /// Also a million conversations into a discarding target, once
    #[arg(long)]
    pub(crate) million: bool,
    /// Writes the tables to docs/evidence/bench.md as well
    #[arg(long)]
    pub(crate) record: bool,
    /// The release build of chatkeep, for what is measured from outside
    #[arg(long, value_name = "FILE")]
    pub(crate) chatkeep: Option<PathBuf>,
    /// The project's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Rendering, CPU of one core
    Conversion,
    /// The import stage alone, into Dovecot and Maildir
    Import,
    /// From export files into Dovecot
    EndToEnd,
    /// CPU of ledger, queue and staging; work messages
    Ledger,
    /// Ten times as many conversations
    Growth,
    /// Five programs on RabbitMQ, PostgreSQL and Azurite: 1, 2 and 4 processes of each stage
    Cluster,
}

impl Options {
    pub(crate) fn wants(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }

    pub(crate) fn runs(&self) -> usize {
        if self.quick { 1 } else { self.runs.max(1) }
    }

    /// A size, or a tenth of it when it has to be quick.
    pub(crate) fn size(&self, full: u32) -> u32 {
        if self.quick { full / 10 } else { full }
    }

    /// The scripts of the yardsticks.
    pub(crate) fn peer(&self, script: &str) -> PathBuf {
        self.project.join("tests/bench/peers").join(script)
    }
}
