//! The end of the way: the connector is stored.

use axum::response::{IntoResponse, Response};
use chatkeep_proto::v1::{GetConnectorRequest, GetConnectorResponse, PutConnectorRequest};
use tonic::{Code, Status};

use super::{draft::Draft, problems::Problems, steps::View};
use crate::{
    Services,
    error::PageError,
    mappings::Mappings,
    pages::{checks, connector::actions::back, proposals::proposed},
};

/// Stores the connector, or proposes it, or shows the last page again with what keeps it from being stored.
pub(super) async fn save(
    mut view: View,
    draft: &Draft,
    services: &mut Services,
    (mappings, reason): (&Mappings, &str),
) -> Result<Response, PageError> {
    let Ok(connector) = draft.connector() else {
        view.problems.check(&draft.table.to_string());
        return Ok(view.show(draft, mappings).await.into_response());
    };
    let file = connector.to_toml();
    let file = file.map_err(|error| Status::internal(error.to_string()))?;
    let sample = checks::directory(services, &file).await.sample_mailbox;
    let target = checks::target(services, &file, &sample).await;
    let request = PutConnectorRequest {
        connector_file: file.clone(),
        schedule: draft.is_scheduled,
        max_part_bytes: target.max_part_bytes,
        expected_version: Some(draft.version),
        reason: reason.to_owned(),
    };
    match services.control.put_connector(request).await {
        Ok(stored) => {
            let stored = stored.into_inner();
            Ok(match stored.proposal {
                0 => back(&stored.connector, "saved").into_response(),
                proposal => proposed(proposal).into_response(),
            })
        }
        Err(status) if matches!(status.code(), Code::Aborted | Code::AlreadyExists) => {
            let newest = newest(services, &connector.id()).await;
            match newest {
                // The button was pressed twice: the answer to the first time got lost on the way.
                Ok(newest)
                    if newest.connector_file == file && newest.schedule == draft.is_scheduled =>
                {
                    return Ok(back(&connector.id(), "saved").into_response());
                }
                Ok(newest) if status.code() == Code::Aborted => {
                    view.conflict = Some(newest.summary.unwrap_or_default().version);
                }
                Err(status) if status.code() != Code::NotFound => return Err(status.into()),
                _ => view.problems = said(&status),
            }
            Ok(view.show(draft, mappings).await.into_response())
        }
        Err(status) if is_about_the_form(&status) => {
            view.problems = said(&status);
            Ok(view.show(draft, mappings).await.into_response())
        }
        Err(status) => Err(status.into()),
    }
}

/// What is stored meanwhile.
async fn newest(services: &mut Services, id: &str) -> Result<GetConnectorResponse, Status> {
    let request = GetConnectorRequest {
        connector: id.to_owned(),
    };
    let stored = services.control.get_connector(request).await?;
    Ok(stored.into_inner())
}

fn is_about_the_form(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument | Code::FailedPrecondition
    )
}

fn said(status: &Status) -> Problems {
    let mut problems = Problems::default();
    problems.add("", status.message());
    problems
}
