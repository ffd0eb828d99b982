//! Backfills: days long past, archived slice by slice.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chatkeep_proto::v1::{
    BackfillRequest, BackfillSummary, CancelBackfillRequest, ListBackfillsRequest,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem,
    words::{read_day, time, word},
};
use crate::Services;

/// Which days to archive.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackfillOrder {
    /// First UTC day: `2020-01-01`.
    #[schema(format = Date)]
    from: String,
    /// UTC day behind the last one.
    #[schema(format = Date)]
    to: String,
    /// Days per run; by default 7.
    #[serde(default)]
    slice_days: Option<u32>,
    /// Archives the last days first.
    #[serde(default)]
    newest_first: bool,
}

/// A backfill that was ordered.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ordered {
    id: i64,
}

/// A connector's backfills.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackfillList {
    backfills: Vec<Backfill>,
}

/// A backfill, and how far it is.
#[derive(Serialize, ToSchema)]
struct Backfill {
    id: i64,
    from: String,
    to: String,
    slice_days: u32,
    newest_first: bool,
    /// Up to when its runs covered everything; newest first: back to when.
    covered: String,
    /// open, finished, cancelled or failed
    state: String,
    /// Runs that have closed.
    runs: u32,
    /// Conversations that they archived.
    items: u64,
    /// Milliseconds that the rest takes at the same pace; null until a run has closed.
    remaining: Option<i64>,
}

/// Lists a connector's backfills, the newest first.
#[utoipa::path(get, path = "/connectors/{connector}/backfills", tag = "backfills",
    operation_id = "list_backfills",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 200, description = "All of them", body = BackfillList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
) -> Result<Json<BackfillList>, Problem> {
    let request = ListBackfillsRequest { connector };
    let all = services.control.list_backfills(request).await?.into_inner();
    let backfills = all.backfills.into_iter().map(Backfill::from).collect();
    Ok(Json(BackfillList { backfills }))
}

/// Orders runs over days long past, one after the other.
#[utoipa::path(post, path = "/connectors/{connector}/backfills", tag = "backfills", request_body = BackfillOrder,
    operation_id = "order_backfill",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 202, description = "It was ordered", body = Ordered)))]
pub(super) async fn order(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Json(order): Json<BackfillOrder>,
) -> Result<(StatusCode, Json<Ordered>), Problem> {
    let request = BackfillRequest {
        connector,
        from: read_day("from", &order.from)?,
        to: read_day("to", &order.to)?,
        slice_days: order.slice_days.unwrap_or_default(),
        newest_first: order.newest_first,
    };
    let ordered = services.control.backfill(request).await?.into_inner();
    let ordered = Ordered {
        id: ordered.backfill,
    };
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Ends a backfill: its open run is cancelled, no further one is opened.
#[utoipa::path(post, path = "/connectors/{connector}/backfills/{backfill}/cancel", tag = "backfills",
    operation_id = "cancel_backfill",
    params(("connector" = String, Path, description = "The connector's id"),
        ("backfill" = i64, Path, description = "The backfill")),
    responses((status = 204, description = "It ends"),
        (status = 409, description = "It has ended", body = Problem)))]
pub(super) async fn cancel(
    State(mut services): State<Services>,
    Path((connector, backfill)): Path<(String, i64)>,
) -> Result<StatusCode, Problem> {
    let request = CancelBackfillRequest {
        connector,
        backfill,
    };
    services.control.cancel_backfill(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<BackfillSummary> for Backfill {
    fn from(summary: BackfillSummary) -> Self {
        Self {
            id: summary.backfill,
            from: time(summary.from),
            to: time(summary.to),
            slice_days: summary.slice_days,
            newest_first: summary.newest_first,
            covered: time(summary.covered),
            state: word(summary.state().as_str_name(), "BACKFILL_STATE"),
            runs: summary.runs,
            items: summary.items,
            remaining: summary.remaining,
        }
    }
}
