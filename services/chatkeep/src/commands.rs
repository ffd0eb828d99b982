//! One module per command.

mod archive;
mod audit;
mod backfill;
mod canary;
mod check;
mod connectors;
mod drive;
mod item;
mod log;
mod runs;
mod seals;
#[cfg(feature = "console")]
mod serve;
#[cfg(not(feature = "console"))]
#[path = "commands/no_serve.rs"]
mod serve;
mod verify;

use std::process::ExitCode;

use crate::{
    cli::{Cli, Command},
    output::Output,
    place::Place,
    system::{Site, System},
};

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli, output: &Output) -> anyhow::Result<ExitCode> {
    let site = &cli.site;
    let existing = |file: &std::path::Path| Place::read_existing(file, site);
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
        Command::Runs(of) => runs::list(&existing(&of.connector)?, output).await,
        Command::Log(args) => {
            let place = existing(&args.run.connector.connector)?;
            log::print(&place, args.run.run, args.format, output).await
        }
        Command::Failed(of) => {
            runs::failed(&existing(&of.connector.connector)?, of.run, output).await
        }
        Command::Retry(of) => {
            runs::retry(&existing(&of.connector.connector)?, of.run, output).await
        }
        Command::Cancel(of) => {
            runs::cancel(&existing(&of.connector.connector)?, of.run, output).await
        }
        Command::DeliverHeld(of) => runs::deliver_held(&existing(&of.connector)?, output).await,
        Command::Item { id, connector } => {
            item::print(&existing(&connector.connector)?, id, output).await
        }
        Command::Seals { to, connector } => {
            seals::copy(&existing(&connector.connector)?, to, output).await
        }
        Command::Verify(args) => verify::run(args, site, output).await,
        Command::Audit(command) => audit::run(command, site, output).await,
        Command::Connectors(command) => connectors::run(command, site, output).await,
        Command::Serve(args) => serve::run(args, site, output).await,
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
