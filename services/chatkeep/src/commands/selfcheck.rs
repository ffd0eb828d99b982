//! `chatkeep selfcheck`: whether running programs serve, are ready, and fit together.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use chatkeep_control::LEDGER_FORMAT;
use chatkeep_runtime::{About, Lifecycle, ask, check_health};

use crate::{
    cli::{Selfcheck, SiteOptions},
    output::Output,
    remote::{Remote, connect},
};

/// What programs must be to work with this one.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Asks every program that is named, and says what each answered.
pub(crate) async fn run(
    args: &Selfcheck,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let served: Vec<_> = options.control.iter().chain(&args.grpc).collect();
    let is_named = !served.is_empty() || !args.admin.is_empty() || args.console.is_some();
    ensure!(
        is_named,
        "name what to check: --control, --grpc, --admin or --console"
    );
    let mut is_well = true;
    let mut tell = |url: &str, answer: anyhow::Result<String>| match answer {
        Ok(said) => output.line(format_args!("{url}: {said}")),
        Err(error) => {
            is_well = false;
            output.error(&error.context(url.to_owned()));
        }
    };
    for url in served {
        tell(url, serving(url, options).await);
    }
    for url in &args.admin {
        tell(url, ready(url).await);
    }
    if let Some(url) = &args.console {
        tell(url, answering(url).await);
    }
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A program answers over gRPC that it serves.
async fn serving(url: &str, options: &SiteOptions) -> anyhow::Result<String> {
    let channel = connect(&Remote::new(url, options), &Lifecycle::detached())?;
    let health = check_health(channel).await;
    health.map_err(super::answer)?;
    Ok("serves gRPC".to_owned())
}

/// A program says at its admin port that it is ready, and is of this version; control keeps the ledger
/// as this version does.
async fn ready(url: &str) -> anyhow::Result<String> {
    let readiness = ask(url, "/readyz").await?;
    // "not ready", and what is missing in the lines behind it.
    let state = readiness.body.trim_end().replace('\n', ", ");
    ensure!(readiness.status.is_success(), "{state}");
    let version = ask(url, "/version").await?;
    ensure!(
        version.status.is_success(),
        "says no version: it is older than this {VERSION}"
    );
    let about: About = version.body.parse().context("ask for its version")?;
    let About { name, version, .. } = &about;
    ensure!(
        version == VERSION,
        "{name} is of version {version}, this is {VERSION}"
    );
    match about.ledger_format {
        None => Ok(format!("{name} {version} is ready")),
        Some(LEDGER_FORMAT) => Ok(format!(
            "{name} {version} is ready, ledger of format {LEDGER_FORMAT}"
        )),
        Some(other) => {
            anyhow::bail!("{name} keeps a ledger of format {other}, this is for {LEDGER_FORMAT}")
        }
    }
}

/// A console answers: with a page, or by sending a browser to where users sign in.
async fn answering(url: &str) -> anyhow::Result<String> {
    let page = ask(url, "/").await?;
    ensure!(
        !page.status.is_server_error(),
        "console answers {}",
        page.status
    );
    Ok("console answers".to_owned())
}
