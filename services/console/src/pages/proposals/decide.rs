//! What the buttons of a proposal's page do.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use chatkeep_proto::v1::{ApproveProposalRequest, RejectProposalRequest, WithdrawProposalRequest};

use crate::{Services, error::PageError, pages::form::Fields};

/// `POST /proposals/{proposal}/approve`.
pub(crate) async fn approve(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
    fields: Fields,
) -> Result<Redirect, PageError> {
    let request = ApproveProposalRequest {
        proposal,
        reason: fields.get("reason").to_owned(),
    };
    services.control.approve_proposal(request).await?;
    Ok(back(proposal, "approved"))
}

/// `POST /proposals/{proposal}/reject`.
pub(crate) async fn reject(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
    fields: Fields,
) -> Result<Redirect, PageError> {
    let request = RejectProposalRequest {
        proposal,
        reason: fields.get("reason").to_owned(),
    };
    services.control.reject_proposal(request).await?;
    Ok(back(proposal, "rejected"))
}

/// `POST /proposals/{proposal}/withdraw`.
pub(crate) async fn withdraw(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let request = WithdrawProposalRequest { proposal };
    services.control.withdraw_proposal(request).await?;
    Ok(back(proposal, "withdrawn"))
}

fn back(proposal: i64, done: &str) -> Redirect {
    Redirect::to(&format!("/proposals/{proposal}?done={done}"))
}
