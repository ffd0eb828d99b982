//! Changes of connectors that a second person has to approve.

pub(super) mod decide;
mod lines;
pub(super) mod one;

use axum::{
    extract::{Query, State},
    response::Redirect,
};
use chatkeep_proto::v1::{
    ListProposalsRequest, ListProposalsResponse, Proposal, ProposalKind, ProposalState,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    layout::{self, Page},
    words,
};
use crate::{Services, error::PageError};

/// Proposals of a page.
const LIMIT: u32 = 50;

/// Where the list is asked to begin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: i64,
}

/// `GET /proposals`: those that wait first, then all of them.
pub(crate) async fn list(
    State(mut services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let waiting = waiting(&mut services, "", LIMIT).await?;
    let request = ListProposalsRequest {
        before: asked.before.max(0),
        limit: LIMIT,
        ..ListProposalsRequest::default()
    };
    let all = services.control.list_proposals(request).await?.into_inner();
    let content = html! {
        @if !all.is_required {
            (layout::notice("info", "Nothing has to be approved here", &html! {
                p { "Changes take effect when they are stored. With " code { "control.approval.required" }
                    " those of who gets what, and of what is left out, take a second person." }
            }))
        }
        section.card.flush aria-labelledby="waiting" {
            h2 #waiting { "Waiting" }
            @if waiting.proposals.is_empty() { p.head.soft { "No change waits." } } @else { (table("waiting", &waiting.proposals)) }
        }
        section.card.flush aria-labelledby="all" {
            h2 #all { "All changes, newest first" }
            @if all.proposals.is_empty() { p.head.soft { "There is none." } } @else { (table("all", &all.proposals)) }
            @if all.next > 0 { nav.pager aria-label="Pages" { a href={ "/proposals?before=" (all.next) } { "Older" } } }
        }
    };
    Ok(Page::new("Changes").show(&content))
}

/// How many changes wait, and whether any have to be approved.
pub(super) async fn summary(services: &mut Services) -> Result<ListProposalsResponse, PageError> {
    waiting(services, "", 1).await
}

/// Changes of a connector that wait, and whether any have to be approved.
pub(super) async fn waiting_of(
    services: &mut Services,
    connector: &str,
) -> Result<ListProposalsResponse, PageError> {
    waiting(services, connector, LIMIT).await
}

async fn waiting(
    services: &mut Services,
    connector: &str,
    limit: u32,
) -> Result<ListProposalsResponse, PageError> {
    let request = ListProposalsRequest {
        connector: connector.to_owned(),
        waiting: true,
        limit,
        ..ListProposalsRequest::default()
    };
    let page = services.control.list_proposals(request).await?;
    Ok(page.into_inner())
}

/// To a proposal that was made just now.
pub(super) fn proposed(proposal: i64) -> Redirect {
    Redirect::to(&format!("/proposals/{proposal}?done=proposed"))
}

/// Where somebody who proposes a change says why.
pub(super) fn reason() -> Markup {
    html! {
        div.field {
            label for="reason" { "Why" span.faint { " (optional)" } }
            p.help #reason-help { "This takes effect when another person has approved it, who reads this." }
            textarea #reason name="reason" rows="2" maxlength="2000" aria-describedby="reason-help" {}
        }
    }
}

/// What is said on a connector's page about changes of it that wait.
pub(super) fn notice(waiting: &[Proposal]) -> Markup {
    html! {
        @if !waiting.is_empty() {
            (layout::notice("info", "Waiting for approval", &html! {
                p { "What you see here is what runs go by until another person approves:" }
                ul { @for one in waiting {
                    li { a href={ "/proposals/" (one.proposal) } { "Change " (one.proposal) } ", by " (person(&one.proposer, &one.proposer_name)) }
                } }
            }))
        }
    }
}

/// How many changes of a connector wait.
pub(super) fn badge(count: u32) -> Markup {
    html! { @if count > 0 { " " span.badge.info { "Change waits for approval" } } }
}

fn table(caption: &str, proposals: &[Proposal]) -> Markup {
    html! {
        div.scroll { table.stack {
            caption.unseen { "Changes, " (caption) }
            thead { tr {
                th scope="col" { "Change" } th scope="col" { "Connector" } th scope="col" { "What" }
                th scope="col" { "Status" } th scope="col" { "Proposed" } th scope="col" { "By" }
            } }
            tbody { @for one in proposals { tr {
                th scope="row" { a.strong href={ "/proposals/" (one.proposal) } { "Change " (one.proposal) } }
                td data-label="Connector" { (one.connector_name) }
                td data-label="What" { (kind(one)) }
                td data-label="Status" { (state(one)) }
                td data-label="Proposed" { (words::when(one.proposed.div_euclid(1_000))) }
                td data-label="By" { (person(&one.proposer, &one.proposer_name)) }
            } } }
        } }
    }
}

fn person<'a>(subject: &'a str, name: &'a str) -> &'a str {
    if name.is_empty() { subject } else { name }
}

fn kind(proposal: &Proposal) -> &'static str {
    match proposal.kind() {
        ProposalKind::Unspecified => "unknown",
        ProposalKind::Create => "new connector",
        ProposalKind::Update => "change",
        ProposalKind::Delete => "deletion",
    }
}

fn state(proposal: &Proposal) -> Markup {
    let (kind, words) = match proposal.state() {
        ProposalState::Unspecified => ("plain", "Unknown"),
        ProposalState::Waiting if proposal.is_stale => ("warn", "Out of date"),
        ProposalState::Waiting => ("info", "Waiting"),
        ProposalState::Approved => ("good", "Approved"),
        ProposalState::Rejected => ("bad", "Rejected"),
        ProposalState::Withdrawn => ("plain", "Withdrawn"),
        ProposalState::Expired => ("plain", "Expired"),
    };
    html! { span class={ "badge " (kind) } { (words) } }
}
