//! One module per command.

mod archive;
mod check;
mod drive;
mod item;
mod log;
mod runs;
mod seals;
mod verify;

use std::process::ExitCode;

use crate::{
    cli::{Cli, Command},
    output::Output,
    place::Place,
    system::System,
};

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli, output: &Output) -> anyhow::Result<ExitCode> {
    let site = &cli.site;
    let existing = |file: &std::path::Path| Place::read_existing(file, site);
    match &cli.command {
        Command::Archive(args) => archive::run(args, site, output).await,
        Command::Check { file } => check::run(&Place::read(file, site)?, output).await,
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
        Command::DeliverHeld(of) => runs::deliver_held(&existing(&of.connector)?, output).await,
        Command::Item { id, connector } => {
            item::print(&existing(&connector.connector)?, id, output).await
        }
        Command::Seals { to, connector } => {
            seals::copy(&existing(&connector.connector)?, to, output).await
        }
        Command::Verify(args) => verify::run(args, site, output).await,
    }
}

/// Asks control without starting the stages, then lets it finish.
async fn ask<T>(
    place: &Place,
    question: impl AsyncFnOnce(&System) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let system = System::control(&place.site).await?;
    let answer = question(&system).await;
    system.stop().await;
    answer
}

/// What control answered instead of a result, as an error the user can read.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn answer(status: tonic::Status) -> anyhow::Error {
    let text = status.message();
    if status.code() == tonic::Code::Unavailable {
        anyhow::anyhow!("{text}; put that right, then call the command again")
    } else {
        anyhow::anyhow!("{text}")
    }
}
