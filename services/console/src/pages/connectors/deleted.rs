//! Connectors that were deleted, and their way back.

use std::{cmp::Reverse, collections::HashMap};

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use chatkeep_proto::v1::{ConnectorState, ConnectorSummary, ListAuditRequest, PutConnectorRequest};
use maud::{Markup, html};
use tonic::Status;

use crate::{
    Services,
    error::PageError,
    pages::{
        connector::actions::back, form, form::Fields, layout, proposals::proposed, viewer, words,
    },
    sign_in::Right,
    stored::Stored,
};

/// Deletions of the audit trail that are looked at for who did it, the newest. Each has the file that was deleted.
const DELETIONS: u32 = 100;

/// All of them behind a fold, the last one first; `approval`: somebody else has to approve that one is restored.
pub(super) async fn card(
    services: &mut Services,
    mut deleted: Vec<ConnectorSummary>,
    approval: bool,
) -> Result<Markup, Status> {
    if deleted.is_empty() {
        return Ok(html! {});
    }
    deleted.sort_by_key(|one| Reverse(one.changed));
    // The list of connectors is not kept from anybody because this cannot be told.
    let people = people(services, "").await.unwrap_or_default();
    Ok(html! {
        section.card aria-labelledby="deleted" {
            details {
                summary #deleted { "Deleted connectors (" (deleted.len()) ")" }
                p { "Their runs, logs and seals are kept. One that is restored goes on from what it has archived: nothing is archived twice." }
                (table(&deleted, &people, approval))
            }
        }
    })
}

fn table(deleted: &[ConnectorSummary], people: &HashMap<String, String>, approval: bool) -> Markup {
    let is_told = viewer::may(Right::Operate);
    let may_restore = viewer::may(Right::Administer);
    html! {
        div.scroll { table.stack {
            caption.unseen { "Deleted connectors, the last one first" }
            thead { tr {
                th scope="col" { "Name" }
                th scope="col" { "Deleted" }
                @if is_told { th scope="col" { "By" } }
                @if may_restore { th scope="col" { "Restore" } }
            } }
            tbody { @for one in deleted { tr {
                th scope="row" { a.strong href={ "/connectors/" (one.connector) } { (one.name) } }
                td data-label="Deleted" { (when(one)) }
                @if is_told {
                    td data-label="By" { @match people.get(&one.connector) { Some(name) => span { (name) }, None => (words::none()) } }
                }
                @if may_restore { td data-label="Restore" { (form(one, approval)) } }
            } } }
        } }
    }
}

/// When a deleted connector was deleted: nothing changes it afterwards.
fn when(deleted: &ConnectorSummary) -> Markup {
    words::when_or_none(deleted.changed.map(|time| time.div_euclid(1_000)))
}

fn form(deleted: &ConnectorSummary, approval: bool) -> Markup {
    let fields = html! {
        input type="hidden" name="version" value=(deleted.version);
        div.field { label { input type="checkbox" name="is_scheduled" value="true"; "Run by itself, as its schedule says" } }
        @if approval {
            div.field { label { "Why, for the other person who approves it (optional)" input name="reason" maxlength="2000" autocomplete="off"; } }
        }
        button type="submit" { @if approval { "Propose to restore " } @else { "Restore " } (deleted.name) }
    };
    form::post(
        &format!("/connectors/{}/restore", deleted.connector),
        &fields,
    )
}

/// What the page of a deleted connector begins with; nothing on that of another one.
pub(in crate::pages) async fn notice(
    services: &mut Services,
    connector: &ConnectorSummary,
    approval: bool,
) -> Result<Markup, Status> {
    if connector.state() != ConnectorState::Deleted {
        return Ok(html! {});
    }
    let people = people(services, &connector.connector).await?;
    let content = html! {
        p {
            (when(connector))
            @if let Some(name) = people.get(&connector.connector) { ", by " (name) }
            ". It opens no run. What it archived stays where it is."
        }
        @if viewer::may(Right::Administer) { (form(connector, approval)) }
    };
    let title = "This connector was deleted";
    Ok(layout::notice("warn", title, &content))
}

/// Who deleted a connector last, of all when none is named, by its id. Nobody is told who may not look at the
/// audit trail.
async fn people(
    services: &mut Services,
    connector: &str,
) -> Result<HashMap<String, String>, Status> {
    if !viewer::may(Right::Operate) {
        return Ok(HashMap::new());
    }
    let request = ListAuditRequest {
        limit: DELETIONS,
        newest_first: true,
        connector: connector.to_owned(),
        action: "connector.delete".to_owned(),
        ..ListAuditRequest::default()
    };
    let entries = services.access.list_audit(request).await?;
    // Deletions that were refused are told of, too.
    let mut entries = entries.into_inner().entries;
    entries.retain(|entry| entry.outcome == "done");
    let mut people = HashMap::new();
    for entry in entries {
        let actor = entry.actor.unwrap_or_default();
        let name = if actor.name.is_empty() {
            actor.subject
        } else {
            actor.name
        };
        people.entry(entry.connector).or_insert(name);
    }
    Ok(people)
}

/// `POST /connectors/{id}/restore`: stores what was deleted once more, unless it was changed since it was shown.
pub(crate) async fn restore(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let is_as_shown = stored.summary.state() == ConnectorState::Deleted
        && fields.get("version") == stored.summary.version.to_string();
    if !is_as_shown {
        let changed = Status::aborted("It was restored, or deleted another time.");
        return Err(changed.into());
    }
    let request = PutConnectorRequest {
        connector_file: stored.file,
        schedule: fields.has("is_scheduled"),
        max_part_bytes: stored.max_part_bytes,
        expected_version: Some(0),
        reason: fields.get("reason").to_owned(),
    };
    let put = services.control.put_connector(request).await?.into_inner();
    Ok(match put.proposal {
        0 => back(&id, "restored"),
        proposal => proposed(proposal),
    })
}
