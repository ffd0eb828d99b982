//! One proposal: who wants what, and what there is to decide.

use axum::{
    Extension,
    extract::{Path, Query, State},
};
use chatkeep_proto::v1::{GetProposalRequest, Proposal, ProposalKind, ProposalState};
use maud::{Markup, html};
use serde::Deserialize;

use super::{kind, lines, person, state};
use crate::{
    Services,
    error::PageError,
    mappings::Mappings,
    pages::{
        form,
        layout::{self, Page},
        viewer, words,
    },
    sign_in::Right,
};

/// What was done just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    done: String,
}

/// `GET /proposals/{proposal}`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Extension(mappings): Extension<Mappings>,
    Path(proposal): Path<i64>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let request = GetProposalRequest { proposal };
    let found = services.control.get_proposal(request).await?.into_inner();
    let found = found.proposal.unwrap_or_default();
    let content = html! {
        (said(&asked.done))
        @if found.is_stale {
            (layout::notice("warn", "Out of date", &html! {
                p { "Another version of the connector was stored since. This can no longer be approved: it has to be proposed again." }
            }))
        }
        (facts(&found))
        (changes(&found))
        (lines::card(&found, &mappings).await)
        @if found.state() == ProposalState::Waiting { (decide(&found)) }
    };
    let title = format!("Change {proposal}: {}", found.connector_name);
    let page = Page::new(&title).below("Changes", "/proposals");
    Ok(page.show(&content))
}

fn said(done: &str) -> Markup {
    let (title, text) = match done {
        "proposed" => (
            "Proposed.",
            "It takes effect when another person has approved it.",
        ),
        "approved" => ("Approved.", "From now on runs go by it."),
        "rejected" => ("Rejected.", "Nothing was changed."),
        "withdrawn" => ("Withdrawn.", "Nothing was changed."),
        _ => return html! {},
    };
    layout::notice("good", title, &html! { p { (text) } })
}

fn facts(proposal: &Proposal) -> Markup {
    let when = |milliseconds: i64| words::when(milliseconds.div_euclid(1_000));
    html! {
        section.card aria-labelledby="facts" {
            h2 #facts { "What is proposed" }
            dl {
                dt { "Status" } dd { (state(proposal)) }
                dt { "Connector" } dd {
                    @if proposal.base_version > 0 { a href={ "/connectors/" (proposal.connector) } { (proposal.connector_name) } ", version " (proposal.base_version) }
                    @else { (proposal.connector_name) }
                    ": " (kind(proposal))
                }
                dt { "Proposed by" } dd { (person(&proposal.proposer, &proposal.proposer_name)) " (" code { (proposal.proposer) } "), " (when(proposal.proposed)) }
                @if !proposal.reason.is_empty() { dt { "Why" } dd { (proposal.reason) } }
                @match proposal.decided {
                    None => { dt { "Expires" } dd { (when(proposal.expires)) } },
                    Some(decided) => {
                        dt { "Decided" } dd {
                            @if !proposal.decider.is_empty() { (person(&proposal.decider, &proposal.decider_name)) " (" code { (proposal.decider) } "), " }
                            (when(decided))
                        }
                        @if !proposal.decision.is_empty() { dt { "Decision" } dd { (proposal.decision) } }
                    },
                }
            }
        }
    }
}

fn changes(proposal: &Proposal) -> Markup {
    let value = |value: &Option<String>| html! { @match value { Some(value) => code { (value) }, None => (words::none()) } };
    html! {
        section.card.flush aria-labelledby="changes" {
            h2 #changes { @if proposal.kind() == ProposalKind::Delete { "What is deleted" } @else { "What changes" } }
            div.scroll { table.stack {
                caption.unseen { "Values that differ, by key" }
                thead { tr { th scope="col" { "Key" } th scope="col" { "Before" } th scope="col" { "After" } } }
                tbody { @for change in &proposal.changes { tr {
                    th scope="row" { code { (change.key) } }
                    td data-label="Before" { (value(&change.before)) }
                    td data-label="After" { (value(&change.after)) }
                } } }
            } }
            @if !proposal.connector_file.is_empty() {
                div.head { details { summary { "Connector file" } pre tabindex="0" { (proposal.connector_file) } } }
            }
        }
    }
}

fn decide(proposal: &Proposal) -> Markup {
    let address = |verb: &str| format!("/proposals/{}/{verb}", proposal.proposal);
    let is_own = viewer::subject().is_some_and(|subject| subject == proposal.proposer);
    html! {
        section.card aria-labelledby="decide" {
            h2 #decide { "Decide" }
            @if !viewer::may(Right::Administer) {
                p { "Waits for somebody with the roles Data Connector Admin and Mailbox Import Export." }
            } @else if is_own {
                p { "Waiting for somebody else: another person with the same roles has to approve what you have proposed." }
                (form::button(&address("withdraw"), "", "Withdraw"))
            } @else {
                @if !proposal.is_stale {
                    (form::post(&address("approve"), &html! {
                        div.field {
                            label for="approval" { "Remark" span.faint { " (optional)" } }
                            input #approval name="reason" maxlength="2000" autocomplete="off";
                        }
                        button.primary type="submit" { "Approve" }
                    }))
                }
                details { summary { "Reject it" } (form::post(&address("reject"), &html! {
                    div.field {
                        label for="rejection" { "Why it is rejected" }
                        input #rejection name="reason" required maxlength="2000" autocomplete="off";
                    }
                    button.danger type="submit" { "Reject" }
                })) }
            }
        }
    }
}
