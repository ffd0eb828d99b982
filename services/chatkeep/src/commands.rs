//! One module per command.

mod archive;
mod audit;
mod backfill;
mod canary;
mod changes;
mod check;
mod connectors;
mod drive;
mod item;
mod log;
mod runs;
mod seals;
mod secrets;
#[cfg(feature = "cluster")]
mod selfcheck;
#[cfg(not(feature = "cluster"))]
#[path = "commands/no_selfcheck.rs"]
mod selfcheck;
#[cfg(feature = "console")]
mod serve;
#[cfg(not(feature = "console"))]
#[path = "commands/no_serve.rs"]
mod serve;
mod sessions;
mod verify;

use std::process::ExitCode;

use anyhow::Context as _;
use chatkeep_proto::v1::{GetConnectorRequest, GetConnectorResponse};

use crate::{
    cli::{Cli, Command, OfConnector, SiteOptions},
    output::Output,
    place::Place,
    system::{Site, System},
};

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli, output: &Output) -> anyhow::Result<ExitCode> {
    let site = &cli.site;
    let existing = async |of: &OfConnector| Place::existing(of, site).await;
    match &cli.command {
        Command::Archive(args) => archive::run(args, site, output).await,
        Command::Check {
            file,
            tenant_canary,
        } => {
            let place = Place::read(file, site)?;
            match tenant_canary {
                Some(mailbox) => canary::run(&place, mailbox, output).await,
                None => check::run(&place, output).await,
            }
        }
        Command::Runs(of) => runs::list(&existing(of).await?, output).await,
        Command::Log(args) => {
            let place = existing(&args.run.connector).await?;
            log::print(&place, args.run.run, args.format, output).await
        }
        Command::Balance(args) => {
            let place = existing(&args.run.connector).await?;
            runs::balance(&place, args, output).await
        }
        Command::Follow(args) => {
            let place = existing(&args.run.connector).await?;
            runs::follow(&place, args, output).await
        }
        Command::Failed(of) => runs::failed(&existing(&of.connector).await?, of.run, output).await,
        Command::Retry(of) => runs::retry(&existing(&of.connector).await?, of.run, output).await,
        Command::Cancel(of) => runs::cancel(&existing(&of.connector).await?, of.run, output).await,
        Command::DeliverHeld(of) => runs::deliver_held(&existing(of).await?, output).await,
        Command::Item { id, connector } => {
            item::print(&existing(connector).await?, id, output).await
        }
        Command::Seals { to, connector } => {
            seals::copy(&existing(connector).await?, to, output).await
        }
        Command::Verify(args) => verify::run(args, site, output).await,
        Command::Audit(command) => audit::run(command, site, output).await,
        Command::Changes(command) => changes::run(command, site, output).await,
        Command::Connectors(command) => connectors::run(command, site, output).await,
        Command::Secrets(command) => secrets::run(command, site, output).await,
        Command::Sessions(command) => sessions::run(command, site, output).await,
        Command::Serve(args) => serve::run(args, site, output).await,
        Command::Selfcheck(args) => selfcheck::run(args, site, output).await,
        Command::Backfill(command) => backfill::run(command, site, output).await,
    }
}

/// Asks control without starting the stages, then lets it finish.
pub(crate) async fn ask<T>(
    site: &Site,
    question: impl AsyncFnOnce(&System) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let system = System::control(site).await?;
    let answer = question(&system).await;
    system.stop().await;
    answer
}

/// A ledger that is not a connector's alone.
fn ledger(options: &SiteOptions) -> anyhow::Result<Site> {
    let here = std::path::absolute(".").context("find the current folder")?;
    let site = Site::new(options, &here)?;
    if let Some(folder) = site.without_ledger() {
        anyhow::bail!(
            "no ledger in {}: name its folder with --data-dir, a control with --control, or its console with \
             --server",
            folder.display()
        );
    }
    Ok(site)
}

/// A connector that is stored, by id or by name.
pub(crate) async fn stored(site: &Site, connector: &str) -> anyhow::Result<GetConnectorResponse> {
    ask(site, async |system| {
        let mut control = system.control.clone();
        let found = connectors::find(&mut control, connector).await?;
        let request = GetConnectorRequest {
            connector: found.connector,
        };
        let stored = control.get_connector(request).await;
        Ok(stored.map_err(answer)?.into_inner())
    })
    .await
}

/// When a UTC day begins, Unix seconds.
fn midnight(day: jiff::civil::Date) -> Result<i64, jiff::Error> {
    let zoned = day.to_zoned(jiff::tz::TimeZone::UTC)?;
    Ok(zoned.timestamp().as_second())
}

/// What control answered instead of a result, as an error the user can read.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn answer(status: tonic::Status) -> anyhow::Error {
    let text = status.message();
    if status.code() == tonic::Code::Unavailable {
        anyhow::anyhow!("{text}; put that right, then call the command again")
    } else {
        anyhow::anyhow!("{text}")
    }
}
