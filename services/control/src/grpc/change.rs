//! The one way in which a call changes something for somebody: what it does, and who does it, is in the
//! audit trail, whether it is done or refused.

use chatkeep_proto::v1::Actor;
use serde_json::json;
use tonic::{Request, Status};

use super::{insist, persist, status};
use crate::{
    audit::{Deed, Outcome},
    error::LedgerError,
    ledger::Ledger,
};

/// Who makes a call, and what they ask for.
pub(super) fn asked<R>(request: Request<R>, action: &str) -> Result<(Deed, R), Status> {
    let actor = Actor::from_metadata(request.metadata())?;
    Ok((Deed::of(actor, action), request.into_inner()))
}

/// Makes a call that notes in its own transaction what it has done. A refusal has changed nothing: its entry
/// has a transaction to itself.
pub(super) async fn change<R, T, F>(
    ledger: &Ledger,
    deed: &Deed,
    request: R,
    call: impl Fn(R) -> F,
) -> Result<T, Status>
where
    R: Clone,
    F: Future<Output = Result<T, LedgerError>>,
{
    let refusal = match persist(ledger, request, call).await {
        Err(refusal) if refusal.is_refusal() => refusal,
        result => return result.map_err(status),
    };
    let detail = json!({ "reason": refusal.to_string() });
    let outcome = match refusal {
        LedgerError::Forbidden(_) => Outcome::Denied,
        _ => Outcome::Refused,
    };
    note(ledger, deed, outcome, &detail).await?;
    Err(status(refusal))
}

/// Notes something that is no change of the ledger.
pub(super) async fn note(
    ledger: &Ledger,
    deed: &Deed,
    outcome: Outcome,
    detail: &serde_json::Value,
) -> Result<i64, Status> {
    let note = |()| ledger.note_alone(deed, outcome, detail);
    insist(ledger, (), note).await
}
