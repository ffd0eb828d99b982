use chatkeep_proto::v1::{
    ApproveProposalRequest, ApproveProposalResponse, ListProposalsRequest, ListProposalsResponse,
    Proposal as ProposalMessage, RejectProposalRequest,
};
use reqwest::Method;
use serde_json::json;
use tonic::Status;

use super::ControlApi;
use crate::server::documents::{Approved, Proposal, ProposalList};

impl ControlApi {
    pub(super) async fn proposals(
        &self,
        request: ListProposalsRequest,
    ) -> Result<ListProposalsResponse, Status> {
        let mut call = self.client.get(&["proposals"]);
        if !request.connector.is_empty() {
            call = call.query("connector", &request.connector);
        }
        call = call.query("waiting", request.waiting);
        if request.before > 0 {
            call = call.query("before", request.before);
        }
        if request.limit > 0 {
            call = call.query("limit", request.limit);
        }
        let list: ProposalList = call.read().await?;
        let proposals = list.proposals.into_iter();
        Ok(ListProposalsResponse {
            proposals: proposals.map(ProposalMessage::from).collect(),
            next: list.next.unwrap_or_default(),
            waiting: list.waiting,
            is_required: list.required,
        })
    }

    pub(super) async fn proposal(&self, proposal: i64) -> Result<ProposalMessage, Status> {
        let path = ["proposals", &proposal.to_string()];
        let found: Proposal = self.client.get(&path).read().await?;
        Ok(found.into())
    }

    pub(super) async fn approved(
        &self,
        request: ApproveProposalRequest,
    ) -> Result<ApproveProposalResponse, Status> {
        let path = ["proposals", &request.proposal.to_string(), "approve"];
        let call = self.client.call(Method::POST, &path);
        let call = call.json(&json!({ "reason": request.reason }));
        let Approved { connector, version } = call.read().await?;
        Ok(ApproveProposalResponse { connector, version })
    }

    pub(super) async fn rejected(&self, request: RejectProposalRequest) -> Result<(), Status> {
        let path = ["proposals", &request.proposal.to_string(), "reject"];
        let call = self.client.call(Method::POST, &path);
        call.json(&json!({ "reason": request.reason })).done().await
    }

    pub(super) async fn withdrawn(&self, proposal: i64) -> Result<(), Status> {
        let path = ["proposals", &proposal.to_string(), "withdraw"];
        self.client.call(Method::POST, &path).done().await
    }
}
