//! What a run could not do as planned, and why.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use chatkeep_proto::v1::{
    Exception, ExceptionKind, ListExceptionsRequest, exception::Exception as Kind,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    words::{hex, limit},
};
use crate::Services;

/// Which exceptions to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExceptionPage {
    /// finding, quarantined, excluded, held, external or failed; by default all, kind after kind
    #[param(pattern = "^(finding|quarantined|excluded|held|external|failed)$")]
    kind: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// By default 100. A page may be shorter and not be the last one.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page of exceptions.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExceptionList {
    exceptions: Vec<ExceptionEntry>,
    /// `cursor` of the page that follows; null at the end.
    next: Option<String>,
}

/// Something that was not done as planned.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ExceptionEntry {
    /// What somebody should know; no equation is open for it.
    Finding {
        finding: String,
        subject: String,
        expected: Option<u64>,
        seen: Option<u64>,
        advice: String,
    },
    /// Could not be read or rendered; the original bytes are kept.
    Quarantined {
        source: String,
        reason: String,
        records: u64,
    },
    /// Left out by a rule of the connector file.
    Excluded { rule: String, records: u64 },
    /// Ours, and no mailbox known: delivered by itself once it is.
    Held {
        source_user: String,
        items: u64,
        /// Two users have the address.
        conflict: bool,
    },
    /// Not ours.
    External { source_user: String, items: u64 },
    /// Not imported.
    Failed {
        /// Item id, hexadecimal.
        item: String,
        source_user: String,
        mailbox: String,
        reason: String,
        /// Some parts are stored.
        partial: bool,
    },
}

/// Lists what a run could not do as planned.
#[utoipa::path(get, path = "/connectors/{connector}/runs/{number}/exceptions", tag = "runs",
    operation_id = "list_exceptions",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector"), ExceptionPage),
    responses((status = 200, description = "A page", body = ExceptionList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
    Query(page): Query<ExceptionPage>,
) -> Result<Json<ExceptionList>, Problem> {
    let request = ListExceptionsRequest {
        connector,
        number,
        kind: kind(page.kind.as_deref())?.into(),
        page: page.cursor.unwrap_or_default(),
        limit: limit(page.limit, 100, 500)?,
    };
    let answer = services
        .control
        .list_exceptions(request)
        .await?
        .into_inner();
    let exceptions = answer.exceptions.into_iter();
    Ok(Json(ExceptionList {
        exceptions: exceptions.filter_map(entry).collect(),
        next: Some(answer.next).filter(|next| !next.is_empty()),
    }))
}

fn kind(name: Option<&str>) -> Result<ExceptionKind, Problem> {
    let Some(name) = name else {
        return Ok(ExceptionKind::Unspecified);
    };
    let name = format!("EXCEPTION_KIND_{}", name.to_ascii_uppercase());
    let kind = ExceptionKind::from_str_name(&name);
    let problem = "kind: give finding, quarantined, excluded, held, external or failed.";
    kind.ok_or_else(|| Problem::unprocessable(problem))
}

fn entry(exception: Exception) -> Option<ExceptionEntry> {
    Some(match exception.exception? {
        Kind::Finding(finding) => ExceptionEntry::Finding {
            finding: finding.kind,
            subject: finding.subject,
            expected: finding.expected,
            seen: finding.seen,
            advice: finding.advice,
        },
        Kind::Quarantined(entry) => ExceptionEntry::Quarantined {
            source: entry.source,
            reason: entry.reason,
            records: entry.records,
        },
        Kind::Excluded(rule) => ExceptionEntry::Excluded {
            rule: rule.rule,
            records: rule.records,
        },
        Kind::Held(user) => ExceptionEntry::Held {
            source_user: user.source_user,
            items: user.items,
            conflict: user.conflict,
        },
        Kind::External(user) => ExceptionEntry::External {
            source_user: user.source_user,
            items: user.items,
        },
        Kind::Failed(failed) => ExceptionEntry::Failed {
            item: hex(&failed.item),
            source_user: failed.source_user,
            mailbox: failed.mailbox,
            reason: failed.reason,
            partial: failed.partial,
        },
    })
}
