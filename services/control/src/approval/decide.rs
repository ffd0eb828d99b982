//! A proposal is decided, or nobody has decided in time.

use chatkeep_proto::v1::{
    Actor, ApproveProposalRequest, ApproveProposalResponse, ProposalKind, ProposalState,
    PutConnectorRequest, RejectProposalRequest,
};
use serde_json::json;

use super::{
    person,
    rows::{self, Stored},
};
use crate::{
    admin::register::lock_all,
    audit::{Deed, UNKNOWN},
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::Ledger,
};

/// Who ends what nobody has decided.
const CONTROL: &str = "control";

impl Ledger {
    /// Lets a proposal take effect.
    pub(crate) async fn approve_proposal(
        &self,
        deed: &Deed,
        request: ApproveProposalRequest,
    ) -> Result<ApproveProposalResponse, LedgerError> {
        let ApproveProposalRequest { proposal, reason } = request;
        let mut tx = self.database.begin().await?;
        let stored = self.to_decide(&mut tx, deed, proposal).await?;
        if stored.proposal.is_stale {
            return Err(LedgerError::Changed);
        }
        let deed = deed.to(&stored.proposal.connector);
        let decision = (ProposalState::Approved, reason.as_str());
        self.end_proposal(&mut tx, &deed, (proposal, decision))
            .await?;
        let version = self.take_effect(&mut tx, &deed, &stored).await?;
        let detail = json!({ "proposer": stored.proposal.proposer, "reason": reason });
        self.note(&mut tx, &deed, &detail).await?;
        tx.commit().await.during("approve proposal")?;
        self.outstanding.ring();
        let connector = stored.proposal.connector;
        tracing::info!(
            chatkeep.connector.id = connector,
            proposal,
            version,
            "change approved"
        );
        Ok(ApproveProposalResponse { connector, version })
    }

    /// Ends a proposal without effect.
    pub(crate) async fn reject_proposal(
        &self,
        deed: &Deed,
        request: RejectProposalRequest,
    ) -> Result<(), LedgerError> {
        let RejectProposalRequest { proposal, reason } = request;
        if reason.trim().is_empty() {
            return Err(LedgerError::Refused {
                key: "reason".to_owned(),
                problem: "is missing: say why it is rejected".to_owned(),
            });
        }
        let mut tx = self.database.begin().await?;
        let stored = self.to_decide(&mut tx, deed, proposal).await?;
        let deed = deed.to(&stored.proposal.connector);
        let decision = (ProposalState::Rejected, reason.as_str());
        self.end_proposal(&mut tx, &deed, (proposal, decision))
            .await?;
        let detail = json!({ "proposer": stored.proposal.proposer, "reason": reason });
        self.note(&mut tx, &deed, &detail).await?;
        tx.commit().await.during("reject proposal")
    }

    /// Takes a proposal back, for who made it.
    pub(crate) async fn withdraw_proposal(
        &self,
        deed: &Deed,
        proposal: i64,
    ) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let stored = rows::find(&mut tx, proposal).await?;
        person::check_named(deed.actor(), UNKNOWN)?;
        if deed.actor().subject != stored.proposal.proposer {
            let problem = "only who made a proposal can take it back; others reject it";
            return Err(LedgerError::Forbidden(problem));
        }
        let deed = deed.to(&stored.proposal.connector);
        let decision = (ProposalState::Withdrawn, "");
        self.end_proposal(&mut tx, &deed, (proposal, decision))
            .await?;
        self.note(&mut tx, &deed, &json!({})).await?;
        tx.commit().await.during("withdraw proposal")
    }

    /// Ends what has waited too long.
    pub(crate) async fn expire_proposals(&self) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let mut conn = self.database.read().await?;
        let overdue = query(
            "SELECT id, connector FROM proposals WHERE state = 1 AND expires <= $1 ORDER BY id",
        );
        let overdue = overdue.bind(now).fetch(&mut conn).await;
        let overdue = overdue.during("find expired proposals")?;
        drop(conn);
        for row in overdue {
            let columns = || Ok((row.int(0)?, row.text(1)?));
            let (proposal, connector) = columns().during("find expired proposals")?;
            let actor = Actor {
                subject: CONTROL.to_owned(),
                ..Actor::default()
            };
            let deed = Deed::of(Some(actor), "proposal.expire");
            let mut tx = self.database.begin().await?;
            let state = ProposalState::Expired;
            // Another process, or somebody who decided, may have been faster.
            if rows::end(&mut tx, (proposal, state), (&Actor::default(), "", now)).await? {
                let deed = deed.to(&connector).about(&proposal);
                self.note(&mut tx, &deed, &json!({})).await?;
                tx.commit().await.during("end expired proposal")?;
                tracing::info!(
                    chatkeep.connector.id = connector,
                    proposal,
                    "proposal expired"
                );
            }
        }
        Ok(())
    }

    /// A proposal that somebody wants to decide about, and may. Nobody changes any connector from here on.
    async fn to_decide(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        proposal: i64,
    ) -> Result<Stored, LedgerError> {
        lock_all(conn).await?;
        let stored = rows::find(conn, proposal).await?;
        person::check_named(deed.actor(), UNKNOWN)?;
        person::check_decider(deed.actor(), &stored.proposal.proposer)?;
        Ok(stored)
    }

    async fn end_proposal(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        (proposal, (state, decision)): (i64, (ProposalState, &str)),
    ) -> Result<(), LedgerError> {
        person::check_reason(decision)?;
        let now = self.clock.now();
        let stored = rows::find(conn, proposal).await?.proposal;
        if stored.state() == ProposalState::Waiting && stored.expires <= now {
            return Err(LedgerError::Closed(
                "the proposal has expired; propose it again",
            ));
        }
        let ended = rows::end(conn, (proposal, state), (deed.actor(), decision, now)).await?;
        if !ended {
            return Err(LedgerError::Closed("the proposal does not wait any more"));
        }
        Ok(())
    }

    /// Does what was proposed; returns the connector's version from now on.
    async fn take_effect(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        stored: &Stored,
    ) -> Result<i64, LedgerError> {
        let proposal = &stored.proposal;
        if proposal.kind() == ProposalKind::Delete {
            let deed = deed.named("connector.delete");
            return self.delete(conn, &deed, &proposal.connector).await;
        }
        let request = PutConnectorRequest {
            connector_file: proposal.connector_file.clone(),
            schedule: stored.schedule,
            max_part_bytes: u64::try_from(stored.max_part_bytes).unwrap_or(0),
            ..PutConnectorRequest::default()
        };
        let deed = deed.proposed_by(&proposal.proposer);
        let put = self.store(conn, &deed, &request).await?;
        Ok(put.version)
    }
}
