//! Runs: what was captured once, and what became of it.

mod document;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use chatkeep_proto::v1::{
    CancelRunRequest, DeliverHeldRequest, ListRunsRequest, OpenRunRequest, ReportRequest,
    ReportResponse, RetryRequest,
};

use super::{
    Problem,
    connectors::stored,
    words::{self, read_day},
};
use crate::Services;

use self::document::{Opened, Retried, Run, RunList, RunOrder, RunPage};

/// The run of this number.
pub(super) async fn report(
    services: &mut Services,
    connector: String,
    number: i64,
) -> Result<ReportResponse, Problem> {
    if number < 1 {
        return Err(Problem::of(StatusCode::NOT_FOUND, "There is no such run."));
    }
    let request = ReportRequest {
        connector,
        number,
        ..ReportRequest::default()
    };
    Ok(services.control.report(request).await?.into_inner())
}

/// Opens a run, or goes on with the connector's unfinished one.
#[utoipa::path(post, path = "/connectors/{connector}/runs", tag = "runs", request_body = RunOrder,
    operation_id = "open_run",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 202, description = "It runs", body = Opened)))]
pub(super) async fn open(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Json(order): Json<RunOrder>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    let day = |name, day: Option<String>| day.map(|day| read_day(name, &day)).transpose();
    let (from, to) = (day("from", order.from)?, day("to", order.to)?);
    let stored = stored(&mut services, connector).await?;
    let request = OpenRunRequest {
        connector_file: stored.connector_file,
        from,
        to,
        scheduled: false,
        max_part_bytes: stored.max_part_bytes,
    };
    let opened = services.control.open_run(request).await?.into_inner();
    Ok((StatusCode::ACCEPTED, Json(opened.into())))
}

/// Opens a run that captures nothing: it delivers what was held, as far as its mailboxes are known now.
#[utoipa::path(post, path = "/connectors/{connector}/deliver-held", tag = "runs",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 202, description = "It runs", body = Opened)))]
pub(super) async fn deliver_held(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    let stored = stored(&mut services, connector).await?;
    let request = DeliverHeldRequest {
        connector_file: stored.connector_file,
        max_part_bytes: stored.max_part_bytes,
    };
    let opened = services.control.deliver_held(request).await?.into_inner();
    Ok((StatusCode::ACCEPTED, Json(opened.into())))
}

/// Lists a connector's runs, the newest first. Numbers of runs that are not sealed are not counted here.
#[utoipa::path(get, path = "/connectors/{connector}/runs", tag = "runs",
    operation_id = "list_runs",
    params(("connector" = String, Path, description = "The connector's id"), RunPage),
    responses((status = 200, description = "A page", body = RunList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Query(page): Query<RunPage>,
) -> Result<Json<RunList>, Problem> {
    let limit = words::limit(page.limit, 50, 500)?;
    let request = ListRunsRequest {
        connector,
        limit,
        before: words::number("before", page.before)?,
        brief: true,
    };
    let runs = services.control.list_runs(request).await?.into_inner().runs;
    let is_full = runs.len() == limit as usize;
    let next = runs.last().filter(|_| is_full).map(|run| run.number);
    let runs = runs.into_iter().map(Run::from).collect();
    Ok(Json(RunList { runs, next }))
}

/// Reads a run with its balance.
#[utoipa::path(get, path = "/connectors/{connector}/runs/{number}", tag = "runs",
    operation_id = "read_run",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 200, description = "The run", body = Run)))]
pub(super) async fn read(
    State(mut services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<Json<Run>, Problem> {
    let report = report(&mut services, connector, number).await?;
    Ok(Json(report.into()))
}

/// Tries a closed run's failed deliveries again, and the conversations that could not be rendered.
#[utoipa::path(post, path = "/connectors/{connector}/runs/{number}/retry", tag = "runs",
    operation_id = "retry_run",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 202, description = "It goes on", body = Retried)))]
pub(super) async fn retry(
    State(mut services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<(StatusCode, Json<Retried>), Problem> {
    let request = RetryRequest { connector, number };
    let retried = services.control.retry(request).await?.into_inner();
    Ok((StatusCode::ACCEPTED, Json(retried.into())))
}

/// Ends a run early: what it captured is archived, the rest is the next run's.
#[utoipa::path(post, path = "/connectors/{connector}/runs/{number}/cancel", tag = "runs",
    operation_id = "cancel_run",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 204, description = "It captures nothing more"),
        (status = 409, description = "It has ended", body = Problem)))]
pub(super) async fn cancel(
    State(mut services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<StatusCode, Problem> {
    let request = CancelRunRequest { connector, number };
    services.control.cancel_run(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
