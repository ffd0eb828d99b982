//! A run's log, the same bytes as `chatkeep log` writes.

use axum::{
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use chatkeep_proto::v1::LogRequest;
use chatkeep_report::{Log, LogError};
use tonic::Status;

use super::Problem;
use crate::Services;

/// Downloads the log as CSV: totals, failures, findings, apart by empty lines.
#[utoipa::path(get, path = "/connectors/{connector}/runs/{number}/log.csv", tag = "runs",
    operation_id = "log_csv",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 200, description = "The log", body = String, content_type = "text/csv")))]
pub(super) async fn csv(
    State(services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let log = read(services, &connector, number).await?;
    let text = log.to_csv().map_err(unwritten)?;
    Ok(download(
        &format!("{connector}-{number}.csv"),
        "text/csv; charset=utf-8",
        text,
    ))
}

/// Downloads the log as JSON.
#[utoipa::path(get, path = "/connectors/{connector}/runs/{number}/log.json", tag = "runs",
    operation_id = "log_json",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 200, description = "The log", body = Object)))]
pub(super) async fn json(
    State(services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let log = read(services, &connector, number).await?;
    let text = log.to_json().map_err(unwritten)?;
    Ok(download(
        &format!("{connector}-{number}.json"),
        "application/json",
        text,
    ))
}

async fn read(mut services: Services, connector: &str, number: i64) -> Result<Log, Problem> {
    let request = LogRequest {
        connector: connector.to_owned(),
        number,
    };
    let mut stream = services.control.log(request).await?.into_inner();
    let mut log = Log::default();
    while let Some(entry) = stream.message().await? {
        log.add(entry);
    }
    Ok(log)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritten(error: LogError) -> Problem {
    Status::internal(error.to_string()).into()
}

/// An answer that browsers store as a file.
pub(super) fn download(name: &str, kind: &'static str, body: impl Into<Body>) -> Response {
    // Nothing else can be in a header, or is wanted in a file's name.
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(c);
    let name: String = name.chars().filter(is_plain).collect();
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, body.into()).into_response()
}
