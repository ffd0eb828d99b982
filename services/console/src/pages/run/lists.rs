//! Findings, quarantined, failed, held, excluded and external, page by page.

use chatkeep_proto::v1::{
    Exception, ExceptionKind, ListExceptionsRequest, ReportResponse, exception::Exception as Kind,
};
use chatkeep_report::{finding_line, number};
use data_encoding::HEXLOWER;
use maud::{Markup, html};

use crate::{Services, error::PageError, stored::Stored};

/// Entries of a page.
const LIMIT: u32 = 50;

/// Name in the address, words, kind, and what it means.
const LISTS: [(&str, &str, ExceptionKind, &str); 6] = [
    (
        "findings",
        "Findings",
        ExceptionKind::Finding,
        "Somebody should know; no equation is open.",
    ),
    (
        "quarantined",
        "Quarantined",
        ExceptionKind::Quarantined,
        "Could not be read or rendered. The original bytes are kept.",
    ),
    (
        "failed",
        "Failed",
        ExceptionKind::Failed,
        "The target refused them, or stored some parts only.",
    ),
    (
        "held",
        "Held",
        ExceptionKind::Held,
        "Ours, but no mailbox is known yet. Delivered as soon as directory or mapping know one.",
    ),
    (
        "excluded",
        "Excluded",
        ExceptionKind::Excluded,
        "Left out by a rule of the connector.",
    ),
    (
        "external",
        "External",
        ExceptionKind::External,
        "Not ours: nobody's mailbox here.",
    ),
];

/// One of the lists, and the way to the others. `asked`: the list's name and where its page begins.
pub(super) async fn card(
    services: &mut Services,
    stored: &Stored,
    run: &ReportResponse,
    asked: (&str, &str),
) -> Result<Markup, PageError> {
    let (name, page) = asked;
    let chosen = LISTS.iter().find(|(known, ..)| *known == name);
    let (name, words, kind, meaning) = *chosen.unwrap_or_else(|| first(run));
    let request = ListExceptionsRequest {
        connector: stored.summary.connector.clone(),
        number: run.number,
        kind: kind.into(),
        page: page.to_owned(),
        limit: LIMIT,
    };
    let answer = services
        .control
        .list_exceptions(request)
        .await?
        .into_inner();
    let address = format!("{}/runs/{}", stored.address(), run.number);
    let next =
        percent_encoding::utf8_percent_encode(&answer.next, percent_encoding::NON_ALPHANUMERIC);
    Ok(html! {
        section.card.flush #lists aria-labelledby="exceptions" {
            h2 #exceptions { "Exceptions" }
            nav.tabs aria-label="Lists" {
                @for (known, title, kind, _) in LISTS {
                    a href={ (address) "?list=" (known) "#lists" } aria-current=[(known == name).then_some("page")] {
                        (title) @if let Some(count) = counted(run, kind) { " (" (number(count)) ")" }
                    }
                }
            }
            p.head.soft { (meaning) }
            @if answer.exceptions.is_empty() {
                p.head { "There are none." }
            } @else {
                div.scroll { table.stack {
                    caption.unseen { (words) }
                    thead { (heads(kind)) }
                    tbody { @for one in &answer.exceptions { (row(stored, one)) } }
                } }
            }
            @if !page.is_empty() || !answer.next.is_empty() {
                nav.pager aria-label="Pages" {
                    @if !page.is_empty() { a href={ (address) "?list=" (name) "#lists" } { "First page" } }
                    @if !answer.next.is_empty() { a href={ (address) "?list=" (name) "&page=" (next) "#lists" } { "Next page" } }
                }
            }
        }
    })
}

/// The list to begin with: the worst that there is.
fn first(
    run: &ReportResponse,
) -> &'static (&'static str, &'static str, ExceptionKind, &'static str) {
    let worst = [2, 1, 3, 0].map(|index| &LISTS[index]);
    let there_is = |list: &&(_, _, ExceptionKind, _)| counted(run, list.2).unwrap_or(0) > 0;
    worst.into_iter().find(there_is).unwrap_or(&LISTS[0])
}

/// How many there are, where the balance says it in the list's unit.
fn counted(run: &ReportResponse, kind: ExceptionKind) -> Option<u64> {
    let deliveries = run.deliveries.unwrap_or_default();
    match kind {
        ExceptionKind::Finding => Some(run.findings),
        ExceptionKind::Failed => Some(deliveries.failed + deliveries.partially_imported),
        ExceptionKind::Held => Some(deliveries.held),
        ExceptionKind::Quarantined => Some(run.records.unwrap_or_default().quarantined),
        ExceptionKind::Excluded => Some(run.records.unwrap_or_default().excluded),
        ExceptionKind::External | ExceptionKind::Unspecified => None,
    }
}

fn heads(kind: ExceptionKind) -> Markup {
    let heads: &[&str] = match kind {
        ExceptionKind::Finding => &["Finding"],
        ExceptionKind::Quarantined => &["Source", "Reason", "Records"],
        ExceptionKind::Excluded => &["Rule", "Records"],
        ExceptionKind::Failed => &["Source user", "Mailbox", "Reason", "Item"],
        _ => &["Source user", "Items", "Why"],
    };
    html! { tr { @for head in heads { th scope="col" { (head) } } } }
}

fn row(stored: &Stored, exception: &Exception) -> Markup {
    let Some(exception) = &exception.exception else {
        return html! {};
    };
    html! {
        tr {
            @match exception {
                Kind::Finding(finding) => td { (finding_line(finding)) },
                Kind::Quarantined(entry) => {
                    th scope="row" { (entry.source) }
                    td data-label="Reason" { (entry.reason) }
                    td data-label="Records" { (number(entry.records)) }
                },
                Kind::Excluded(rule) => {
                    th scope="row" { (rule.rule) }
                    td data-label="Records" { (number(rule.records)) }
                },
                Kind::Failed(failed) => {
                    @let item = HEXLOWER.encode(&failed.item);
                    th scope="row" { (failed.source_user) }
                    td data-label="Mailbox" { (failed.mailbox) }
                    td data-label="Reason" { (failed.reason) @if failed.partial { " (some parts are stored)" } }
                    td data-label="Item" { a.mono href={ "/items?id=" (item) } { (item.get(..12).unwrap_or(&item)) "…" } }
                },
                Kind::Held(user) => {
                    th scope="row" { (user.source_user) }
                    td data-label="Items" { (number(user.items)) }
                    td data-label="Why" {
                        @if user.conflict { "two users have the address. " } @else { "no mailbox known. " }
                        a href={ (stored.address()) "/held" } { "Map now" }
                    }
                },
                Kind::External(user) => {
                    th scope="row" { (user.source_user) }
                    td data-label="Items" { (number(user.items)) }
                    td data-label="Why" { "not one of our domains" }
                },
            }
        }
    }
}
