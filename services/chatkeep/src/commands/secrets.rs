//! `chatkeep secrets`: what connector files name as `secret:NAME`.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use chatkeep_proto::v1::{DeleteSecretRequest, ListSecretsRequest, PutSecretRequest, StoredSecret};
use chatkeep_report::time;

use super::{ask, ledger};
use crate::{
    cli::{Secrets, SiteOptions},
    output::Output,
    system::Site,
};

/// Runs the command that was asked for.
pub(crate) async fn run(
    command: &Secrets,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let site = ledger(options)?;
    match command {
        Secrets::List => list(&site, output).await?,
        Secrets::Set { name, file } => set(&site, name, file.as_deref(), output).await?,
        Secrets::Delete { name } => delete(&site, name, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(site: &Site, output: &Output) -> anyhow::Result<()> {
    let stored = ask(site, async |system| {
        let mut access = system.access.clone();
        let answer = access.list_secrets(ListSecretsRequest {}).await;
        Ok(answer.map_err(super::answer)?.into_inner())
    })
    .await?;
    let lengths = stored.secrets.iter().map(|one| one.name.chars().count());
    let width = lengths.max().unwrap_or(0).max("secret".len());
    output.line(format_args!(
        "{:<width$}  {:<20}  named by connectors",
        "secret", "stored (UTC)"
    ));
    for secret in &stored.secrets {
        output.line(line(secret, width));
    }
    if !stored.has_key {
        output.note("control has no key for secrets: none can be stored until it has one");
    }
    Ok(())
}

fn line(secret: &StoredSecret, width: usize) -> String {
    let connectors = if secret.connectors.is_empty() {
        "-".to_owned()
    } else {
        secret.connectors.join(", ")
    };
    let stored = time(secret.changed.div_euclid(1_000));
    format!("{:<width$}  {stored:<20}  {connectors}", secret.name)
}

async fn set(site: &Site, name: &str, file: Option<&Path>, output: &Output) -> anyhow::Result<()> {
    let mut value = match file {
        Some(file) => fs::read_to_string(file).with_context(|| format!("read {}", file.display())),
        None => read_input().context("read standard input"),
    }?;
    value.truncate(value.trim_end_matches(['\r', '\n']).len());
    let request = PutSecretRequest {
        name: name.to_owned(),
        value,
    };
    ask(site, async |system| {
        let answer = system.access.clone().put_secret(request).await;
        answer.map(drop).map_err(super::answer)
    })
    .await?;
    output.line(format_args!(
        "secret {name} stored; connector files name it as secret:{name}"
    ));
    Ok(())
}

fn read_input() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

async fn delete(site: &Site, name: &str, output: &Output) -> anyhow::Result<()> {
    let request = DeleteSecretRequest {
        name: name.to_owned(),
    };
    ask(site, async |system| {
        let answer = system.access.clone().delete_secret(request).await;
        answer.map(drop).map_err(super::answer)
    })
    .await?;
    output.line(format_args!("secret {name} deleted"));
    Ok(())
}
