//! Proposals for people to look at.

use chatkeep_proto::v1::{ListProposalsRequest, ListProposalsResponse, Proposal, ProposalKind};
use prost::Message as _;

use super::rows::{self, COLUMNS};
use crate::{
    database::{DatabaseError, query},
    error::{During as _, LedgerError},
    ledger::Ledger,
};

/// Proposals of a page when nothing is said, and at most.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;
/// Bytes of a page at most, if it has more than one: what people say about a change may be long, and a
/// message of gRPC is at most 4 MiB.
const LARGEST: usize = 1 << 20;

/// A kind of proposal, for the audit trail.
pub(super) fn word(kind: ProposalKind) -> &'static str {
    match kind {
        ProposalKind::Unspecified => "unknown",
        ProposalKind::Create => "create",
        ProposalKind::Update => "update",
        ProposalKind::Delete => "delete",
    }
}

impl Ledger {
    /// A page of proposals, the newest first, without what they change.
    pub(crate) async fn list_proposals(
        &self,
        request: ListProposalsRequest,
    ) -> Result<ListProposalsResponse, LedgerError> {
        let action = "list proposals";
        let limit = match request.limit {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let before = match request.before {
            0 => i64::MAX,
            before => before,
        };
        let mut conn = self.database.read().await?;
        let mut statement = query(sql(request.waiting, !request.connector.is_empty()));
        statement = statement.bind(before).bind(i64::from(limit));
        if !request.connector.is_empty() {
            statement = statement.bind(&request.connector);
        }
        let rows = statement.fetch(&mut conn).await.during(action)?;
        let proposals: Result<Vec<_>, DatabaseError> = rows.iter().map(rows::read).collect();
        let mut proposals = proposals.during(action)?;
        let found = proposals.len();
        proposals.truncate(fitting(&proposals));
        let is_end = found < limit as usize && proposals.len() == found;
        let last = proposals.last().filter(|_| !is_end);
        let waiting = rows::waiting_of(&mut conn, "").await?;
        Ok(ListProposalsResponse {
            next: last.map_or(0, |last| last.proposal),
            proposals,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            is_required: self.approval().is_some(),
        })
    }

    /// The proposal of a number.
    pub(crate) async fn get_proposal(&self, proposal: i64) -> Result<Proposal, LedgerError> {
        let mut conn = self.database.read().await?;
        let stored = rows::find(&mut conn, proposal).await?;
        Ok(stored.proposal)
    }
}

/// How many of them fit into a page: at least one.
fn fitting(proposals: &[Proposal]) -> usize {
    let mut bytes = 0;
    let fits = proposals.iter().take_while(|proposal| {
        bytes += proposal.encoded_len();
        bytes <= LARGEST
    });
    fits.count().max(1)
}

fn sql(waiting: bool, of_connector: bool) -> String {
    let waiting = if waiting { "AND p.state = 1 " } else { "" };
    let connector = if of_connector {
        "AND p.connector = $3 "
    } else {
        ""
    };
    format!(
        "SELECT {COLUMNS} FROM proposals p LEFT JOIN connectors c ON c.name_id = p.connector \
         WHERE p.id < $1 {waiting}{connector}ORDER BY p.id DESC LIMIT $2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::looks_nothing_through;

    #[tokio::test]
    async fn no_list_looks_all_proposals_through() {
        for waiting in [false, true] {
            for of_connector in [false, true] {
                looks_nothing_through(&sql(waiting, of_connector)).await;
            }
        }
    }
}
