//! Who did what, the last thing first.

use axum::extract::{Query, State};
use chatkeep_proto::v1::{AuditEntry, ListAuditRequest};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::{form, layout::Page, words};
use crate::{Services, error::PageError};

/// Entries of a page.
const LIMIT: u32 = 50;

/// Which entries are asked for.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// First and last day, UTC.
    from: String,
    to: String,
    /// Who did it: a subject.
    subject: String,
    action: String,
    /// Id of the connector it is about.
    connector: String,
    /// What it is about beside that.
    object: String,
    /// Only entries before the one of this sequence number.
    before: i64,
}

/// `GET /audit`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let answer = services.access.list_audit(asked.request()?).await?;
    let answer = answer.into_inner();
    let content = html! {
        (filters(&asked))
        section.card.flush aria-labelledby="entries" {
            h2 #entries { "Entries, newest first" }
            @if answer.entries.is_empty() {
                p.head.soft { "There is no such entry." }
            } @else {
                div.scroll { (table(&answer.entries)) }
            }
            (pager(&asked, answer.next))
        }
    };
    let export = html! {
        a.button href="/api/v1/audit/export" download { "Download everything" }
    };
    Ok(Page::new("Audit trail").beside(export).show(&content))
}

impl Asked {
    fn request(&self) -> Result<ListAuditRequest, Status> {
        let time = |day: &str, time: fn(&str) -> Result<Timestamp, Status>| {
            let time = Some(day).filter(|day| !day.is_empty()).map(time);
            Ok::<_, Status>(time.transpose()?.map(Timestamp::as_millisecond))
        };
        Ok(ListAuditRequest {
            cursor: self.before.max(0),
            limit: LIMIT,
            newest_first: true,
            from: time(&self.from, form::midnight)?,
            to: time(&self.to, form::end)?,
            subject: self.subject.trim().to_owned(),
            connector: self.connector.trim().to_owned(),
            object: self.object.trim().to_owned(),
            action: self.action.trim().to_owned(),
        })
    }

    /// The page's address with these filters.
    fn address(&self) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        format!("/audit?{query}")
    }
}

fn filters(asked: &Asked) -> Markup {
    let field = |name: &str, label: &str, value: &str, example: &str| {
        html! {
            div.field {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(value) placeholder=(example) autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        section.card {
            form method="get" action="/audit" role="search" aria-label="Filter" {
                div.pair {
                    div.field { label for="from" { "First day (UTC)" } input #from name="from" type="date" value=(asked.from); }
                    div.field { label for="to" { "Last day (UTC)" } input #to name="to" type="date" value=(asked.to); }
                    (field("subject", "Who (subject)", &asked.subject, ""))
                    (field("action", "Action", &asked.action, "run.retry"))
                    (field("connector", "Connector (id)", &asked.connector, ""))
                    (field("object", "Object", &asked.object, "a run's number, a secret's name"))
                }
                button.primary type="submit" { "Show" }
                @if asked.address() != Asked::default().address() { " " a.button href="/audit" { "Show all" } }
            }
        }
    }
}

fn table(entries: &[AuditEntry]) -> Markup {
    html! {
        table.stack {
            caption.unseen { "Entries of the audit trail, newest first" }
            thead { tr {
                th scope="col" { "Entry" } th scope="col" { "Time" } th scope="col" { "Who" }
                th scope="col" { "Action" } th scope="col" { "About" } th scope="col" { "Details" }
            } }
            tbody { @for entry in entries { (row(entry)) } }
        }
    }
}

fn row(entry: &AuditEntry) -> Markup {
    html! {
        tr {
            th scope="row" { (entry.sequence) }
            td data-label="Time" { (words::when(entry.time.div_euclid(1_000))) }
            td data-label="Who" { (who(entry)) }
            td data-label="Action" { div { (action(entry)) } }
            td data-label="About" { (about(entry)) }
            td data-label="Details" { (details(&entry.detail)) }
        }
    }
}

fn who(entry: &AuditEntry) -> Markup {
    let actor = entry.actor.clone().unwrap_or_default();
    let all = Asked {
        subject: actor.subject.clone(),
        ..Asked::default()
    };
    let name = match actor.name.as_str() {
        "" => &actor.subject,
        name => name,
    };
    html! {
        div {
            a href=(all.address()) { (name) }
            @if !actor.roles.is_empty() { div.small.soft { (actor.roles.join(", ")) } }
            @if !actor.address.is_empty() { div.small.soft { "from " (actor.address) } }
        }
    }
}

fn action(entry: &AuditEntry) -> Markup {
    let kind = match entry.outcome.as_str() {
        "done" => "good",
        "refused" => "warn",
        _ => "bad",
    };
    html! { code { (entry.action) } " " span class={ "badge " (kind) } { (entry.outcome) } }
}

fn about(entry: &AuditEntry) -> Markup {
    html! {
        @if entry.connector.is_empty() && entry.object.is_empty() { (words::none()) } @else {
            div {
                @if !entry.connector.is_empty() { a href={ "/connectors/" (entry.connector) } { (entry.connector) } " " }
                (entry.object)
            }
        }
    }
}

/// What was before and after, as control wrote it: a JSON object, secrets masked.
fn details(text: &str) -> Markup {
    let value = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let is_empty = value.as_object().is_none_or(serde_json::Map::is_empty);
    html! {
        @if is_empty { (words::none()) } @else {
            details { summary { "Show" } pre tabindex="0" { (format!("{value:#}")) } }
        }
    }
}

fn pager(asked: &Asked, next: i64) -> Markup {
    let page = |before| Asked {
        before,
        ..asked.clone()
    };
    html! {
        @if asked.before > 0 || next != 0 {
            nav.pager aria-label="Pages" {
                @if asked.before > 0 { a href=(page(0).address()) { "Newest entries" } }
                @if next != 0 { a href=(page(next).address()) { "Older entries" } }
            }
        }
    }
}
