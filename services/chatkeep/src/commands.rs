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
    embedded::Embedded,
    output::Output,
    place::Place,
};

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli, output: &Output) -> anyhow::Result<ExitCode> {
    let data_dir = cli.data_dir.as_deref();
    let existing = |file: &std::path::Path| Place::read_existing(file, data_dir);
    match &cli.command {
        Command::Archive(args) => archive::run(args, data_dir, output).await,
        Command::Check { file } => check::run(&Place::read(file, data_dir)?, output).await,
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
        Command::Verify(args) => verify::run(args, data_dir, output).await,
    }
}

/// Asks control without starting the stages, then lets it finish.
async fn ask<T>(
    place: &Place,
    question: impl AsyncFnOnce(&Embedded) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let embedded = Embedded::control(&place.data_dir).await?;
    let answer = question(&embedded).await;
    embedded.stop().await;
    answer
}

/// What control answered instead of a result, as an error the user can read.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn answer(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("{}", status.message())
}
