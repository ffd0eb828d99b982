//! Connectors: what is archived, from where, for whom, when.

mod document;
mod version;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header::ETAG},
    response::{IntoResponse, Response},
};
use chatkeep_proto::v1::{
    DeleteConnectorRequest, GetConnectorRequest, GetConnectorResponse, ListConnectorsRequest,
    PauseConnectorRequest, PutConnectorRequest, ResumeConnectorRequest,
};

use super::{
    Problem,
    proposals::{Proposed, proposed},
    words::name,
};
use crate::Services;

use self::document::{CloneOrder, ConnectorList, ConnectorState, Deletion, NewConnector, Resumed};
pub(super) use self::{
    document::{ConnectorDocument, EXAMPLE, parse},
    version::{etag, expected},
};

/// The file of a connector, and what is stored with it.
pub(super) async fn stored(
    services: &mut Services,
    connector: String,
) -> Result<GetConnectorResponse, Problem> {
    let request = GetConnectorRequest { connector };
    let stored = services.control.get_connector(request).await?;
    Ok(stored.into_inner())
}

/// Lists the connectors.
#[utoipa::path(get, path = "/connectors", tag = "connectors",
    responses((status = 200, description = "By name", body = ConnectorList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
) -> Result<Json<ConnectorList>, Problem> {
    let request = ListConnectorsRequest::default();
    let all = services.control.list_connectors(request).await?;
    let all = all.into_inner().connectors.into_iter();
    let connectors = all.map(ConnectorState::from).collect();
    Ok(Json(ConnectorList { connectors }))
}

/// Reads a connector with its file. The `ETag` is what a change needs.
#[utoipa::path(get, path = "/connectors/{connector}", tag = "connectors",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 200, description = "With its ETag", body = ConnectorDocument)))]
pub(super) async fn read(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let stored = stored(&mut services, connector).await?;
    Ok(answer(StatusCode::OK, stored))
}

/// Creates a connector.
#[utoipa::path(post, path = "/connectors", tag = "connectors", request_body = NewConnector,
    responses((status = 201, description = "With its ETag", body = ConnectorDocument),
        (status = 202, description = "It has to be approved first; Location is the proposal", body = Proposed),
        (status = 409, description = "There is one of this id", body = Problem)))]
pub(super) async fn create(
    State(mut services): State<Services>,
    Json(new): Json<NewConnector>,
) -> Result<Response, Problem> {
    parse(&new.connector_file)?;
    put(&mut services, new, Some(0)).await
}

/// Replaces a connector's file. Runs that are open go on with theirs.
#[utoipa::path(put, path = "/connectors/{connector}", tag = "connectors", request_body = NewConnector,
    params(("connector" = String, Path, description = "The connector's id"),
        ("If-Match" = String, Header, pattern = "^(\\*|\"[1-9][0-9]*\")$",
            description = "The ETag of what is replaced; `*` of whatever is there")),
    responses((status = 200, description = "With its new ETag", body = ConnectorDocument),
        (status = 202, description = "It has to be approved first; Location is the proposal", body = Proposed),
        (status = 412, description = "It was changed since", body = Problem),
        (status = 428, description = "If-Match is missing", body = Problem)))]
pub(super) async fn replace(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewConnector>,
) -> Result<Response, Problem> {
    let mut expected = expected(&headers)?;
    if parse(&new.connector_file)?.id() != connector {
        let problem = "connector_file: it is another connector's; keep id, or the name that the id comes from.";
        return Err(Problem::unprocessable(problem));
    }
    // What is not there cannot be replaced.
    let found = stored(&mut services, connector).await?;
    expected = expected.or(found.summary.map(|summary| summary.version));
    put(&mut services, new, expected).await
}

/// Deletes a connector. Its runs, logs and manifests stay.
#[utoipa::path(delete, path = "/connectors/{connector}", tag = "connectors",
    params(("connector" = String, Path, description = "The connector's id"),
        ("If-Match" = String, Header, pattern = "^(\\*|\"[1-9][0-9]*\")$",
            description = "The ETag of what is deleted; `*` of whatever is there"), Deletion),
    responses((status = 204, description = "Deleted"),
        (status = 202, description = "It has to be approved first; Location is the proposal", body = Proposed),
        (status = 409, description = "A run or a backfill of it is unfinished", body = Problem),
        (status = 412, description = "It was changed since", body = Problem),
        (status = 428, description = "If-Match is missing", body = Problem)))]
pub(super) async fn delete(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Query(Deletion { reason }): Query<Deletion>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = DeleteConnectorRequest {
        connector,
        expected_version: expected(&headers)?,
        reason,
    };
    let deleted = services.control.delete_connector(request).await?;
    Ok(match deleted.into_inner().proposal {
        0 => StatusCode::NO_CONTENT.into_response(),
        proposal => proposed(proposal),
    })
}

/// Copies a connector under another name, without schedule: it would archive the same once more.
#[utoipa::path(post, path = "/connectors/{connector}/clone", tag = "connectors", request_body = CloneOrder,
    operation_id = "clone",
    params(("connector" = String, Path, description = "The id of the one that is copied")),
    responses((status = 201, description = "With its ETag", body = ConnectorDocument),
        (status = 202, description = "It has to be approved first; Location is the proposal", body = Proposed),
        (status = 409, description = "There is one of this name", body = Problem)))]
pub(super) async fn clone(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Json(order): Json<CloneOrder>,
) -> Result<Response, Problem> {
    let stored = stored(&mut services, connector).await?;
    let mut copy = parse(&stored.connector_file)?;
    copy.name = name("name", order.name)?;
    copy.id = None;
    let text = copy.to_toml();
    let new = NewConnector {
        connector_file: text.map_err(|error| Problem::unprocessable(error.to_string()))?,
        schedule: false,
        reason: order.reason,
    };
    put(&mut services, new, Some(0)).await
}

/// Stops a connector: no run is opened, and those that are open wait.
#[utoipa::path(post, path = "/connectors/{connector}/pause", tag = "connectors",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 204, description = "It waits")))]
pub(super) async fn pause(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
) -> Result<StatusCode, Problem> {
    let request = PauseConnectorRequest { connector };
    services.control.pause_connector(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a connector go on where it was.
#[utoipa::path(post, path = "/connectors/{connector}/resume", tag = "connectors",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 200, description = "It goes on", body = Resumed)))]
pub(super) async fn resume(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
) -> Result<Json<Resumed>, Problem> {
    let request = ResumeConnectorRequest { connector };
    let resumed = services.control.resume_connector(request).await?;
    let runs = resumed.into_inner().runs;
    Ok(Json(Resumed { runs }))
}

async fn put(
    services: &mut Services,
    new: NewConnector,
    expected_version: Option<i64>,
) -> Result<Response, Problem> {
    let request = PutConnectorRequest {
        connector_file: new.connector_file,
        schedule: new.schedule,
        // The connector's own limit.
        max_part_bytes: 0,
        expected_version,
        reason: new.reason,
    };
    let put = services.control.put_connector(request).await?.into_inner();
    if put.proposal > 0 {
        return Ok(proposed(put.proposal));
    }
    let status = if expected_version == Some(0) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let stored = stored(services, put.connector).await?;
    Ok(answer(status, stored))
}

/// A connector, with its `ETag`.
pub(super) fn answer(status: StatusCode, stored: GetConnectorResponse) -> Response {
    let summary = stored.summary.clone().unwrap_or_default();
    let tag = [(ETAG, etag(summary.version))];
    (status, tag, Json(ConnectorDocument::from(stored))).into_response()
}
