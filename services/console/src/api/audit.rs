//! Who did what.

#[cfg(test)]
mod tests;

use std::future::ready;

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    response::Response,
};
use chatkeep_proto::v1::{AppendAuditRequest, AuditEntry, ListAuditRequest};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tonic::Status;
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    log::download,
    words::{hex, limit, number, read_time},
};
use crate::Services;

/// Entries that the export reads at once.
const PAGE: u32 = 1_000;

/// Which entries to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditPage {
    /// `next` of the page before.
    cursor: Option<u64>,
    /// By default 100.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<u32>,
    /// The last entries first.
    #[serde(default)]
    newest_first: bool,
    /// Only entries from this time on.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only entries before this time.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Only of this subject.
    subject: Option<String>,
    /// Only about this connector, by id.
    connector: Option<String>,
    /// Only about this, beside the connector: a run's number, a secret's name.
    object: Option<String>,
    /// Only of this action: `run.retry`.
    action: Option<String>,
}

/// A page of the audit trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditList {
    entries: Vec<AuditLine>,
    /// `cursor` of the page that follows; null at the end.
    next: Option<i64>,
}

/// An entry, in the form that `chatkeep audit verify --from` reads.
#[derive(Serialize, ToSchema)]
struct AuditLine {
    /// From 1, without a gap.
    sequence: i64,
    /// Unix milliseconds.
    time: i64,
    subject: String,
    name: String,
    roles: Vec<String>,
    /// The address the request came from.
    address: String,
    action: String,
    /// Id of the connector it is about.
    connector: String,
    object: String,
    /// done, refused or denied
    outcome: String,
    /// A JSON object as text: the hash is over the text.
    detail: String,
    /// Hash of the entry before, hexadecimal.
    previous: String,
    /// SHA-256 over all of the above, hexadecimal.
    hash: String,
}

/// Lists entries of the audit trail.
#[utoipa::path(get, path = "/audit", tag = "audit", operation_id = "list_audit", params(AuditPage),
    responses((status = 200, description = "A page", body = AuditList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
    Query(page): Query<AuditPage>,
) -> Result<Json<AuditList>, Problem> {
    let time = |name, time: Option<String>| {
        let time = time.map(|time| read_time(name, &time)).transpose();
        time.map(|time| time.map(Timestamp::as_millisecond))
    };
    let request = ListAuditRequest {
        cursor: number("cursor", page.cursor)?,
        limit: limit(page.limit, 100, 1_000)?,
        newest_first: page.newest_first,
        from: time("from", page.from)?,
        to: time("to", page.to)?,
        subject: page.subject.unwrap_or_default(),
        connector: page.connector.unwrap_or_default(),
        object: page.object.unwrap_or_default(),
        action: page.action.unwrap_or_default(),
    };
    let answer = services.access.list_audit(request).await?.into_inner();
    Ok(Json(AuditList {
        entries: answer.entries.into_iter().map(AuditLine::from).collect(),
        next: Some(answer.next).filter(|next| *next != 0),
    }))
}

/// Downloads the audit trail, one JSON object a line. `chatkeep audit verify --from` checks its chain.
#[utoipa::path(get, path = "/audit/export", tag = "audit", operation_id = "export_audit",
    responses((status = 200, description = "All entries, the first one first", body = String,
        content_type = "application/x-ndjson")))]
pub(super) async fn export(State(mut services): State<Services>) -> Result<Response, Problem> {
    let note = AppendAuditRequest {
        action: "audit.download".to_owned(),
        outcome: "done".to_owned(),
        ..AppendAuditRequest::default()
    };
    services.access.append_audit(note).await?;
    // The first page is asked for before anything is answered: what fails there is a problem, not an end.
    let first = lines_behind(&mut services, 0).await?;
    let rest = (first.next, services);
    let rest = stream::try_unfold(rest, |(cursor, mut services)| async move {
        let Some(cursor) = cursor else {
            return Ok::<_, Status>(None);
        };
        let page = lines_behind(&mut services, cursor).await?;
        Ok(Some((page.text, (page.next, services))))
    });
    let all = stream::once(ready(Ok(first.text))).chain(rest);
    // An export that breaks off ends its connection: nobody takes it for a whole one.
    let body = Body::from_stream(all);
    Ok(download("audit.jsonl", "application/x-ndjson", body))
}

/// A page of the export, and the cursor of the one that follows.
struct Lines {
    text: String,
    next: Option<i64>,
}

async fn lines_behind(services: &mut Services, cursor: i64) -> Result<Lines, Status> {
    let request = ListAuditRequest {
        cursor,
        limit: PAGE,
        ..ListAuditRequest::default()
    };
    let page = services.access.list_audit(request).await?.into_inner();
    let mut text = String::new();
    for entry in page.entries {
        let line = serde_json::to_string(&AuditLine::from(entry));
        text.push_str(&line.map_err(|error| Status::internal(error.to_string()))?);
        text.push('\n');
    }
    let next = Some(page.next).filter(|next| *next > cursor);
    Ok(Lines { text, next })
}

impl From<AuditEntry> for AuditLine {
    fn from(entry: AuditEntry) -> Self {
        let actor = entry.actor.unwrap_or_default();
        Self {
            sequence: entry.sequence,
            time: entry.time,
            subject: actor.subject,
            name: actor.name,
            roles: actor.roles,
            address: actor.address,
            action: entry.action,
            connector: entry.connector,
            object: entry.object,
            outcome: entry.outcome,
            detail: entry.detail,
            previous: hex(&entry.previous),
            hash: hex(&entry.hash),
        }
    }
}
