//! From export files into Dovecot, beside the script a user would write.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chatkeep_testkit::{Dovecot, DovecotOptions, Fsync};

use crate::{
    archive::Archive,
    aside,
    corpus::{Corpus, export::Export},
    machine,
    measure::{self, Meter, Sample},
    options::Options,
    store,
    table::{Report, Series, times},
};

/// A corpus on disk.
struct Case {
    name: &'static str,
    corpus: Corpus,
    export: Export,
    /// Digest of the store it leads to; the same after every run.
    digest: Option<String>,
}

impl Case {
    fn new(name: &'static str, corpus: Corpus, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let export = Export::write(&corpus, folder)?;
        Ok(Self {
            name,
            corpus,
            export,
            digest: None,
        })
    }

    fn sample(&mut self, options: &Options, work: &Path, folder: &Path) -> anyhow::Result<Sample> {
        let dovecot = dovecot()?;
        let archive = Archive {
            options,
            corpus: &self.corpus,
            export: &self.export,
        };
        let sample = archive.run(&target(&dovecot, work)?, dovecot.pid(), work)?;
        let digest = store::check_conversations(&self.corpus, |mailbox| dovecot.mail(mailbox))?;
        let first = self.digest.get_or_insert_with(|| digest.clone());
        anyhow::ensure!(*first == digest, "the same input gave another store");
        aside::put_mail(dovecot, folder)?;
        Ok(sample)
    }
}

/// Measures and reports.
pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let size = options.size(20_000);
    let path = |name: &str| folder.join(name);
    let mut cases = [
        Case::new(
            "chatkeep archive, one mailbox per conversation",
            Corpus::of(size),
            &path("one"),
        )?,
        Case::new(
            "chatkeep archive, five mailboxes per conversation",
            Corpus::of(size / 5).with_five_mailboxes(),
            &path("five"),
        )?,
    ];
    let few = Case::new(
        "script: email + imaplib",
        Corpus::of(size / 10),
        &path("few"),
    )?;
    report.section(
        "End to end",
        &format!(
            "From .eml files ({} bytes on average) into an empty Dovecot as above, with the release build; start and \
             end of the program included, ledger and staging durable. The script parses the same kind of files with \
             Python's `email`, makes a message and appends it with imaplib, one by one, without a ledger; it gets {} \
             conversations. Checked: the balance, every conversation once in each of its mailboxes, and the same store \
             after every run. MB/s are of files read. Limited by: Dovecot's CPU, which shares the cores.",
            cases[0].export.bytes / u64::from(size.max(1)),
            few.corpus.conversations
        ),
    );
    let before = machine::Fsync::probe(folder)?;
    let mut all: Vec<_> = cases.iter().map(|case| Series::new(case.name)).collect();
    let mut by_script = Series::new(few.name);
    let work = folder.join("sample");
    for _ in 0..options.runs() {
        for (case, series) in cases.iter_mut().zip(&mut all) {
            fs::create_dir(&work)?;
            series.samples.push(case.sample(options, &work, folder)?);
            aside::put(&work, folder)?;
        }
        by_script.samples.push(script(options, &few, folder)?);
    }
    all.push(by_script);
    report.rates("deliveries", &all);
    let ratio = times(all[0].rate(), all[2].rate());
    report.aim(
        "one mailbox per conversation, to the script",
        &ratio,
        ">= 15x",
    );
    report.disk(before, machine::Fsync::probe(folder)?);
    Ok(())
}

fn script(options: &Options, case: &Case, folder: &Path) -> anyhow::Result<Sample> {
    let dovecot = dovecot()?;
    let mut command = Command::new("python3");
    let port = dovecot.address().port().to_string();
    command
        .arg(options.peer("archive.py"))
        .args([&port, Dovecot::PASSWORD]);
    command.arg(case.export.folder.join("exports"));
    command.arg(case.export.folder.join("directory.csv"));
    let meter = Meter::start(dovecot.pid())?;
    let ended = measure::run(&mut command, &folder.join("script.log"))?;
    let sample = meter.stop(case.corpus.deliveries(), case.export.bytes)?;
    let ended = ended.expect("archive.py", &[0])?;
    store::check_conversations(&case.corpus, |mailbox| dovecot.mail(mailbox))?;
    aside::put_mail(dovecot, folder)?;
    Ok(Sample {
        peak: ended.peak,
        ..sample
    })
}

/// An empty server that acknowledges only what is on disk.
pub(crate) fn dovecot() -> anyhow::Result<Dovecot> {
    Ok(Dovecot::start_with(&DovecotOptions {
        fsync: Fsync::Optimized,
        ..DovecotOptions::default()
    })?)
}

/// The server as chatkeep's target; its password lies in `work`.
pub(crate) fn target(dovecot: &Dovecot, work: &Path) -> anyhow::Result<String> {
    let password: PathBuf = work.join("password");
    fs::write(&password, Dovecot::PASSWORD)?;
    let (address, password) = (dovecot.address(), password.display());
    Ok(format!(
        "type = \"imap\"\nhost = \"{}\"\nport = {}\ntls = \"none\"\npassword = \"file:{password}\"",
        address.ip(),
        address.port()
    ))
}
