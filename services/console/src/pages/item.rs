//! Items: one's way through the pipeline, and those of a user.

mod search;

use std::time::Duration;

use axum::{
    Extension,
    extract::{Query, State},
};
use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    Blob, DeliveryState, Placement, TraceItemRequest, TraceItemResponse, TracedCopy,
};
use chatkeep_report::number;
use data_encoding::HEXLOWER;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use tonic::Code;

use super::{
    layout::{self, Page},
    words,
};
use crate::{Services, error::PageError, traces::TraceLinks};

/// What is looked up.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Item id, or the Message-ID of one of its parts.
    id: String,
    /// Whose items.
    user: String,
    /// First and last day, UTC.
    from: String,
    to: String,
    /// Where a page of them begins.
    page: String,
}

/// `GET /items`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Extension(links): Extension<TraceLinks>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let id = asked.id.trim();
    let found = if !id.is_empty() {
        look_up(&mut services, id, &links).await?
    } else if !asked.user.trim().is_empty() {
        search::found(&mut services, &asked).await?
    } else {
        html! {}
    };
    let content = html! {
        div.grid {
            section.card aria-labelledby="by-id" {
                h2 #by-id { "By id" }
                form method="get" action="/items" role="search" aria-labelledby="by-id" {
                    div.field {
                        label for="id" { "Message-ID or item id" }
                        p.help #id-help { "The Message-ID stands in the headers of every archived mail; reports and lists name item ids" }
                        input #id.mono name="id" value=(id) required autocomplete="off" spellcheck="false" aria-describedby="id-help";
                    }
                    button.primary type="submit" { "Find" }
                }
            }
            (search::form(&asked))
        }
        (found)
    };
    Ok(Page::new("Find an item").show(&content))
}

async fn look_up(
    services: &mut Services,
    asked: &str,
    links: &TraceLinks,
) -> Result<Markup, PageError> {
    let Some(id) = ItemId::parse(asked) else {
        let words =
            html! { p { "Give the id in hexadecimal or base32, or the Message-ID of the mail." } };
        return Ok(layout::notice("bad", "That is not an item's id", &words));
    };
    let request = TraceItemRequest {
        item: id.as_bytes().to_vec().into(),
        ..TraceItemRequest::default()
    };
    match services.control.trace_item(request).await {
        Ok(item) => Ok(way(id, &item.into_inner(), links)),
        Err(status) if status.code() == Code::NotFound => {
            let words = html! { p { "No connector has archived an item of this id." } };
            Ok(layout::notice("warn", "There is no such item", &words))
        }
        Err(status) => Err(status.into()),
    }
}

fn way(id: ItemId, item: &TraceItemResponse, links: &TraceLinks) -> Markup {
    let connector = format!("/connectors/{}", item.connector);
    html! {
        section.card aria-labelledby="way" {
            h2 #way { "Its way" }
            dl {
                dt { "Item" } dd { code { (id) } }
                dt { "Run" } dd {
                    a href={ (connector) "/runs/" (item.run_number) } { "Run " (item.run_number) } " of "
                    a href=(connector) { (item.connector) }
                }
                dt { "Conversation" } dd { (item.kind) ", " (words::when(item.date)) ", " (number(item.records.into())) " records" }
                @if !item.files.is_empty() { dt { "Read from" } dd { @for file in &item.files { div { (file) } } } }
                (blob("Captured", item.batch.as_ref()))
                (blob("Rendered", item.blob.as_ref()))
                @for (part, position) in item.parts.iter().zip(1..) {
                    dt { "Part " (position) } dd { (number(part.size)) " bytes, SHA-256 " code { (HEXLOWER.encode(&part.sha256)) } }
                }
                @if !item.supersedes.is_empty() {
                    @let older = HEXLOWER.encode(&item.supersedes);
                    dt { "Supersedes" } dd { a href={ "/items?id=" (older) } { code { (older) } } }
                }
                (trace("Rendered in trace", &item.rendered_in, links))
                @if item.planned_in != item.rendered_in { (trace("Planned in trace", &item.planned_in, links)) }
            }
        }
        section.card.flush aria-labelledby="copies" {
            h2 #copies { "Copies" }
            div.scroll { table.stack {
                caption.unseen { "Copies of the item, by participant" }
                thead { tr { th scope="col" { "Participant" } th scope="col" { "Mailbox" } th scope="col" { "State" } th scope="col" { "Since" } th scope="col" { "Trace" } } }
                tbody { @for copy in &item.copies { (row(copy, links)) } }
            } }
        }
    }
}

fn blob(name: &str, blob: Option<&Blob>) -> Markup {
    html! { @if let Some(blob) = blob { dt { (name) } dd { code { "staging/" (blob.key) } } } }
}

fn trace(name: &str, id: &str, links: &TraceLinks) -> Markup {
    html! { @if !id.is_empty() { dt { (name) } dd { (trace_id(id, links)) } } }
}

/// A trace's id, as a link where the console knows to where.
fn trace_id(id: &str, links: &TraceLinks) -> Markup {
    html! {
        @if id.is_empty() { (words::none()) }
        @else if let Some(link) = links.link(id) { a href=(link) { code { (id) } } }
        @else { code { (id) } }
    }
}

/// What became of a copy.
fn state_badge(copy: &TracedCopy) -> Markup {
    let (kind, state) = match (copy.placement(), copy.state()) {
        (Placement::External, _) => ("plain", "external, no mailbox of ours"),
        (Placement::Conflict, _) => ("warn", "held, two users have the address"),
        (Placement::Held | Placement::Unspecified, _) => ("warn", "held, no mailbox known yet"),
        (Placement::Mapped, DeliveryState::Unspecified | DeliveryState::Waiting) => {
            ("info", "waits for import")
        }
        (Placement::Mapped, DeliveryState::Imported) => ("good", "imported"),
        (Placement::Mapped, DeliveryState::PartiallyImported) => ("warn", "partially imported"),
        (Placement::Mapped, DeliveryState::Skipped) => ("good", "skipped: it was there already"),
        (Placement::Mapped, DeliveryState::Failed) => ("bad", "failed"),
    };
    html! { span class={ "badge " (kind) } { (state) } @if !copy.reason.is_empty() { " " span.reason { (copy.reason) } } }
}

fn row(copy: &TracedCopy, links: &TraceLinks) -> Markup {
    html! {
        tr {
            th scope="row" { (copy.source_user) }
            td data-label="Mailbox" { @if copy.mailbox.is_empty() { (words::none()) } @else { (copy.mailbox) } }
            td data-label="State" { div { (state_badge(copy)) } }
            td data-label="Since" { (words::when_or_none(copy.settled)) }
            td data-label="Trace" {
                @if copy.traces_kept > 0 { span.none { "not known any more: traces are kept " (words::duration(Duration::from_secs(copy.traces_kept))) } }
                @else { (trace_id(&copy.settled_in, links)) }
            }
        }
    }
}
