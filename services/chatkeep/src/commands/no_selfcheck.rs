//! `chatkeep selfcheck` in a program without it.

use std::process::ExitCode;

use crate::{
    cli::{Selfcheck, SiteOptions},
    output::Output,
};

/// Says how to get a program that can.
#[expect(clippy::unused_async, reason = "as the one that asks")]
pub(crate) async fn run(_: &Selfcheck, _: &SiteOptions, _: &Output) -> anyhow::Result<ExitCode> {
    anyhow::bail!(
        "this program was built without the feature `cluster`: build it with --features cluster"
    )
}
