//! `chatkeep connectors`: what a control elsewhere archives by itself.

use std::{fs, process::ExitCode};

use anyhow::Context as _;
use chatkeep_proto::v1::{
    ConnectorState, ConnectorSummary, DeleteConnectorRequest, ListConnectorsRequest,
    PauseConnectorRequest, PutConnectorRequest, ResumeConnectorRequest,
};
use chatkeep_report::{number, status, time};

use super::{archive, ask};
use crate::{
    cli::{Connectors, SiteOptions},
    output::Output,
    place::Place,
    system::{ControlClient, Site, System},
};

/// Runs the command that was asked for.
pub(crate) async fn run(
    command: &Connectors,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    if let Connectors::Map { connector, .. } = command
        && options.server.is_none()
    {
        anyhow::bail!(
            "only a console keeps mappings: name it with --server; elsewhere the mapping is the file that \
             `chatkeep connectors show {}` tells as mapping.custom, and is changed there",
            connector.connector
        );
    }
    let site = Site::elsewhere(options)?;
    match command {
        Connectors::List => print_all(&site, output).await?,
        Connectors::Put {
            file,
            manual,
            why,
            if_version,
        } => {
            let place = Place::read(file, options)?;
            put(&place, (!manual, &why.reason), *if_version, output).await?;
        }
        Connectors::Show(named) => show(&site, &named.connector, output).await?,
        Connectors::Run {
            connector,
            from,
            to,
            report,
        } => {
            let place = Place::stored(site, &connector.connector).await?;
            let limit = place.connector.target.max_item();
            let run = ((*from, *to), limit);
            let system = System::all(&place.site).await?;
            return archive::open(system, &place, run, report.as_deref(), output).await;
        }
        Connectors::Clone {
            connector,
            name,
            why,
        } => copy(site, &connector.connector, (name, &why.reason), output).await?,
        Connectors::Map {
            connector,
            file,
            if_version,
            why,
        } => {
            let csv = fs::read_to_string(file);
            let csv = csv.with_context(|| format!("read {}; it must be UTF-8", file.display()))?;
            let mapping = (csv, *if_version, why.reason.as_str());
            map(&site, &connector.connector, mapping, output).await?;
        }
        Connectors::Delete {
            connector,
            if_version,
            why,
        } => {
            delete(
                &site,
                &connector.connector,
                (*if_version, &why.reason),
                output,
            )
            .await?;
        }
        Connectors::Pause(named) => pause(&site, &named.connector, output).await?,
        Connectors::Resume(named) => resume(&site, &named.connector, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The connector of this id, or else of this name.
pub(super) async fn find(
    control: &mut ControlClient,
    connector: &str,
) -> anyhow::Result<ConnectorSummary> {
    let all = list(control).await?;
    let by_id = all.iter().find(|found| found.connector == connector);
    let by_name = || all.iter().find(|found| found.name == connector);
    let found = by_id.or_else(by_name).cloned();
    found.with_context(|| {
        format!("no connector {connector}: `chatkeep connectors list` lists those there are")
    })
}

async fn list(control: &mut ControlClient) -> anyhow::Result<Vec<ConnectorSummary>> {
    let answer = control
        .list_connectors(ListConnectorsRequest::default())
        .await;
    Ok(answer.map_err(super::answer)?.into_inner().connectors)
}

async fn print_all(site: &Site, output: &Output) -> anyhow::Result<()> {
    let all = ask(site, async |system| list(&mut system.control.clone()).await).await?;
    let longest = |of: fn(&ConnectorSummary) -> &str, least: usize| {
        let lengths = all.iter().map(|connector| of(connector).chars().count());
        lengths.max().unwrap_or(0).max(least)
    };
    let widths = (
        longest(|connector| &connector.name, "connector".len()),
        longest(|connector| &connector.connector, "id".len()),
    );
    let (name, id) = widths;
    output.line(format_args!(
        "{:<name$}  {:<id$}  {:<9}  {:<20}  {:<20}  {:<20}  {:>9}  last run",
        "connector",
        "id",
        "state",
        "next run (UTC)",
        "covered until (UTC)",
        "unread safe until",
        "backfills"
    ));
    for connector in &all {
        output.line(line(connector, widths));
    }
    Ok(())
}

fn line(connector: &ConnectorSummary, (name, id): (usize, usize)) -> String {
    let state = state(connector.state());
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let horizon = connector.horizons.iter().filter_map(|one| one.purged).min();
    let last = connector.last_run.as_ref();
    let last = last.map(|run| {
        let status = status(run.state(), &run.reason);
        format!("{} {status}", run.number)
    });
    format!(
        "{:<name$}  {:<id$}  {state:<9}  {:<20}  {:<20}  {:<20}  {:>9}  {}",
        connector.name,
        connector.connector,
        or_none(connector.due.map(time)),
        or_none(connector.covered.map(time)),
        or_none(horizon.map(time)),
        number(connector.backfills.len() as u64),
        or_none(last)
    )
}

fn state(state: ConnectorState) -> &'static str {
    match state {
        ConnectorState::Unspecified => "unknown",
        ConnectorState::Scheduled => "scheduled",
        ConnectorState::Manual => "manual",
        ConnectorState::Paused => "paused",
        ConnectorState::Deleted => "deleted",
    }
}

async fn put(
    place: &Place,
    (schedule, reason): (bool, &str),
    expected_version: Option<i64>,
    output: &Output,
) -> anyhow::Result<()> {
    let request = PutConnectorRequest {
        connector_file: place.connector.to_toml()?,
        schedule,
        // The connector's own limit.
        max_part_bytes: 0,
        expected_version,
        reason: reason.to_owned(),
    };
    let stored = ask(&place.site, async |system| {
        let answer = system.control.clone().put_connector(request).await;
        Ok(answer.map_err(super::answer)?.into_inner())
    })
    .await?;
    if stored.proposal > 0 {
        output.line(format_args!(
            "connector {} (id {}) is not changed yet: proposed as change {}, which another person has to \
             approve with `chatkeep changes approve {}`",
            place.connector.name, stored.connector, stored.proposal, stored.proposal
        ));
        return Ok(());
    }
    let what = if stored.is_new { "added" } else { "replaced" };
    let next = match stored.due {
        Some(due) => format!("next run {}", time(due)),
        None => "no run is opened by itself".to_owned(),
    };
    output.line(format_args!(
        "connector {} (id {}) {what}; {next}",
        place.connector.name, stored.connector
    ));
    Ok(())
}

/// The file on standard output, so that it can be edited and put again; what else is known beside it.
async fn show(site: &Site, connector: &str, output: &Output) -> anyhow::Result<()> {
    let stored = super::stored(site, connector).await?;
    let summary = stored.summary.unwrap_or_default();
    output.line(stored.connector_file.trim_end());
    output.note(format_args!(
        "version {}, {}",
        summary.version,
        state(summary.state())
    ));
    Ok(())
}

async fn copy(
    site: Site,
    connector: &str,
    (name, reason): (&str, &str),
    output: &Output,
) -> anyhow::Result<()> {
    let mut place = Place::stored(site, connector).await?;
    name.clone_into(&mut place.connector.name);
    place.connector.id = None;
    put(&place, (false, reason), Some(0), output).await
}

async fn map(
    site: &Site,
    connector: &str,
    (csv, version, reason): (String, Option<i64>, &str),
    output: &Output,
) -> anyhow::Result<()> {
    let Site::Behind(server) = site else {
        anyhow::bail!("only a console keeps mappings: name it with --server");
    };
    let find = ask(site, async |system| {
        find(&mut system.control.clone(), connector).await
    });
    let ConnectorSummary {
        connector: id,
        name,
        ..
    } = find.await?;
    let put = server.map(&id, csv, (version, reason)).await?;
    if put.proposal > 0 {
        output.line(format_args!(
            "the mapping of connector {name} is not changed yet: proposed as change {}, which another person has \
             to approve with `chatkeep changes approve {}`",
            put.proposal, put.proposal
        ));
        return Ok(());
    }
    output.line(format_args!(
        "the mapping of connector {name} is replaced, version {}; `chatkeep deliver-held -c {id}` delivers what \
         waited for it",
        put.version
    ));
    Ok(())
}

async fn delete(
    site: &Site,
    connector: &str,
    (expected_version, reason): (Option<i64>, &str),
    output: &Output,
) -> anyhow::Result<()> {
    let (name, proposal) = ask(site, async |system| {
        let mut control = system.control.clone();
        let found = find(&mut control, connector).await?;
        let request = DeleteConnectorRequest {
            connector: found.connector,
            expected_version,
            reason: reason.to_owned(),
        };
        let answer = control.delete_connector(request).await;
        let answer = answer.map_err(super::answer)?.into_inner();
        Ok((found.name, answer.proposal))
    })
    .await?;
    if proposal > 0 {
        output.line(format_args!(
            "connector {name} is not deleted yet: proposed as change {proposal}, which another person has to \
             approve with `chatkeep changes approve {proposal}`"
        ));
        return Ok(());
    }
    output.line(format_args!(
        "connector {name} deleted; its runs, logs and manifests stay"
    ));
    Ok(())
}

async fn pause(site: &Site, connector: &str, output: &Output) -> anyhow::Result<()> {
    let ConnectorSummary {
        connector, name, ..
    } = ask(site, async |system| {
        let mut control = system.control.clone();
        let found = find(&mut control, connector).await?;
        let request = PauseConnectorRequest {
            connector: found.connector.clone(),
        };
        let answer = control.pause_connector(request).await;
        answer.map_err(super::answer)?;
        Ok(found)
    })
    .await?;
    output.line(format_args!(
        "connector {name} paused; `chatkeep connectors resume {connector}` lets it go on"
    ));
    Ok(())
}

async fn resume(site: &Site, connector: &str, output: &Output) -> anyhow::Result<()> {
    let (name, runs) = ask(site, async |system| {
        let mut control = system.control.clone();
        let found = find(&mut control, connector).await?;
        let request = ResumeConnectorRequest {
            connector: found.connector,
        };
        let answer = control.resume_connector(request).await;
        let answer = answer.map_err(super::answer)?.into_inner();
        Ok((found.name, answer.runs))
    })
    .await?;
    output.line(format_args!(
        "connector {name} goes on, with {runs} unfinished runs"
    ));
    Ok(())
}
