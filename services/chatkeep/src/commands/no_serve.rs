//! `chatkeep serve` in a program without it.

use std::process::ExitCode;

use crate::{
    cli::{Serve, SiteOptions},
    output::Output,
};

/// Says how to get a program that can.
#[expect(clippy::unused_async, reason = "as the one that serves")]
pub(crate) async fn run(_: &Serve, _: &SiteOptions, _: &Output) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this program was built without the console: build it with the feature `console`")
}
