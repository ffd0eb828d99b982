//! The items of a user in a range of days. Metadata only.

use chatkeep_proto::v1::{FindItemsRequest, FindItemsResponse, FoundItem};
use chatkeep_report::number;
use data_encoding::HEXLOWER;
use maud::{Markup, html};

use super::{Asked, state_badge};
use crate::{
    Services,
    error::PageError,
    pages::{form, words},
};

/// Items of a page.
const LIMIT: u32 = 50;

/// What is asked for whom, from when to when.
pub(super) fn form(asked: &Asked) -> Markup {
    html! {
        section.card aria-labelledby="by-user" {
            h2 #by-user { "By user and time" }
            form method="get" action="/items" role="search" aria-labelledby="by-user" {
                div.field {
                    label for="user" { "User" }
                    p.help #user-help { "A mailbox, or the address that the source knew a participant by" }
                    input #user name="user" value=(asked.user) required inputmode="email" autocomplete="off" spellcheck="false"
                        aria-describedby="user-help";
                }
                div.pair {
                    div.field { label for="from" { "First day (UTC)" } input #from name="from" type="date" value=(asked.from) required; }
                    div.field { label for="to" { "Last day (UTC)" } input #to name="to" type="date" value=(asked.to) required; }
                }
                button.primary type="submit" { "Find items" }
            }
        }
    }
}

/// A page of what is found.
pub(super) async fn found(services: &mut Services, asked: &Asked) -> Result<Markup, PageError> {
    let request = FindItemsRequest {
        user: asked.user.trim().to_owned(),
        from: form::midnight(&asked.from)?.as_second(),
        to: form::end(&asked.to)?.as_second(),
        connector: String::new(),
        page: asked.page.clone(),
        limit: LIMIT,
    };
    let answer = services.control.find_items(request).await?.into_inner();
    Ok(html! {
        section.card.flush aria-labelledby="found" {
            h2 #found { "Items of " (asked.user) ", by date" }
            @if answer.items.is_empty() { p.head.soft { (nothing(&answer)) } } @else { div.scroll { (table(&answer.items)) } }
            (pager(asked, &answer.next))
        }
    })
}

fn nothing(answer: &FindItemsResponse) -> &'static str {
    if answer.next.is_empty() {
        "There are none in these days."
    } else {
        "None up to here: these days have many items. Go on with the next page."
    }
}

fn table(items: &[FoundItem]) -> Markup {
    html! {
        table.stack {
            caption.unseen { "Items of the user, by date" }
            thead { tr {
                th scope="col" { "Item" } th scope="col" { "Date" } th scope="col" { "Conversation" }
                th scope="col" { "Run" } th scope="col" { "State" }
            } }
            tbody { @for item in items { (row(item)) } }
        }
    }
}

fn row(item: &FoundItem) -> Markup {
    let id = HEXLOWER.encode(&item.item);
    let connector = format!("/connectors/{}", item.connector);
    html! {
        tr {
            th scope="row" { a.mono href={ "/items?id=" (id) } { (id.get(..12).unwrap_or(&id)) "…" } }
            td data-label="Date" { (words::when(item.date)) }
            td data-label="Conversation" { (item.kind) ", " (number(item.records.into())) @if item.records == 1 { " record" } @else { " records" } }
            td data-label="Run" { div {
                a href={ (connector) "/runs/" (item.run_number) } { "Run " (item.run_number) } " of " (item.connector)
            } }
            td data-label="State" { @if let Some(copy) = &item.copy { div { (state_badge(copy)) } } }
        }
    }
}

fn pager(asked: &Asked, next: &str) -> Markup {
    let page = |page: &str| {
        let asked = Asked {
            page: page.to_owned(),
            ..asked.clone()
        };
        format!(
            "/items?{}",
            serde_urlencoded::to_string(asked).unwrap_or_default()
        )
    };
    html! {
        @if !asked.page.is_empty() || !next.is_empty() {
            nav.pager aria-label="Pages" {
                @if !asked.page.is_empty() { a href=(page("")) { "First page" } }
                @if !next.is_empty() { a href=(page(next)) { "Next page" } }
            }
        }
    }
}
