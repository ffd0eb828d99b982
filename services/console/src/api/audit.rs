//! Who did what.

use axum::{
    Json,
    extract::{Query, State},
    response::Response,
};
use chatkeep_proto::v1::{AppendAuditRequest, ListAuditRequest, ListAuditResponse};
use chatkeep_report::AuditLine;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tonic::Status;
use utoipa::{IntoParams, ToSchema};

use super::{Problem, log::download, words::read_time};
use crate::Services;

/// Which entries to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditPage {
    /// `next` of the page before.
    cursor: Option<i64>,
    /// 1 to 1000; by default 100.
    limit: Option<u32>,
    /// The last entries first.
    #[serde(default)]
    newest_first: bool,
    /// Only entries from this time on.
    from: Option<String>,
    /// Only entries before this time.
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
        cursor: page.cursor.unwrap_or_default().max(0),
        limit: page.limit.unwrap_or(100).clamp(1, 1_000),
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
    let (mut text, mut cursor) = (String::new(), 0);
    loop {
        let request = ListAuditRequest {
            cursor,
            limit: 1_000,
            ..ListAuditRequest::default()
        };
        let page: ListAuditResponse = services.access.list_audit(request).await?.into_inner();
        for entry in page.entries {
            let line = serde_json::to_string(&AuditLine::from(entry));
            text.push_str(&line.map_err(|error| Status::internal(error.to_string()))?);
            text.push('\n');
        }
        if page.next <= cursor {
            return Ok(download("audit.jsonl", "application/x-ndjson", text));
        }
        cursor = page.next;
    }
}
