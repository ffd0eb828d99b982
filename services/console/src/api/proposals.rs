//! Changes that a second person has to approve.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
};
use chatkeep_proto::v1::{
    self, ApproveProposalRequest, GetProposalRequest, ListProposalsRequest, RejectProposalRequest,
    WithdrawProposalRequest,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    words::{limit, number, precise_time, word},
};
use crate::Services;

/// A change that waits for approval; nothing of it was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Proposed {
    /// Number of the proposal.
    proposal: i64,
}

/// Which proposals to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProposalPage {
    /// Only about this connector, by id.
    connector: Option<String>,
    /// Only those that wait.
    #[serde(default)]
    waiting: bool,
    /// `next` of the page before.
    before: Option<u64>,
    /// By default 100. A page has fewer where so many would be larger than 1 MiB: `next` says whether it is
    /// the last one.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page of proposals, without what they change: read one for that.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProposalList {
    proposals: Vec<Proposal>,
    /// `before` of the page that follows; null at the end.
    next: Option<i64>,
    /// How many wait, of all connectors.
    waiting: u32,
    /// Whether changes have to be approved here.
    required: bool,
}

/// A change that somebody proposed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Proposal {
    id: i64,
    /// Id of the connector; there may be none of it yet.
    connector: String,
    /// The connector's name as it would be.
    name: String,
    /// create, update or delete
    kind: String,
    /// waiting, approved, rejected, withdrawn or expired
    state: String,
    /// The version that it would replace; 0: there was none.
    base_version: i64,
    /// It waits, and another version was stored since: it can no longer be approved.
    stale: bool,
    /// Subject of who proposed it, and how they are called.
    proposer: String,
    proposer_name: String,
    proposed: String,
    expires: String,
    reason: String,
    /// Subject of who decided; empty while it waits, and of one that has expired.
    decider: String,
    decider_name: String,
    decided: Option<String>,
    /// What they said about it.
    decision: String,
    /// The values that differ; empty in lists.
    changes: Vec<ProposedChange>,
    /// The connector file as it would be; empty of a deletion, and in lists.
    connector_file: String,
}

/// A value that would change; null where there is none. Texts as they are, others as JSON.
#[derive(Serialize, ToSchema)]
struct ProposedChange {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

/// What is said about a proposal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// At most 2000 characters; to reject one takes one.
    #[serde(default)]
    reason: String,
}

/// A change that took effect.
#[derive(Serialize, ToSchema)]
pub(crate) struct Approved {
    connector: String,
    /// The connector's version from now on.
    version: i64,
}

/// The answer to a change that has to be approved first.
pub(super) fn proposed(proposal: i64) -> Response {
    let place = [(LOCATION, format!("/api/v1/proposals/{proposal}"))];
    (StatusCode::ACCEPTED, place, Json(Proposed { proposal })).into_response()
}

/// Lists changes that have to be approved, and those that had to be, the newest first.
#[utoipa::path(get, path = "/proposals", tag = "proposals", operation_id = "list_proposals", params(ProposalPage),
    responses((status = 200, description = "A page", body = ProposalList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
    Query(page): Query<ProposalPage>,
) -> Result<Json<ProposalList>, Problem> {
    let request = ListProposalsRequest {
        connector: page.connector.unwrap_or_default(),
        waiting: page.waiting,
        before: number("before", page.before)?,
        limit: limit(page.limit, 100, 500)?,
    };
    let page = services.control.list_proposals(request).await?.into_inner();
    Ok(Json(ProposalList {
        proposals: page.proposals.into_iter().map(Proposal::from).collect(),
        next: (page.next > 0).then_some(page.next),
        waiting: page.waiting,
        required: page.is_required,
    }))
}

/// Reads a proposal with the values that differ, and the connector file as it would be.
#[utoipa::path(get, path = "/proposals/{proposal}", tag = "proposals", operation_id = "read_proposal",
    params(("proposal" = i64, Path, description = "The proposal")),
    responses((status = 200, description = "The proposal", body = Proposal)))]
pub(super) async fn read(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
) -> Result<Json<Proposal>, Problem> {
    let request = GetProposalRequest { proposal };
    let found = services.control.get_proposal(request).await?.into_inner();
    Ok(Json(found.proposal.unwrap_or_default().into()))
}

/// Lets a proposal take effect. Who proposed it cannot.
#[utoipa::path(post, path = "/proposals/{proposal}/approve", tag = "proposals", request_body = Decision,
    operation_id = "approve_proposal",
    params(("proposal" = i64, Path, description = "The proposal")),
    responses((status = 200, description = "It took effect", body = Approved),
        (status = 409, description = "It does not wait any more, or cannot be done now", body = Problem),
        (status = 412, description = "The connector was changed since", body = Problem)))]
pub(super) async fn approve(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
    Json(Decision { reason }): Json<Decision>,
) -> Result<Json<Approved>, Problem> {
    let request = ApproveProposalRequest { proposal, reason };
    let approved = services.control.approve_proposal(request).await?;
    let approved = approved.into_inner();
    Ok(Json(Approved {
        connector: approved.connector,
        version: approved.version,
    }))
}

/// Ends a proposal without effect. Who proposed it withdraws it instead.
#[utoipa::path(post, path = "/proposals/{proposal}/reject", tag = "proposals", request_body = Decision,
    operation_id = "reject_proposal",
    params(("proposal" = i64, Path, description = "The proposal")),
    responses((status = 204, description = "It has no effect"),
        (status = 409, description = "It does not wait any more", body = Problem)))]
pub(super) async fn reject(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
    Json(Decision { reason }): Json<Decision>,
) -> Result<StatusCode, Problem> {
    let request = RejectProposalRequest { proposal, reason };
    services.control.reject_proposal(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a proposal back, for who made it.
#[utoipa::path(post, path = "/proposals/{proposal}/withdraw", tag = "proposals",
    operation_id = "withdraw_proposal",
    params(("proposal" = i64, Path, description = "The proposal")),
    responses((status = 204, description = "It has no effect"),
        (status = 409, description = "It does not wait any more", body = Problem)))]
pub(super) async fn withdraw(
    State(mut services): State<Services>,
    Path(proposal): Path<i64>,
) -> Result<StatusCode, Problem> {
    let request = WithdrawProposalRequest { proposal };
    services.control.withdraw_proposal(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<v1::Proposal> for Proposal {
    fn from(proposal: v1::Proposal) -> Self {
        let changes = proposal.changes.iter().map(|change| ProposedChange {
            key: change.key.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
        });
        Self {
            id: proposal.proposal,
            kind: word(proposal.kind().as_str_name(), "PROPOSAL_KIND"),
            state: word(proposal.state().as_str_name(), "PROPOSAL_STATE"),
            changes: changes.collect(),
            connector: proposal.connector,
            name: proposal.connector_name,
            base_version: proposal.base_version,
            stale: proposal.is_stale,
            proposer: proposal.proposer,
            proposer_name: proposal.proposer_name,
            proposed: precise_time(proposal.proposed),
            expires: precise_time(proposal.expires),
            reason: proposal.reason,
            decider: proposal.decider,
            decider_name: proposal.decider_name,
            decided: proposal.decided.map(precise_time),
            decision: proposal.decision,
            connector_file: proposal.connector_file,
        }
    }
}
