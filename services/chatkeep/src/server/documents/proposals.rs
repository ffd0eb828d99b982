use chatkeep_proto::v1::{
    Proposal as ProposalMessage, ProposalKind, ProposalState, ProposedChange as ChangeMessage,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::name;

/// A change that waits for approval; nothing of it was done.
#[derive(Deserialize)]
pub(in crate::server) struct Proposed {
    pub(in crate::server) proposal: i64,
}

/// A page of proposals.
#[derive(Deserialize)]
pub(in crate::server) struct ProposalList {
    pub(in crate::server) proposals: Vec<Proposal>,
    pub(in crate::server) next: Option<i64>,
    pub(in crate::server) waiting: u32,
    pub(in crate::server) required: bool,
}

/// A change that took effect.
#[derive(Deserialize)]
pub(in crate::server) struct Approved {
    pub(in crate::server) connector: String,
    pub(in crate::server) version: i64,
}

/// A change that somebody proposed.
#[derive(Deserialize)]
pub(in crate::server) struct Proposal {
    id: i64,
    connector: String,
    name: String,
    kind: String,
    state: String,
    base_version: i64,
    stale: bool,
    proposer: String,
    proposer_name: String,
    proposed: Timestamp,
    expires: Timestamp,
    reason: String,
    decider: String,
    decider_name: String,
    decided: Option<Timestamp>,
    decision: String,
    changes: Vec<Change>,
    connector_file: String,
}

/// A value that would change.
#[derive(Deserialize)]
struct Change {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

impl From<Proposal> for ProposalMessage {
    fn from(proposal: Proposal) -> Self {
        let kind = ProposalKind::from_str_name(&name("PROPOSAL_KIND", &proposal.kind));
        let state = ProposalState::from_str_name(&name("PROPOSAL_STATE", &proposal.state));
        Self {
            proposal: proposal.id,
            connector: proposal.connector,
            connector_name: proposal.name,
            kind: kind.unwrap_or_default().into(),
            state: state.unwrap_or_default().into(),
            base_version: proposal.base_version,
            is_stale: proposal.stale,
            proposer: proposal.proposer,
            proposer_name: proposal.proposer_name,
            proposed: proposal.proposed.as_millisecond(),
            expires: proposal.expires.as_millisecond(),
            reason: proposal.reason,
            decider: proposal.decider,
            decider_name: proposal.decider_name,
            decided: proposal.decided.map(Timestamp::as_millisecond),
            decision: proposal.decision,
            changes: proposal
                .changes
                .into_iter()
                .map(ChangeMessage::from)
                .collect(),
            connector_file: proposal.connector_file,
        }
    }
}

impl From<Change> for ChangeMessage {
    fn from(change: Change) -> Self {
        Self {
            key: change.key,
            before: change.before,
            after: change.after,
        }
    }
}
