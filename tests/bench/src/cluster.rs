//! The distributed form: five programs on RabbitMQ, PostgreSQL and Azurite, with 1, 2 and 4 processes of
//! each stage.

mod counters;
mod sample;

use std::{fmt::Write as _, fs, path::Path};

use chatkeep_testkit::{Azurite, Postgres};

use self::{
    counters::Counters,
    sample::{Costs, PAYERS},
};
use crate::{
    archive::Archive,
    aside,
    corpus::{Corpus, export::Export},
    machine,
    options::Options,
    servers::Servers,
    table::{Report, Spread, times},
};

/// Processes of each stage.
const WORKERS: [usize; 3] = [1, 2, 4];

/// A run of this section takes minutes: not more often than this.
const MOST_RUNS: usize = 3;

/// Where to archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Discard,
    Dovecot,
    /// A Dovecot that takes 20 ms for each message, by two connections of each process.
    SlowDovecot,
}

impl Target {
    const ALL: [Self; 3] = [Self::Discard, Self::Dovecot, Self::SlowDovecot];

    fn name(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Dovecot => "Dovecot",
            Self::SlowDovecot => "Dovecot, 20 ms a message",
        }
    }

    /// Which part of the corpus goes there: slow samples need not be long ones.
    fn share(self) -> u32 {
        match self {
            Self::Discard | Self::Dovecot => 1,
            Self::SlowDovecot => 4,
        }
    }
}

/// All measurements with one target and so many processes of each stage.
struct Row {
    target: Target,
    workers: usize,
    samples: Vec<Costs>,
}

impl Row {
    fn spread(&self, value: impl Fn(&Costs) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(value))
    }

    fn median(&self, value: impl Fn(&Costs) -> f64) -> f64 {
        self.spread(value).median
    }

    fn rate(&self) -> f64 {
        self.median(Costs::rate)
    }
}

/// What a target gets.
struct Case {
    corpus: Corpus,
    export: Export,
}

/// Measures and reports.
pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let size = options.size(20_000);
    section(size, report);
    let before = machine::Fsync::probe(folder)?;
    let mut cases = Vec::new();
    for target in Target::ALL {
        let home = folder.join(format!("{target:?}"));
        fs::create_dir(&home)?;
        let corpus = Corpus::of(size / target.share());
        let export = Export::write(&corpus, &home)?;
        cases.push(Case { corpus, export });
    }
    let mut rows: Vec<_> = Target::ALL.into_iter().flat_map(rows_of).collect();
    for _ in 0..options.runs().min(MOST_RUNS) {
        let servers = Servers::start(Azurite::start, || Postgres::start_with(&Counters::SETTINGS));
        Counters::prepare(&servers)?;
        for row in &mut rows {
            let case = &cases[row.target as usize];
            let archive = Archive {
                options,
                corpus: &case.corpus,
                export: &case.export,
            };
            let work = folder.join("sample");
            fs::create_dir(&work)?;
            let place = (work.as_path(), folder);
            let costs = sample::run(&archive, &servers, (row.target, row.workers), place);
            row.samples.push(costs?);
            aside::put(&work, folder)?;
        }
        drop(servers);
        // Gigabytes a run.
        aside::delete(&aside::all(folder))?;
    }
    rates(&rows, report);
    cpu(&rows, report);
    queue_and_ledger(&rows, report);
    aims(&rows, report);
    report.disk(before, machine::Fsync::probe(folder)?);
    Ok(())
}

fn rows_of(target: Target) -> impl Iterator<Item = Row> {
    WORKERS.into_iter().map(move |workers| Row {
        target,
        workers,
        samples: Vec::new(),
    })
}

fn section(size: u32, report: &mut Report) {
    report.section(
        "Cluster",
        &format!(
            "`chatkeep archive --control` of {size} conversations, one mailbox each ({} for the slow server), by one \
             control and 1, 2 and 4 processes of each stage with the settings they come with; queue in RabbitMQ, ledger \
             in PostgreSQL, staging in Azurite, all on loopback without TLS, at most 3 runs. Work messages and ledger are \
             durable, Azurite's blobs are not. Checked after every run: the balance, and every conversation once in its \
             mailbox. The slow server is a Dovecot that is kept from each message for 20 ms; each process has two \
             connections to it, so that the target allows 100 deliveries/s of each. No statement is one per item: a task's \
             100 conversations or 50 deliveries are written by one statement per table, the rest are the director's looks \
             at its runs, which follow changes and time, not items. Limited by: without the slow server, \
             by this machine's cores, which five programs, three servers and the target share: more processes cannot do \
             more. With it, by the target, as long as cores are left.",
            size / Target::SlowDovecot.share()
        ),
    );
}

fn rates(rows: &[Row], report: &mut Report) {
    report.line(
        "| target | processes of each stage | deliveries/s, median (min - max) | to one process | cores busy | others' cores |",
    );
    report.line("|---|---|---|---|---|---|");
    let mut of_one = 0.0;
    for row in rows {
        if row.workers == 1 {
            of_one = row.rate();
        }
        let rate = row.spread(Costs::rate);
        report.line(format!(
            "| {} | {} | **{:.0}** ({:.0} - {:.0}) | {} | {:.2} | {:.2} |",
            row.target.name(),
            row.workers,
            rate.median,
            rate.min,
            rate.max,
            times(rate.median, of_one),
            row.median(Costs::cores),
            row.median(|costs| costs.foreign),
        ));
    }
    report.line("");
}

fn cpu(rows: &[Row], report: &mut Report) {
    report.line(format!(
        "| CPU us per delivery: target | processes | {} |",
        PAYERS.join(" | ")
    ));
    report.line(format!("|---|---|{}", "---|".repeat(PAYERS.len())));
    for row in rows {
        let mut line = format!("| {} | {} |", row.target.name(), row.workers);
        for at in 0..PAYERS.len() {
            let micros = row.median(|costs| costs.micros(at));
            // Writing into a string cannot fail.
            let _written = write!(line, " {micros:.0} |");
        }
        report.line(line);
    }
    report.line("");
}

fn queue_and_ledger(rows: &[Row], report: &mut Report) {
    report.line(
        "| per 1,000 deliveries: target | processes | AMQP messages | gRPC calls of the ledger | SQL statements | of them write | commits |",
    );
    report.line("|---|---|---|---|---|---|---|");
    for row in rows {
        let of = |count: fn(&Counters) -> f64| {
            row.median(|costs| costs.per_delivery(count(&costs.counters)) * 1_000.0)
        };
        report.line(format!(
            "| {} | {} | **{:.1}** | {:.1} | {:.1} | {:.1} | {:.1} |",
            row.target.name(),
            row.workers,
            of(|counters| counters.messages),
            of(|counters| counters.calls),
            of(|counters| counters.statements),
            of(|counters| counters.writes),
            of(|counters| counters.commits),
        ));
    }
    report.line("");
}

fn aims(rows: &[Row], report: &mut Report) {
    let worst = |value: &dyn Fn(&Costs) -> f64| {
        let medians = rows.iter().map(|row| row.median(value));
        medians.fold(0.0, f64::max)
    };
    let per_thousand = |count: fn(&Counters) -> f64| {
        worst(&|costs: &Costs| costs.per_delivery(count(&costs.counters)) * 1_000.0)
    };
    report.aim(
        "AMQP messages per 1,000 deliveries, at most",
        &format!("{:.1}", per_thousand(|counters| counters.messages)),
        "<= 100",
    );
    report.aim(
        "ledger calls per 1,000 deliveries, at most",
        &format!("{:.1}", per_thousand(|counters| counters.calls)),
        "<= 200",
    );
    report.aim(
        "commits per 1,000 deliveries, at most",
        &format!("{:.1}", per_thousand(|counters| counters.commits)),
        "<= 200",
    );
    let slow = |workers| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.target == Target::SlowDovecot && row.workers == workers);
        row.map_or(0.0, Row::rate)
    };
    for (workers, aim) in [(2, ">= 1.6x"), (4, ">= 3.2x")] {
        report.aim(
            &format!("slow server: {workers} processes of each stage to one"),
            &times(slow(workers), slow(1)),
            aim,
        );
    }
}
