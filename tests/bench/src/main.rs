//! The benchmark harness: Chatkeep beside its yardsticks, interleaved in one run, correctness checked
//! before any rate is printed. `tests/bench/README.md` says what is measured and how to read it.

mod archive;
mod aside;
mod cluster;
mod conversion;
mod corpus;
mod end_to_end;
mod growth;
mod import;
mod ledger;
mod machine;
mod measure;
mod options;
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests of the system, which fail by panicking"
)]
#[path = "../../support/program.rs"]
mod program;
mod random;
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests of the system, which fail by panicking"
)]
#[path = "../../support/servers.rs"]
mod servers;
mod store;
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests of the system, which fail by panicking"
)]
#[path = "../../support/system.rs"]
mod system;
mod table;

use std::{
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Parser as _;

use crate::{
    options::{Options, Section},
    table::Report,
};

type Measure = fn(&Options, &Path, &mut Report) -> anyhow::Result<()>;

const SECTIONS: [(Section, Measure); 6] = [
    (Section::Conversion, conversion::run),
    (Section::Import, import::run),
    (Section::EndToEnd, end_to_end::run),
    (Section::Ledger, ledger::run),
    (Section::Growth, growth::run),
    (Section::Cluster, cluster::run),
];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    // Mail servers give up root's rights and must still get in.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let mut report = Report::default();
    head(&options, folder.path(), &mut report);
    let mut shown = show(&report, 0)?;
    let mut last: Option<PathBuf> = None;
    for (section, measure) in SECTIONS {
        if options.wants(section) {
            if let Some(last) = last.take() {
                aside::delete(&last)?;
            }
            let place = folder.path().join(format!("{section:?}"));
            fs::create_dir(&place)?;
            measure(&options, &place, &mut report)
                .with_context(|| format!("measure {section:?}"))?;
            shown = show(&report, shown)?;
            last = Some(place);
        }
    }
    if options.record {
        let file = options.project.join("docs/evidence/bench.md");
        fs::create_dir_all(options.project.join("docs/evidence"))?;
        fs::write(&file, report.text()).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

fn head(options: &Options, folder: &Path, report: &mut Report) {
    report.line("# Benchmarks\n\nWritten by `tests/bench/run.sh --record`; how to read it: `tests/bench/README.md`.\n");
    report.line("| | |\n|---|---|");
    for (key, value) in machine::identity(&options.project, folder) {
        report.line(format!("| {key} | {value} |"));
    }
    let command: Vec<_> = std::env::args().skip(1).collect();
    report.line(format!("| command | `{}` |", command.join(" ")));
    report.line(format!("| runs | {}, interleaved |", options.runs()));
}

/// Prints what is new; returns how much was printed.
fn show(report: &Report, shown: usize) -> anyhow::Result<usize> {
    let text = report.text();
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.get(shown..).unwrap_or_default().as_bytes())?;
    stdout.flush()?;
    Ok(text.len())
}
