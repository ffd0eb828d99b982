//! The import stage alone: the same messages into empty mailboxes, by us and by others.

mod ours;
mod peers;
mod raw;

use std::{
    fs,
    path::{Path, PathBuf},
};

use chatkeep_testkit::{Dovecot, DovecotOptions, Fsync};

use crate::{
    aside,
    corpus::{
        Corpus,
        rendered::{Message, maildirs, messages},
    },
    end_to_end::target,
    machine,
    measure::{Meter, Sample},
    options::Options,
    store::Expected,
    table::{Report, Series, times},
};

/// What Dovecot 2.3 says after login, MULTIAPPEND taken out.
const WITHOUT_MULTIAPPEND: &str =
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ NAMESPACE UIDPLUS CHILDREN UNSELECT";

/// Who imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Importer {
    Ours { connections: usize },
    OursWithoutMultiappend,
    OursMaildir { mailboxes: usize },
    Mbsync { processes: usize },
    DoveadmImport { processes: usize },
    Imaplib,
    Raw { threads: usize },
}

const ALL: [Importer; 12] = [
    Importer::Ours { connections: 8 },
    Importer::DoveadmImport { processes: 2 },
    Importer::Mbsync { processes: 2 },
    Importer::Raw { threads: 8 },
    Importer::Ours { connections: 2 },
    Importer::Ours { connections: 1 },
    Importer::Mbsync { processes: 1 },
    Importer::OursWithoutMultiappend,
    Importer::Imaplib,
    Importer::OursMaildir { mailboxes: 2 },
    Importer::Raw { threads: 2 },
    Importer::OursMaildir { mailboxes: 8 },
];

impl Importer {
    fn name(self) -> String {
        match self {
            Self::Ours { connections: 1 } => "chatkeep into Dovecot, 1 connection".to_owned(),
            Self::Ours { connections } => {
                format!("chatkeep into Dovecot, {connections} connections")
            }
            Self::OursWithoutMultiappend => {
                "chatkeep into Dovecot without MULTIAPPEND, 1 connection".to_owned()
            }
            Self::OursMaildir { mailboxes } => {
                format!("chatkeep into Maildir, {mailboxes} at once")
            }
            Self::Mbsync { processes: 1 } => "mbsync into Dovecot, 1 process".to_owned(),
            Self::Mbsync { processes } => format!("mbsync into Dovecot, {processes} processes"),
            Self::DoveadmImport { processes } => format!("doveadm import, {processes} at a time"),
            Self::Imaplib => "imaplib script into Dovecot, 1 connection".to_owned(),
            Self::Raw { threads } => {
                format!("raw Maildir, write 50, fsync 50, rename 50, {threads} threads")
            }
        }
    }
}

/// What every importer gets.
struct Input<'a> {
    options: &'a Options,
    messages: Vec<Message>,
    bytes: u64,
    expected: Expected,
    /// The messages as Maildirs.
    tree: PathBuf,
    /// The section's own.
    folder: &'a Path,
    /// For what one sample needs; put aside after it.
    work: PathBuf,
}

/// Measures and reports.
pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let corpus = Corpus::of(options.size(20_000));
    let messages = messages(&corpus)?;
    let tree = folder.join("tree");
    maildirs(&messages, &tree)?;
    let bytes = messages
        .iter()
        .map(|message| message.bytes.len() as u64)
        .sum();
    let input = Input {
        options,
        expected: Expected::of(&messages),
        bytes,
        tree,
        folder,
        work: folder.join("sample"),
        messages,
    };
    report.section(
        "Import",
        &format!(
            "{} messages of {} bytes on average into {} empty mailboxes of a private Dovecot (Maildir, \
             `mail_fsync=optimized`: what is acknowledged is on disk), or into Maildirs written with the same \
             durability. After every import the store is read from disk: every message there once, every byte the same \
             (mbsync's own X-TUID header left out). chatkeep: its import target over staged parts, each read by range \
             and checked by hash. Limited by: Dovecot's CPU per message, then fsync.",
            corpus.deliveries(),
            bytes / corpus.deliveries().max(1),
            corpus.mailboxes
        ),
    );
    let before = machine::Fsync::probe(folder)?;
    let staged = ours::Staged::new(&input.messages, &folder.join("staging"))?;
    let mut all: Vec<_> = ALL
        .iter()
        .map(|importer| Series::new(importer.name()))
        .collect();
    for _ in 0..options.runs() {
        for (importer, series) in ALL.iter().zip(&mut all) {
            fs::create_dir(&input.work)?;
            series.samples.push(input.sample(*importer, &staged)?);
            aside::put(&input.work, folder)?;
        }
    }
    report.rates("deliveries", &all);
    aims(&all, report);
    report.disk(before, machine::Fsync::probe(folder)?);
    Ok(())
}

fn aims(all: &[Series], report: &mut Report) {
    let rate = |wanted: Importer| {
        let found = ALL
            .iter()
            .zip(all)
            .find(|(importer, _)| **importer == wanted);
        found.map_or(0.0, |(_, series)| series.rate())
    };
    let ours = rate(Importer::Ours { connections: 8 });
    let mbsync = |processes| rate(Importer::Mbsync { processes });
    let best_mbsync = mbsync(1).max(mbsync(2));
    report.aim(
        "8 connections to the best mbsync",
        &times(ours, best_mbsync),
        ">= 2x",
    );
    let doveadm = rate(Importer::DoveadmImport { processes: 2 });
    report.aim(
        "8 connections to doveadm import, two at a time",
        &times(ours, doveadm),
        ">= 1x",
    );
    let floor = rate(Importer::Raw { threads: 8 });
    report.aim(
        "8 connections to the durable raw floor",
        &times(ours, floor),
        ">= 0.7x",
    );
    let plain = rate(Importer::OursWithoutMultiappend);
    report.aim(
        "1 connection without MULTIAPPEND to mbsync on one",
        &times(plain, mbsync(1)),
        ">= 1x",
    );
    for threads in [2, 8] {
        let maildir = rate(Importer::OursMaildir { mailboxes: threads });
        let raw = rate(Importer::Raw { threads });
        report.aim(
            &format!("own Maildir target to the raw writer, {threads} at once"),
            &times(maildir, raw),
            ">= 0.7x",
        );
    }
}

impl Input<'_> {
    /// Imports once and checks what stands.
    fn sample(&self, importer: Importer, staged: &ours::Staged) -> anyhow::Result<Sample> {
        let maildirs = self.work.join("mailboxes");
        match importer {
            Importer::Raw { threads } => {
                let mailboxes = raw::prepare(&self.messages, &maildirs)?;
                let meter = Meter::start(None)?;
                raw::write(&mailboxes, threads)?;
                self.checked(meter, |mailbox| maildirs.join(mailbox))
            }
            Importer::OursMaildir { mailboxes } => {
                let target = format!("type = \"maildir\"\npath = \"{}\"", maildirs.display());
                let meter = Meter::start(None)?;
                staged.import(&target, mailboxes)?;
                self.checked(meter, |mailbox| maildirs.join(mailbox))
            }
            _ => self.to_dovecot(importer, staged),
        }
    }

    fn to_dovecot(&self, importer: Importer, staged: &ours::Staged) -> anyhow::Result<Sample> {
        let capabilities =
            (importer == Importer::OursWithoutMultiappend).then_some(WITHOUT_MULTIAPPEND);
        let dovecot = Dovecot::start_with(&DovecotOptions {
            fsync: Fsync::Optimized,
            capabilities,
            ..DovecotOptions::default()
        })?;
        let peers = peers::Peers::new(&dovecot, &self.work);
        let prepared = match importer {
            Importer::Mbsync { processes } => peers.mbsync(&self.tree, processes)?,
            Importer::DoveadmImport { processes } => peers.doveadm_import(&self.tree, processes)?,
            Importer::Imaplib => vec![peers.imaplib(&self.options.peer("append.py"), &self.tree)],
            _ => Vec::new(),
        };
        let target = target(&dovecot, &self.work)?;
        let meter = Meter::start(dovecot.pid())?;
        match importer {
            Importer::Ours { connections } => staged.import(&target, connections)?,
            Importer::OursWithoutMultiappend => staged.import(&target, 1)?,
            _ => peers::run(prepared, &self.work)?,
        }
        let sample = self.checked(meter, |mailbox| dovecot.mail(mailbox))?;
        aside::put_mail(dovecot, self.folder)?;
        Ok(sample)
    }

    fn checked(&self, meter: Meter, mail: impl Fn(&str) -> PathBuf) -> anyhow::Result<Sample> {
        let sample = meter.stop(self.messages.len() as u64, self.bytes)?;
        self.expected.check(mail)?;
        Ok(sample)
    }
}
