//! `chatkeep changes`: what waits until a second person approves it.

use std::process::ExitCode;

use chatkeep_proto::v1::{
    ApproveProposalRequest, GetProposalRequest, ListProposalsRequest, Proposal, ProposalKind,
    ProposalState, RejectProposalRequest, WithdrawProposalRequest,
};
use chatkeep_report::time;

use super::{answer, ask, ledger};
use crate::{
    cli::{Changes, SiteOptions},
    output::Output,
    system::{ControlClient, Site},
};

/// Runs the command that was asked for.
pub(crate) async fn run(
    command: &Changes,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let site = ledger(options)?;
    match command {
        Changes::List { all } => list(&site, !all, output).await?,
        Changes::Show { change } => show(&site, *change, output).await?,
        Changes::Approve { change, reason } => {
            approve(&site, *change, reason, output).await?;
        }
        Changes::Reject { change, reason } => {
            let request = RejectProposalRequest {
                proposal: *change,
                reason: reason.clone(),
            };
            tell(&site, async |mut control| {
                control.reject_proposal(request).await.map(drop)
            })
            .await?;
            output.line(format_args!("change {change} rejected"));
        }
        Changes::Withdraw { change } => {
            let request = WithdrawProposalRequest { proposal: *change };
            tell(&site, async |mut control| {
                control.withdraw_proposal(request).await.map(drop)
            })
            .await?;
            output.line(format_args!("change {change} withdrawn"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn approve(site: &Site, change: i64, reason: &str, output: &Output) -> anyhow::Result<()> {
    let request = ApproveProposalRequest {
        proposal: change,
        reason: reason.to_owned(),
    };
    let found = tell(site, async |mut control| {
        let proposal = GetProposalRequest { proposal: change };
        let found = control.get_proposal(proposal).await?.into_inner();
        let approved = control.approve_proposal(request).await?.into_inner();
        Ok((found.proposal.unwrap_or_default(), approved))
    });
    let (proposal, approved) = found.await?;
    let effect = match proposal.kind() {
        ProposalKind::Delete => "is deleted".to_owned(),
        _ => format!("has version {} now", approved.version),
    };
    let connector = approved.connector;
    output.line(format_args!(
        "change {change} approved: connector {connector} {effect}"
    ));
    Ok(())
}

/// Calls control once.
async fn tell<T>(
    site: &Site,
    call: impl AsyncFnOnce(ControlClient) -> Result<T, tonic::Status>,
) -> anyhow::Result<T> {
    ask(site, async |system| {
        call(system.control.clone()).await.map_err(answer)
    })
    .await
}

async fn list(site: &Site, waiting: bool, output: &Output) -> anyhow::Result<()> {
    let proposals = tell(site, async |control| every(control, waiting).await).await?;
    output.line(format_args!(
        "{:>6}  {:<20}  {:<8}  {:<20}  {:<24}  connector",
        "change", "state", "kind", "proposed (UTC)", "by"
    ));
    for proposal in &proposals {
        output.line(format_args!(
            "{:>6}  {:<20}  {:<8}  {:<20}  {:<24}  {}",
            proposal.proposal,
            state(proposal),
            kind(proposal),
            time(proposal.proposed.div_euclid(1_000)),
            person(&proposal.proposer, &proposal.proposer_name),
            proposal.connector
        ));
    }
    Ok(())
}

/// Every proposal, page by page.
async fn every(mut control: ControlClient, waiting: bool) -> Result<Vec<Proposal>, tonic::Status> {
    let mut all = Vec::new();
    let mut before = 0;
    loop {
        let request = ListProposalsRequest {
            waiting,
            before,
            ..ListProposalsRequest::default()
        };
        let page = control.list_proposals(request).await?.into_inner();
        all.extend(page.proposals);
        if page.next == 0 {
            return Ok(all);
        }
        before = page.next;
    }
}

async fn show(site: &Site, proposal: i64, output: &Output) -> anyhow::Result<()> {
    let request = GetProposalRequest { proposal };
    let found = tell(site, async |mut control| {
        Ok(control.get_proposal(request).await?.into_inner())
    });
    let found = found.await?.proposal.unwrap_or_default();
    let milliseconds = |at: i64| time(at.div_euclid(1_000));
    output.line(format_args!(
        "change {proposal}: {} connector {} ({})",
        kind(&found),
        found.connector,
        found.connector_name
    ));
    output.line(format_args!(
        "proposed {} by {}, on version {}",
        milliseconds(found.proposed),
        person(&found.proposer, &found.proposer_name),
        found.base_version
    ));
    if !found.reason.is_empty() {
        output.line(format_args!("reason: {}", found.reason));
    }
    match found.decided {
        Some(decided) => output.line(format_args!(
            "{} {}{}",
            state(&found),
            milliseconds(decided),
            decider(&found)
        )),
        None => output.line(format_args!(
            "{}, until {}",
            state(&found),
            milliseconds(found.expires)
        )),
    }
    for change in &found.changes {
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        output.line(format_args!(
            "{}\t{}\t{}",
            change.key,
            or_none(&change.before),
            or_none(&change.after)
        ));
    }
    Ok(())
}

/// Who decided, and what they said. Nobody does when one expires.
fn decider(proposal: &Proposal) -> String {
    let mut text = String::new();
    if !proposal.decider.is_empty() {
        text = format!(" by {}", person(&proposal.decider, &proposal.decider_name));
    }
    if !proposal.decision.is_empty() {
        text.push_str(": ");
        text.push_str(&proposal.decision);
    }
    text
}

fn person(subject: &str, name: &str) -> String {
    if name.is_empty() {
        return subject.to_owned();
    }
    format!("{name} ({subject})")
}

fn kind(proposal: &Proposal) -> &'static str {
    match proposal.kind() {
        ProposalKind::Unspecified => "unknown",
        ProposalKind::Create => "create",
        ProposalKind::Update => "update",
        ProposalKind::Delete => "delete",
    }
}

fn state(proposal: &Proposal) -> &'static str {
    match proposal.state() {
        ProposalState::Unspecified => "unknown",
        ProposalState::Waiting if proposal.is_stale => "waiting, out of date",
        ProposalState::Waiting => "waiting",
        ProposalState::Approved => "approved",
        ProposalState::Rejected => "rejected",
        ProposalState::Withdrawn => "withdrawn",
        ProposalState::Expired => "expired",
    }
}
