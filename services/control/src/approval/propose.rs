//! A change becomes a proposal.

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::ProposalKind;
use serde_json::{Value, json};

use super::{person, rows};
use crate::{
    audit::{Deed, UNKNOWN},
    database::Connection,
    error::LedgerError,
    ledger::Ledger,
};

/// What is told to who opens a run with a change that has to be approved.
const OPENS_NONE: &str = "the connector file differs from the stored one in what has to be approved: \
    propose it first with `chatkeep connectors put`, or in the console";

/// A change of a connector that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    /// The connector's id, and its name as it would be.
    pub(crate) connector: String,
    pub(crate) name: String,
    pub(crate) kind: ProposalKind,
    /// The version that is stored; 0 when there is none.
    pub(crate) base: i64,
    /// The connector file; empty of a deletion.
    pub(crate) file: &'a str,
    pub(crate) schedule: bool,
    pub(crate) max_part_bytes: i64,
    /// The values that differ, by key, each an object with `before` and `after`.
    pub(crate) changes: Value,
    pub(crate) reason: &'a str,
}

impl Ledger {
    /// Whether what is stored of a connector may only be changed into this with a second person's approval:
    /// where none is in use, where they archive something else, and to delete it.
    pub(crate) fn needs_approval(
        &self,
        before: Option<&Connector>,
        after: Option<&Connector>,
    ) -> bool {
        if self.approval().is_none() {
            return false;
        }
        match (before, after) {
            (Some(before), Some(after)) => !before.archives_like(after),
            _ => true,
        }
    }

    /// Refuses to open a run with a connector file that nobody has approved.
    pub(crate) fn refuse_unapproved(
        &self,
        before: Option<&Connector>,
        after: &Connector,
    ) -> Result<(), LedgerError> {
        if self.needs_approval(before, Some(after)) {
            return Err(LedgerError::Closed(OPENS_NONE));
        }
        Ok(())
    }

    /// Stores a change as a proposal, in the transaction that has looked at what it changes; returns its
    /// number. Somebody who repeats themselves proposes nothing new.
    pub(crate) async fn propose(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        change: &Change<'_>,
    ) -> Result<i64, LedgerError> {
        let actor = deed.actor();
        person::check_named(actor, UNKNOWN)?;
        person::check_reason(change.reason)?;
        if let Some(proposal) = rows::same(conn, (change, actor)).await? {
            return Ok(proposal);
        }
        let now = self.clock.now();
        let patience = self.approval().unwrap_or_default().as_millis();
        let expires = now.saturating_add(i64::try_from(patience).unwrap_or(i64::MAX));
        let proposal = rows::insert(conn, (change, actor), (now, expires)).await?;
        let detail = json!({
            "kind": super::list::word(change.kind),
            "version": change.base,
            "changed": change.changes,
            "reason": change.reason,
        });
        let deed = deed.named("proposal.create").to(&change.connector);
        self.note(conn, &deed.about(&proposal), &detail).await?;
        tracing::info!(
            chatkeep.connector.id = change.connector,
            proposal,
            "change proposed"
        );
        Ok(proposal)
    }
}
