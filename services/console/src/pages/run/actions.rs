//! What the buttons of a run's page do.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use chatkeep_proto::v1::{CancelRunRequest, RetryRequest};

use crate::{Services, error::PageError, pages::form::Fields};

/// `POST /connectors/{id}/runs/{number}/cancel`.
pub(crate) async fn cancel(
    State(mut services): State<Services>,
    Path((id, number)): Path<(String, i64)>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let request = CancelRunRequest {
        connector: id.clone(),
        number,
    };
    services.control.cancel_run(request).await?;
    Ok(back(&id, number, "cancelled"))
}

/// `POST /connectors/{id}/runs/{number}/retry`.
pub(crate) async fn retry(
    State(mut services): State<Services>,
    Path((id, number)): Path<(String, i64)>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let request = RetryRequest {
        connector: id.clone(),
        number,
    };
    let answer = services.control.retry(request).await?.into_inner();
    let is_any = answer.deliveries > 0 || answer.conversations > 0;
    Ok(back(
        &id,
        number,
        if is_any { "retried" } else { "nothing" },
    ))
}

fn back(id: &str, number: i64, done: &str) -> Redirect {
    Redirect::to(&format!("/connectors/{id}/runs/{number}?done={done}"))
}
