//! `chatkeep verify`.

use std::{path::Path, process::ExitCode};

use crate::{cli::Verify, output::Output};

/// Checks a run in the mailboxes, or a manifest by itself.
pub(crate) async fn run(
    _args: &Verify,
    _data_dir: Option<&Path>,
    _output: &Output,
) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
