use std::{fs, path::Path, process::ExitCode};

use anyhow::Context as _;
use chatkeep_model::connector::{Size, Target};
use chatkeep_proto::v1::{OpenRunRequest, ReportResponse, RunState};
use chatkeep_report::status;
use jiff::civil::Date;

use super::{check, drive, midnight};
use crate::{
    cli::{Archive, SiteOptions},
    lent::Lent,
    output::Output,
    place::Place,
    report::{self, Exceptions, Report},
    system::{Site, System},
};

/// `chatkeep archive`.
pub(crate) async fn run(
    args: &Archive,
    site: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let mut place = Place::read(&args.file, site)?;
    if !args.dry_run {
        return archive(args, &place, None, output).await;
    }
    anyhow::ensure!(
        place.site.is_here(),
        "a dry run happens in this process: call it without --control and --server"
    );
    place.connector.target = Target::Discard {
        max_item: Size(place.connector.target.max_item()),
    };
    // From the ledger that is there, before the place becomes one that is thrown away.
    let lent = Lent::of(&place).await?;
    let folder = tempfile::tempdir().context("make a folder for the dry run")?;
    place.site = Site::Here(folder.path().to_owned());
    let code = archive(args, &place, Some(&lent), output).await?;
    output.line("\nDry run: as if nothing had been archived before; no mailbox was touched.");
    Ok(code)
}

/// Archives; as a trial with the secrets that were `lent` for it.
async fn archive(
    args: &Archive,
    place: &Place,
    lent: Option<&Lent>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let max_part_bytes = match (&place.site, lent) {
        (Site::Here(_), Some(lent)) => check::before_archiving(&lent.connector).await?,
        (Site::Here(_), None) => check::before_archiving(&Lent::of(place).await?.connector).await?,
        // Sources, directory and target are where the services are, and so are the target's secrets.
        (Site::There(_), _) => place.connector.target.max_item(),
        (Site::Behind(_), _) => anyhow::bail!(
            "a server archives connectors that are stored there: `chatkeep connectors put {}`, then \
             `chatkeep connectors run`",
            args.file.display()
        ),
    };
    let system = match lent {
        Some(lent) => {
            let system = System::trial(&place.site).await?;
            lent.store(&system).await?;
            system
        }
        None => System::all(&place.site).await?,
    };
    let window = (args.from, args.to);
    let report_file = args.report.as_deref();
    open(system, place, (window, max_part_bytes), report_file, output).await
}

/// Opens a run over a range of days, or all, watches it until it ends, and shows its balance.
pub(super) async fn open(
    system: System,
    place: &Place,
    ((from, to), max_part_bytes): ((Option<Date>, Option<Date>), u64),
    report_file: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let request = OpenRunRequest {
        connector_file: place.connector.to_toml()?,
        from: from.map(midnight).transpose()?,
        to: to.map(midnight).transpose()?,
        scheduled: false,
        max_part_bytes,
    };
    let result = drive_to_end(&system, place, request, output).await;
    system.stop().await;
    let closed = result?;
    finish(&closed, place, report_file, output)
}

/// How a run ended.
pub(super) struct Closed {
    state: RunState,
    reason: String,
    report: ReportResponse,
    exceptions: Exceptions,
}

impl Closed {
    pub(super) fn is_cancelled(&self) -> bool {
        self.state == RunState::Cancelled
    }
}

async fn drive_to_end(
    system: &System,
    place: &Place,
    request: OpenRunRequest,
    output: &Output,
) -> anyhow::Result<Closed> {
    let opened = system.ask(async |mut control| control.open_run(request.clone()).await);
    let opened = opened.await.map_err(super::answer);
    let opened = opened.with_context(|| format!("open a run in {}", place.site))?;
    let opened = opened.into_inner();
    if opened.resumed {
        output.note(format_args!("resuming run {}", opened.number));
    }
    follow(system, place, opened.run, opened.number, output).await
}

/// Watches an opened run and fetches its balance.
pub(super) async fn follow(
    system: &System,
    place: &Place,
    run: i64,
    number: i64,
    output: &Output,
) -> anyhow::Result<Closed> {
    let (state, reason) = drive::watch(system, run, output).await?;
    // A run that found nothing new left no trace: what is shown is the balance before it.
    let number = if state == RunState::NothingNew {
        0
    } else {
        number
    };
    let (report, exceptions) = drive::balance(system, &place.connector.id(), number).await?;
    Ok(Closed {
        state,
        reason,
        report,
        exceptions,
    })
}

/// Prints the balance, writes the report file, and says how the run ended.
pub(super) fn finish(
    closed: &Closed,
    place: &Place,
    report_file: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let Closed {
        state,
        reason,
        report,
        exceptions,
    } = closed;
    let nothing_new = *state == RunState::NothingNew;
    report::print(output, &place.connector.name, report, exceptions);
    if nothing_new {
        output.line("\nimported 0: nothing new");
    }
    if let Some(file) = report_file {
        let kind = if nothing_new { "none" } else { &report.kind };
        write_report(file, &Report::of(kind, report, exceptions))?;
    }
    Ok(match state {
        RunState::NothingNew | RunState::Succeeded if report.state() == RunState::Succeeded => {
            ExitCode::SUCCESS
        }
        RunState::NothingNew | RunState::Succeeded | RunState::SucceededWithExceptions => {
            ExitCode::from(2)
        }
        RunState::Paused => {
            output.note(format_args!(
                "error: paused: {reason}; put that right, then call the command again"
            ));
            ExitCode::from(1)
        }
        RunState::Cancelled => {
            output.note("cancelled: what it did not capture is the next run's");
            ExitCode::from(1)
        }
        _ => {
            output.note(format_args!(
                "error: {}; call the command again to resume",
                status(*state, reason)
            ));
            ExitCode::from(1)
        }
    })
}

/// Prints a balance, and writes the report file.
pub(super) fn show(
    report: &ReportResponse,
    exceptions: &Exceptions,
    place: &Place,
    report_file: Option<&Path>,
    output: &Output,
) -> anyhow::Result<()> {
    report::print(output, &place.connector.name, report, exceptions);
    match report_file {
        Some(file) => write_report(file, &Report::of(&report.kind, report, exceptions)),
        None => Ok(()),
    }
}

fn write_report(file: &Path, report: &Report<'_>) -> anyhow::Result<()> {
    let json = serde_json::to_vec_pretty(report).context("write report")?;
    fs::write(file, json).with_context(|| format!("write report {}", file.display()))
}
