use chatkeep_model::connector::{Connector, Part};
use chatkeep_proto::{ACTOR, v1::LendSecretRequest};
use tonic::{Code, Request, Status, metadata::MetadataMap};

use crate::LedgerClient;

/// Fills in the secrets that control keeps for a part of a connector file, for a look at what it names without
/// a task, and asks whether those may be read that are not control's. `asked` are the metadata of the call that
/// wants the look: control is told whose it is, and decides. They are asked for anew each time and kept nowhere.
/// One that is not given out is `FAILED_PRECONDITION` with a sentence for whoever looks.
pub async fn lend_secrets(
    ledger: &LedgerClient,
    (connector, file): (&mut Connector, &str),
    part: Part,
    asked: &MetadataMap,
) -> Result<(), Status> {
    for reference in connector.references_of(part) {
        let stored = reference.strip_prefix("secret:");
        let mut request = Request::new(LendSecretRequest {
            connector_file: file.to_owned(),
            name: stored.unwrap_or(&reference).to_owned(),
        });
        if let Some(actor) = asked.get_bin(ACTOR) {
            request.metadata_mut().insert_bin(ACTOR, actor.clone());
        }
        let lent = ledger.clone().lend_secret(request).await;
        let lent = lent.map_err(|status| refused(&reference, &status))?;
        if let Some(name) = stored {
            connector.fill_in(name, &lent.into_inner().value);
        }
    }
    Ok(())
}

fn refused(reference: &str, status: &Status) -> Status {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => Status::unavailable("get secret"),
        Code::NotFound => Status::failed_precondition(format!(
            "{reference} is not stored, or its key is lost: enter it under Secrets"
        )),
        _ => Status::failed_precondition(status.message()),
    }
}
