//! `chatkeep backfill`: days long past, archived beside the scheduled runs of a control elsewhere.

use std::process::ExitCode;

use chatkeep_proto::v1::{
    BackfillRequest, BackfillState, BackfillSummary, CancelBackfillRequest, ListBackfillsRequest,
};
use jiff::civil::Date;

use super::{ask, connectors::find, midnight};
use crate::{
    cli::{Backfill, SiteOptions},
    output::{Output, day},
    system::Site,
};

/// Runs the command that was asked for.
pub(crate) async fn run(
    command: &Backfill,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let site = Site::elsewhere(options)?;
    match command {
        Backfill::Start {
            connector,
            from,
            to,
            slice,
        } => start(&site, &connector.connector, (*from, *to), *slice, output).await?,
        Backfill::List(named) => list(&site, &named.connector, output).await?,
        Backfill::Cancel {
            connector,
            backfill,
        } => cancel(&site, &connector.connector, *backfill, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn start(
    site: &Site,
    connector: &str,
    (from, to): (Date, Date),
    slice_days: u32,
    output: &Output,
) -> anyhow::Result<()> {
    let (name, backfill) = ask(site, async |system| {
        let mut control = system.control.clone();
        let found = find(&mut control, connector).await?;
        let request = BackfillRequest {
            connector: found.connector,
            from: midnight(from)?,
            to: midnight(to)?,
            slice_days,
        };
        let answer = control.backfill(request).await;
        let answer = answer.map_err(super::answer)?.into_inner();
        Ok((found.name, answer.backfill))
    })
    .await?;
    output.line(format_args!(
        "backfill {backfill} of connector {name} ordered: {from} to {to}, {slice_days} days per run"
    ));
    Ok(())
}

async fn list(site: &Site, connector: &str, output: &Output) -> anyhow::Result<()> {
    let backfills = ask(site, async |system| {
        let mut control = system.control.clone();
        let connector = find(&mut control, connector).await?.connector;
        let answer = control.list_backfills(ListBackfillsRequest { connector });
        Ok(answer.await.map_err(super::answer)?.into_inner().backfills)
    })
    .await?;
    output.line(format_args!(
        "{:>8}  {:<10}  {:<10}  {:>12}  {:<13}  state",
        "backfill", "from", "to", "days per run", "covered until"
    ));
    for backfill in &backfills {
        output.line(line(backfill));
    }
    Ok(())
}

fn line(backfill: &BackfillSummary) -> String {
    let state = match backfill.state() {
        BackfillState::Unspecified => "unknown",
        BackfillState::Open => "open",
        BackfillState::Finished => "finished",
        BackfillState::Cancelled => "cancelled",
        BackfillState::Failed => "failed: one of its runs is unreconciled",
    };
    format!(
        "{:>8}  {:<10}  {:<10}  {:>12}  {:<13}  {state}",
        backfill.backfill,
        day(backfill.from),
        day(backfill.to),
        backfill.slice_days,
        day(backfill.covered)
    )
}

async fn cancel(
    site: &Site,
    connector: &str,
    backfill: i64,
    output: &Output,
) -> anyhow::Result<()> {
    let name = ask(site, async |system| {
        let mut control = system.control.clone();
        let found = find(&mut control, connector).await?;
        let request = CancelBackfillRequest {
            connector: found.connector,
            backfill,
        };
        let answer = control.cancel_backfill(request).await;
        answer.map_err(super::answer)?;
        Ok(found.name)
    })
    .await?;
    output.line(format_args!(
        "backfill {backfill} of connector {name} cancelled"
    ));
    Ok(())
}
