//! `chatkeep backfill`: days long past, archived beside the scheduled runs of a control elsewhere.

use std::{process::ExitCode, time::Duration};

use chatkeep_proto::v1::{
    BackfillRequest, BackfillState, BackfillSummary, CancelBackfillRequest, ListBackfillsRequest,
};
use chatkeep_report::day;

use super::{ask, connectors::find, midnight};
use crate::{
    cli::{Backfill, SiteOptions},
    output::Output,
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
            newest_first,
        } => {
            let order = BackfillRequest {
                connector: String::new(),
                from: midnight(*from)?,
                to: midnight(*to)?,
                slice_days: *slice,
                newest_first: *newest_first,
            };
            start(&site, &connector.connector, order, output).await?;
        }
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
    order: BackfillRequest,
    output: &Output,
) -> anyhow::Result<()> {
    let (name, backfill) = ask(site, async |system| {
        let mut control = system.control.clone();
        let found = find(&mut control, connector).await?;
        let request = BackfillRequest {
            connector: found.connector,
            ..order.clone()
        };
        let answer = control.backfill(request).await;
        let answer = answer.map_err(super::answer)?.into_inner();
        Ok((found.name, answer.backfill))
    })
    .await?;
    let which = if order.newest_first {
        "newest first"
    } else {
        "oldest first"
    };
    output.line(format_args!(
        "backfill {backfill} of connector {name} ordered: {} to {}, {} days per run, {which}",
        day(order.from),
        day(order.to),
        order.slice_days
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
        "{:>8}  {:<10}  {:<10}  {:<6}  {:>12}  {:>14}  {:>5}  {:>13}  {:>9}  state",
        "backfill",
        "from",
        "to",
        "first",
        "days per run",
        "days covered",
        "runs",
        "conversations",
        "time left"
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
    let (first, covered) = if backfill.newest_first {
        ("newest", backfill.to - backfill.covered)
    } else {
        ("oldest", backfill.covered - backfill.from)
    };
    let days = |seconds: i64| seconds / 86_400;
    let covered = format!("{} of {}", days(covered), days(backfill.to - backfill.from));
    let left = match backfill.remaining.map(u64::try_from) {
        Some(Ok(left)) => about(Duration::from_millis(left)),
        _ => "-".to_owned(),
    };
    format!(
        "{:>8}  {:<10}  {:<10}  {first:<6}  {:>12}  {covered:>14}  {:>5}  {:>13}  {left:>9}  {state}",
        backfill.backfill,
        day(backfill.from),
        day(backfill.to),
        backfill.slice_days,
        backfill.runs,
        backfill.items
    )
}

/// A time as somebody who waits wants to know it.
fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
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
