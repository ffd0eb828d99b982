//! The list of connectors.

pub(super) mod deleted;

use axum::extract::State;
use chatkeep_proto::v1::{ConnectorState, ConnectorSummary, ListConnectorsRequest};
use maud::{Markup, html};

use super::{
    layout::{self, Page},
    proposals, viewer, words,
};
use crate::{Services, error::PageError, sign_in::Right};

/// `GET /connectors`.
pub(crate) async fn list(State(mut services): State<Services>) -> Result<Markup, PageError> {
    let request = ListConnectorsRequest { deleted: true };
    let answer = services.control.list_connectors(request);
    let all = answer.await?.into_inner().connectors.into_iter();
    let (deleted, connectors): (Vec<_>, Vec<_>) =
        all.partition(|one| one.state() == ConnectorState::Deleted);
    let waiting = proposals::summary(&mut services).await?;
    let page = Page::new("Data connectors");
    let deleted = deleted::card(&mut services, deleted, waiting.is_required).await?;
    if connectors.is_empty() {
        return Ok(page.show(&html! { (to_approve(waiting.waiting)) (welcome()) (deleted) }));
    }
    let add = html! {
        @if viewer::may(Right::Administer) { a.button.primary href="/connectors/new" { "Add connector" } }
    };
    let content =
        html! { (to_approve(waiting.waiting)) (table(&connectors, words::now())) (deleted) };
    Ok(page.beside(add).show(&content))
}

/// Leads to what waits for a second person.
fn to_approve(waiting: u32) -> Markup {
    html! {
        @if waiting > 0 {
            (layout::notice("info", "Waiting for approval", &html! {
                p { a href="/proposals" { @if waiting == 1 { "One change" } @else { (waiting) " changes" } } " of connectors." }
            }))
        }
    }
}

fn welcome() -> Markup {
    html! {
        section.empty {
            img src="/assets/chatkeep.svg" alt="" width="56" height="56";
            h2 { "No connector yet" }
            p {
                "A connector reads the conversations of Skype for Business, turns each into an e-mail message, and "
                "puts it into the mailbox of everybody who took part."
            }
            p { @if viewer::may(Right::Administer) { a.button.primary href="/connectors/new" { "Add connector" } } }
        }
    }
}

fn table(connectors: &[ConnectorSummary], now: i64) -> Markup {
    let is_urgent = |one: &&ConnectorSummary| words::is_urgent(&one.horizons, now);
    let urgent: Vec<_> = connectors.iter().filter(is_urgent).collect();
    html! {
        @for one in urgent {
            @let place = html! { p { "See " a href={ "/connectors/" (one.connector) } { (one.name) } "." } };
            (layout::notice("bad", "A server will purge conversations before they are read", &place))
        }
        div.card.flush { div.scroll {
            table.stack {
                caption.unseen { "Connectors, by name" }
                thead { tr {
                    th scope="col" { "Name" }
                    th scope="col" { "Status" }
                    th scope="col" { "Last run" }
                    th scope="col" { "Next run" }
                    th scope="col" { "Covered until" }
                } }
                tbody { @for one in connectors { (row(one, now)) } }
            }
        } }
    }
}

fn row(one: &ConnectorSummary, now: i64) -> Markup {
    let address = format!("/connectors/{}", one.connector);
    html! {
        tr {
            th scope="row" { a.strong href=(address) { (one.name) } }
            td data-label="Status" { (words::connector_badge(one.state())) (proposals::badge(one.proposals)) }
            td data-label="Last run" {
                @if let Some(run) = &one.last_run {
                    div {
                        a href={ (address) "/runs/" (run.number) } { "Run " (run.number) } " "
                        (words::run_badge(run.state(), &run.reason))
                    }
                } @else { span.faint { "not run yet" } }
            }
            td data-label="Next run" {
                @match one.due {
                    Some(due) if due < now => span.faint { "waits for the open run" },
                    due => (words::when_or_none(due)),
                }
            }
            td data-label="Covered until" {
                (words::when_or_none(one.covered))
                @for horizon in &one.horizons { div.small { (words::horizon(horizon, now)) } }
            }
        }
    }
}
