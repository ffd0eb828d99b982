//! `chatkeep sessions`: who has signed in to the console.

use std::process::ExitCode;

use chatkeep_proto::v1::{ListSessionsRequest, RevokeSessionsRequest};
use chatkeep_report::time;

use super::{ask, ledger};
use crate::{
    cli::{Sessions, SiteOptions},
    output::Output,
    system::Site,
};

/// Sessions listed at most, the API's most.
const LIMIT: u32 = 1_000;

/// Runs the command that was asked for.
pub(crate) async fn run(
    command: &Sessions,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let site = ledger(options)?;
    match command {
        Sessions::List => list(&site, output).await?,
        Sessions::Revoke { subject } => revoke(&site, subject, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(site: &Site, output: &Output) -> anyhow::Result<()> {
    let request = ListSessionsRequest {
        limit: LIMIT,
        ..ListSessionsRequest::default()
    };
    let sessions = ask(site, async |system| {
        let answer = system.access.clone().list_sessions(request).await;
        Ok(answer.map_err(super::answer)?.into_inner().sessions)
    })
    .await?;
    output.line(format_args!(
        "{:<20}  {:<20}  {:<20}  {:<15}  subject, name, roles",
        "opened (UTC)", "used last", "ends unused", "address"
    ));
    let time = |milliseconds: i64| time(milliseconds.div_euclid(1_000));
    for session in &sessions {
        output.line(format_args!(
            "{:<20}  {:<20}  {:<20}  {:<15}  {}, {}, {}",
            time(session.opened),
            time(session.seen),
            time(session.expires),
            session.address,
            session.subject,
            session.name,
            session.roles.join(" and ")
        ));
    }
    Ok(())
}

async fn revoke(site: &Site, subject: &str, output: &Output) -> anyhow::Result<()> {
    // Empty could mean everybody.
    anyhow::ensure!(!subject.is_empty(), "name a subject");
    let request = RevokeSessionsRequest {
        subject: subject.to_owned(),
    };
    let ended = ask(site, async |system| {
        let answer = system.access.clone().revoke_sessions(request).await;
        Ok(answer.map_err(super::answer)?.into_inner().sessions)
    })
    .await?;
    output.line(format_args!("{ended} sessions of {subject} ended"));
    Ok(())
}
