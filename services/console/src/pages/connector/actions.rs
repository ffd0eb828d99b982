//! What the buttons of a connector's page do.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use chatkeep_proto::v1::{
    DeleteConnectorRequest, OpenRunRequest, PauseConnectorRequest, ResumeConnectorRequest,
};

use super::Stored;
use crate::{
    Services,
    error::PageError,
    pages::{form::Fields, proposals::proposed},
};

/// Back to a connector's page, with an answer to what was done.
pub(in crate::pages) fn back(id: &str, done: &str) -> Redirect {
    Redirect::to(&format!("/connectors/{id}?done={done}"))
}

/// `POST /connectors/{id}/run`.
pub(crate) async fn run(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let request = OpenRunRequest {
        max_part_bytes: stored.max_part_bytes,
        connector_file: stored.file,
        ..OpenRunRequest::default()
    };
    let opened = services.control.open_run(request).await?.into_inner();
    Ok(back(&id, &format!("run&run={}", opened.run)))
}

/// `POST /connectors/{id}/pause`.
pub(crate) async fn pause(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let request = PauseConnectorRequest {
        connector: id.clone(),
    };
    services.control.pause_connector(request).await?;
    Ok(back(&id, "paused"))
}

/// `POST /connectors/{id}/resume`.
pub(crate) async fn resume(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let request = ResumeConnectorRequest {
        connector: id.clone(),
    };
    services.control.resume_connector(request).await?;
    Ok(back(&id, "resumed"))
}

/// `POST /connectors/{id}/delete`.
pub(crate) async fn delete(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, PageError> {
    let request = DeleteConnectorRequest {
        connector: id,
        expected_version: fields.get("version").parse().ok(),
        reason: fields.get("reason").to_owned(),
    };
    let deleted = services.control.delete_connector(request).await?;
    Ok(match deleted.into_inner().proposal {
        0 => Redirect::to("/connectors"),
        proposal => proposed(proposal),
    })
}
