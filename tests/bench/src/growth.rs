//! Ten times as many conversations: the same rate, the same memory.

use std::{fs, path::Path};

use crate::{
    archive::Archive,
    aside,
    corpus::{Corpus, export::Export},
    machine,
    measure::Sample,
    options::Options,
    store,
    table::{Report, Series, times},
};

/// Ten times the work takes ten times as long: not more often than this.
const MOST_RUNS: usize = 3;

/// Measures and reports.
pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let small = options.size(20_000);
    report.section(
        "Growth",
        "The same program over ten times as many conversations, 100 per mailbox in both cases, into a target that \
         discards and into Maildir; at most 3 runs. Maildir stores are read and checked like those above.",
    );
    let before = machine::Fsync::probe(folder)?;
    let mut all = Vec::new();
    for size in [small, small * 10] {
        for target in ["discard", "maildir"] {
            all.push(Series::new(format!("{size} conversations into {target}")));
        }
    }
    let corpora = [small, small * 10].map(Corpus::of);
    let mut exports = Vec::new();
    for corpus in &corpora {
        let home = folder.join(format!("growth{}", corpus.conversations));
        fs::create_dir(&home)?;
        exports.push(Export::write(corpus, &home)?);
    }
    for _ in 0..options.runs().min(MOST_RUNS) {
        for (number, (corpus, export)) in corpora.iter().zip(&exports).enumerate() {
            let archive = Archive {
                options,
                corpus,
                export,
            };
            all[number * 2].samples.push(discard(&archive, folder)?);
            all[number * 2 + 1].samples.push(maildir(&archive, folder)?);
        }
        // Ten gigabytes a run.
        aside::delete(&aside::all(folder))?;
    }
    if options.million {
        all.push(million(options, folder)?);
    }
    report.rates("deliveries", &all);
    for (at, target) in ["discard", "Maildir"].iter().enumerate() {
        let (few, many) = (&all[at], &all[at + 2]);
        let (rate, peak) = (
            times(many.rate(), few.rate()),
            times(many.peak(), few.peak()),
        );
        report.aim(
            &format!("{target}: rate of ten times as many"),
            &rate,
            "0.9x - 1.1x",
        );
        let megabytes = many.peak() / 1e6;
        report.aim(
            &format!("{target}: peak memory of ten times as many"),
            &format!("{peak}, {megabytes:.0} MB"),
            "<= 1.1x, < 128 MB",
        );
    }
    report.disk(before, machine::Fsync::probe(folder)?);
    Ok(())
}

fn discard(archive: &Archive<'_>, folder: &Path) -> anyhow::Result<Sample> {
    let work = &folder.join("sample");
    fs::create_dir(work)?;
    let sample = archive.run("type = \"discard\"", None, work)?;
    aside::put(work, folder)?;
    Ok(sample)
}

fn maildir(archive: &Archive<'_>, folder: &Path) -> anyhow::Result<Sample> {
    let work = &folder.join("sample");
    fs::create_dir(work)?;
    let mailboxes = work.join("mailboxes");
    let target = format!("type = \"maildir\"\npath = \"{}\"", mailboxes.display());
    let sample = archive.run(&target, None, work)?;
    store::check_conversations(archive.corpus, |mailbox| mailboxes.join(mailbox))?;
    aside::put(work, folder)?;
    Ok(sample)
}

fn million(options: &Options, folder: &Path) -> anyhow::Result<Series> {
    let corpus = Corpus::of(options.size(1_000_000));
    let home = folder.join("million");
    fs::create_dir(&home)?;
    let export = Export::write(&corpus, &home)?;
    let archive = Archive {
        options,
        corpus: &corpus,
        export: &export,
    };
    let mut series = Series::new(format!(
        "{} conversations into discard",
        corpus.conversations
    ));
    series.samples.push(discard(&archive, folder)?);
    Ok(series)
}
