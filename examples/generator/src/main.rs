//! Writes a sample to archive.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context as _;
use chatkeep_generator::{Options, generate};
use clap::Parser;

/// Writes an export tree, compliance XML, a directory and a connector file: modelled after the
/// published formats, invented people. The same options give the same bytes.
#[derive(Parser)]
struct Arguments {
    /// The folder to write into.
    #[arg(long)]
    out: PathBuf,
    /// Our people.
    #[arg(long, default_value_t = 12)]
    users: u32,
    /// Days of conversations, from 2025-03-10 on.
    #[arg(long, default_value_t = 3)]
    days: u32,
    /// Another seed gives other conversations.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Sessions and conferences; by default one a day for each of our people.
    #[arg(long)]
    conversations: Option<u32>,
    /// Pools that export.
    #[arg(long, default_value_t = 2)]
    pools: u32,
    /// Megabytes of meeting files.
    #[arg(long, default_value_t = 0)]
    files_mb: u32,
    /// For measurements: every conversation belongs into exactly this many mailboxes and has about 41
    /// lines; no rooms, copies, leavers or exclusions.
    #[arg(long)]
    mailboxes_per_conversation: Option<u32>,
    /// Short for --mailboxes-per-conversation 1.
    #[arg(long, conflicts_with = "mailboxes_per_conversation")]
    one_mailbox_per_conversation: bool,
    /// Writes the same conversations as scripts, too, that fill databases.
    #[arg(long)]
    databases: bool,
    /// Writes what archiving must come to into this file, as JSON.
    #[arg(long)]
    expected: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let one = arguments.one_mailbox_per_conversation.then_some(1);
    let options = Options {
        users: arguments.users,
        days: arguments.days,
        seed: arguments.seed,
        conversations: arguments.conversations,
        pools: arguments.pools,
        files_mb: arguments.files_mb,
        mailboxes_per_conversation: arguments.mailboxes_per_conversation.or(one),
        databases: arguments.databases,
    };
    let expected = generate(&options, &arguments.out).context("write sample")?;
    if let Some(file) = &arguments.expected {
        let json = serde_json::to_string_pretty(&expected).context("write expected numbers")?;
        fs::write(file, json + "\n").context("write expected numbers")?;
    }
    writeln!(
        io::stdout(),
        "{}: {} records, {} conversations, {} deliveries planned",
        arguments.out.display(),
        expected.records.read,
        expected.items,
        expected.deliveries.planned
    )
    .context("write summary")
}
