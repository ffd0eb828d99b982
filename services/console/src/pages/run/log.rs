//! The log of a run, to be downloaded: the same bytes as `chatkeep log` prints.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use chatkeep_proto::v1::LogRequest;
use chatkeep_report::{LogError, RunLog};
use tonic::Status;

use crate::{Services, error::PageError};

/// `GET /connectors/{id}/runs/{number}/log.csv`.
pub(crate) async fn csv(
    State(services): State<Services>,
    Path((id, number)): Path<(String, i64)>,
) -> Result<Response, PageError> {
    let log = read(services, &id, number).await?;
    let text = log.to_csv().map_err(|error| unwritten(&error))?;
    Ok(file(
        text,
        "text/csv; charset=utf-8",
        &format!("{id}-run-{number}.csv"),
    ))
}

/// `GET /connectors/{id}/runs/{number}/log.json`.
pub(crate) async fn json(
    State(services): State<Services>,
    Path((id, number)): Path<(String, i64)>,
) -> Result<Response, PageError> {
    let log = read(services, &id, number).await?;
    let text = log.to_json().map_err(|error| unwritten(&error))?;
    Ok(file(
        text,
        "application/json",
        &format!("{id}-run-{number}.json"),
    ))
}

async fn read(mut services: Services, id: &str, number: i64) -> Result<RunLog, PageError> {
    let request = LogRequest {
        connector: id.to_owned(),
        number,
    };
    let mut stream = services.control.log(request).await?.into_inner();
    let mut log = RunLog::default();
    while let Some(entry) = stream.message().await? {
        log.add(entry);
    }
    Ok(log)
}

fn unwritten(error: &LogError) -> Status {
    Status::internal(error.to_string())
}

/// A connector's id, of which the name is made, is of a-z, 0-9 and `-`: control knows no other.
fn file(text: String, kind: &'static str, name: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, text).into_response()
}
