//! `chatkeep runs`, `balance`, `follow`, `failed`, `retry`, `cancel` and `deliver-held`.

use std::process::ExitCode;

use chatkeep_proto::v1::{
    CancelRunRequest, DataLossHorizon, DeliverHeldRequest, ListRunsRequest, ReportRequest,
    ReportResponse, RetryRequest, RunState,
};
use chatkeep_report::{finding_line, mailings, number, status, time};
use data_encoding::HEXLOWER;

use super::{archive, ask, connectors::find, drive};
use crate::{cli::Reported, output::Output, place::Place, system::System};

/// Runs listed at most.
const LIMIT: u32 = 1_000;

/// Lists the runs of a connector.
pub(crate) async fn list(place: &Place, output: &Output) -> anyhow::Result<ExitCode> {
    let id = place.connector.id();
    let request = ListRunsRequest {
        connector: id.clone(),
        limit: LIMIT,
        ..ListRunsRequest::default()
    };
    let (runs, horizons) = ask(&place.site, async |system| {
        let mut control = system.control.clone();
        let answer = control.list_runs(request).await;
        let runs = answer.map_err(super::answer)?.into_inner().runs;
        let horizons = find(&mut control, &id).await?.horizons;
        Ok((runs, horizons))
    })
    .await?;
    output.line(format_args!(
        "{:>5}  {:<20}  {:<10}  {:>10}  {:>10}  {:>8}  {:>8}  status",
        "run", "opened (UTC)", "kind", "records", "imported", "failed", "held"
    ));
    for run in &runs {
        output.line(line(run));
    }
    for horizon in &horizons {
        output.note(safe_until(horizon));
    }
    Ok(ExitCode::SUCCESS)
}

fn safe_until(horizon: &DataLossHorizon) -> String {
    match horizon.purged {
        Some(purged) => format!(
            "{}: what was not read yet is purged from {} (UTC) on",
            horizon.database,
            time(purged)
        ),
        None => format!("{}: nothing was read yet", horizon.database),
    }
}

fn line(run: &ReportResponse) -> String {
    let opened = time(run.opened);
    let records = run.records.unwrap_or_default();
    let deliveries = run.deliveries.unwrap_or_default();
    let findings = match run.findings {
        0 => String::new(),
        1 => ", 1 finding".to_owned(),
        many => format!(", {} findings", number(many)),
    };
    let report = mailings(&run.mailings);
    let report = report.map_or_else(String::new, |words| format!(", report {words}"));
    format!(
        "{:>5}  {opened:<20}  {:<10}  {:>10}  {:>10}  {:>8}  {:>8}  {}{findings}{report}",
        run.number,
        run.kind,
        number(records.read),
        number(deliveries.imported),
        number(deliveries.failed),
        number(deliveries.held),
        status(run.state(), &run.reason)
    )
}

/// Shows a run's balance as it stands.
pub(crate) async fn balance(
    place: &Place,
    args: &Reported,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let connector = place.connector.id();
    let number = args.run.run;
    let (report, all) = ask(&place.site, async |system| {
        drive::balance(system, &connector, number).await
    })
    .await?;
    archive::show(&report, &all, place, args.report.as_deref(), output)?;
    Ok(match report.state() {
        RunState::Succeeded => ExitCode::SUCCESS,
        RunState::SucceededWithExceptions => ExitCode::from(2),
        _ => ExitCode::from(1),
    })
}

/// Watches a run until it ends.
pub(crate) async fn follow(
    place: &Place,
    args: &Reported,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !place.site.is_here(),
        "without --control or --server nothing goes on behind a command: `chatkeep archive` resumes a run"
    );
    let number = args.run.run;
    let system = System::control(&place.site).await?;
    let result = async {
        let request = ReportRequest {
            connector: place.connector.id(),
            number,
            brief: true,
        };
        let report = system.ask(async |mut control| control.report(request.clone()).await);
        let run = report.await.map_err(super::answer)?.into_inner().run;
        archive::follow(&system, place, run, number, output).await
    }
    .await;
    system.stop().await;
    archive::finish(&result?, place, args.report.as_deref(), output)
}

/// Lists all that a run could not read or deliver, and what somebody should know beside that.
pub(crate) async fn failed(place: &Place, run: i64, output: &Output) -> anyhow::Result<ExitCode> {
    let connector = place.connector.id();
    let (_, all) = ask(&place.site, async |system| {
        drive::balance(system, &connector, run).await
    })
    .await?;
    for finding in &all.findings {
        output.line(format_args!("finding\t{}", finding_line(finding)));
    }
    for entry in &all.quarantined {
        let original = entry.original.as_ref().map_or("", |blob| &blob.key);
        output.line(format_args!(
            "quarantined\t{}\t{}\t{original}",
            entry.source, entry.reason
        ));
    }
    for delivery in &all.failed {
        let word = if delivery.partial {
            "partially imported"
        } else {
            "failed"
        };
        output.line(format_args!(
            "{word}\t{}\t{}\t{}\t{}",
            HEXLOWER.encode(&delivery.item),
            delivery.source_user,
            delivery.mailbox,
            delivery.reason
        ));
    }
    for user in &all.held {
        let why = if user.conflict {
            "two users have the address"
        } else {
            "no mailbox known"
        };
        output.line(format_args!(
            "held\t{}\t{} items\t{why}",
            user.source_user, user.items
        ));
    }
    for user in &all.external {
        output.line(format_args!(
            "external\t{}\t{} items",
            user.source_user, user.items
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Tries a run's failed deliveries and conversations again.
pub(crate) async fn retry(place: &Place, run: i64, output: &Output) -> anyhow::Result<ExitCode> {
    let system = System::all(&place.site).await?;
    let request = RetryRequest {
        connector: place.connector.id(),
        number: run,
    };
    let result = async {
        let answer = system.control.clone().retry(request).await;
        let answer = answer.map_err(super::answer)?.into_inner();
        if answer.deliveries == 0 && answer.conversations == 0 {
            return Ok(None);
        }
        output.note(format_args!(
            "trying {} deliveries and {} conversations again",
            number(answer.deliveries),
            number(answer.conversations)
        ));
        archive::follow(&system, place, answer.run, run, output)
            .await
            .map(Some)
    }
    .await;
    system.stop().await;
    if let Some(closed) = result? {
        return archive::finish(&closed, place, None, output);
    }
    output.line(format_args!("run {run} has nothing to try again"));
    Ok(ExitCode::SUCCESS)
}

/// Ends a run early, and waits until what it captured is archived.
pub(crate) async fn cancel(place: &Place, run: i64, output: &Output) -> anyhow::Result<ExitCode> {
    let system = System::all(&place.site).await?;
    let request = CancelRunRequest {
        connector: place.connector.id(),
        number: run,
    };
    let result = async {
        let answer = system.control.clone().cancel_run(request).await;
        let answer = answer.map_err(super::answer)?.into_inner();
        output.note(format_args!(
            "run {run} captures nothing more; what it captured is archived"
        ));
        archive::follow(&system, place, answer.run, run, output).await
    }
    .await;
    system.stop().await;
    let closed = result?;
    let code = archive::finish(&closed, place, None, output)?;
    Ok(if closed.is_cancelled() {
        ExitCode::SUCCESS
    } else {
        code
    })
}

/// Delivers what was held, as far as its mailboxes are known now.
pub(crate) async fn deliver_held(place: &Place, output: &Output) -> anyhow::Result<ExitCode> {
    let system = System::all(&place.site).await?;
    let result = async {
        let request = DeliverHeldRequest {
            connector_file: place.connector.to_toml()?,
            max_part_bytes: place.connector.target.max_item(),
        };
        let opened = system.control.clone().deliver_held(request).await;
        let opened = opened.map_err(super::answer)?.into_inner();
        archive::follow(&system, place, opened.run, opened.number, output).await
    }
    .await;
    system.stop().await;
    archive::finish(&result?, place, None, output)
}
