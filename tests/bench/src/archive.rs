//! The released program, called as a user calls it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde::Deserialize;

use crate::{
    corpus::{Corpus, export::Export},
    measure::{self, Meter, Sample},
    options::Options,
};

const REPORT: &str = "report.json";

/// What `--report` writes, as far as it is checked here.
#[derive(Deserialize)]
struct Balance {
    status: String,
    records: Records,
    deliveries: Deliveries,
}

#[derive(Deserialize)]
struct Records {
    read: u64,
    rendered: u64,
}

#[derive(Deserialize)]
struct Deliveries {
    planned: u64,
    imported: u64,
}

/// An export on disk and how it is archived.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    pub(crate) options: &'a Options,
    pub(crate) corpus: &'a Corpus,
    pub(crate) export: &'a Export,
}

impl Archive<'_> {
    /// Archives into a target with an empty ledger in `work`; the balance must close and hold everything.
    pub(crate) fn run(
        &self,
        target: &str,
        server: Option<u32>,
        work: &Path,
    ) -> anyhow::Result<Sample> {
        let mut command = self.command(target, work)?;
        command.arg("--data-dir").arg(ledger_folder(work));
        let meter = Meter::start(server)?;
        let ended = measure::run(&mut command, &work.join("archive.log"))?;
        let sample = meter.stop(self.corpus.deliveries(), self.export.bytes)?;
        let ended = ended.expect("chatkeep archive", &[0])?;
        self.check(work)?;
        Ok(Sample {
            peak: ended.peak,
            ..sample
        })
    }

    /// `chatkeep archive` into a target; what it came to is written into `work`.
    pub(crate) fn command(&self, target: &str, work: &Path) -> anyhow::Result<Command> {
        let program = self.options.chatkeep.as_ref();
        let program = program.context("this section needs --chatkeep, the release build")?;
        let connector = self.export.connector("connector", target)?;
        let mut command = Command::new(program);
        command.arg("archive").arg(&connector);
        command.arg("--report").arg(work.join(REPORT));
        Ok(command)
    }

    /// The balance in `work` must close and hold everything.
    pub(crate) fn check(&self, work: &Path) -> anyhow::Result<()> {
        let balance = fs::read(work.join(REPORT))?;
        let balance: Balance = serde_json::from_slice(&balance).context("read report")?;
        let conversations = u64::from(self.corpus.conversations);
        let Balance {
            records,
            deliveries,
            status,
        } = &balance;
        let is_right = status == "succeeded"
            && (records.read, records.rendered) == (conversations, conversations)
            && deliveries.planned == self.corpus.deliveries()
            && deliveries.imported == deliveries.planned;
        anyhow::ensure!(
            is_right,
            "the balance says {status}: {} read, {} rendered, {} planned, {} imported",
            records.read,
            records.rendered,
            deliveries.planned,
            deliveries.imported
        );
        Ok(())
    }
}

/// Where ledger and staging of an archive run in `work` lie.
pub(crate) fn ledger_folder(work: &Path) -> PathBuf {
    work.join("data")
}
