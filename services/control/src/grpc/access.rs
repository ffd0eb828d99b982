use std::sync::Arc;

use chatkeep_proto::v1::{
    AppendAuditRequest, AppendAuditResponse, CloseSessionRequest, CloseSessionResponse,
    DeleteSecretRequest, DeleteSecretResponse, GetSessionRequest, GetSessionResponse,
    ListAuditRequest, ListAuditResponse, ListSecretsRequest, ListSecretsResponse,
    ListSessionsRequest, ListSessionsResponse, OpenSessionRequest, OpenSessionResponse,
    PutSecretRequest, PutSecretResponse, RevokeSessionsRequest, RevokeSessionsResponse,
    access_server,
};
use serde_json::Value;
use tonic::{Request, Response};

use super::{
    Answer,
    change::{asked, change, note},
    insist, status,
};
use crate::{audit::Outcome, error::LedgerError, ledger::Ledger};

/// Longest detail of an entry that another service appends, in bytes.
const LONGEST_DETAIL: usize = 16 << 10;

/// Audit trail, sign-in sessions and secrets.
#[derive(Clone, Debug)]
pub struct AccessGrpc {
    ledger: Arc<Ledger>,
}

impl AccessGrpc {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }
}

#[tonic::async_trait]
impl access_server::Access for AccessGrpc {
    async fn append_audit(
        &self,
        request: Request<AppendAuditRequest>,
    ) -> Answer<AppendAuditResponse> {
        let (outcome, detail) = told(request.get_ref()).map_err(status)?;
        let action = request.get_ref().action.clone();
        let (deed, request) = asked(request, &action)?;
        let deed = deed.to(&request.connector).about(&request.object);
        let sequence = note(&self.ledger, &deed, outcome, &detail).await?;
        Ok(Response::new(AppendAuditResponse { sequence }))
    }

    async fn list_audit(&self, request: Request<ListAuditRequest>) -> Answer<ListAuditResponse> {
        let page = self.ledger.list_audit(request.into_inner()).await;
        page.map(Response::new).map_err(status)
    }

    async fn open_session(
        &self,
        request: Request<OpenSessionRequest>,
    ) -> Answer<OpenSessionResponse> {
        let open = |request| self.ledger.open_session(request);
        let session = insist(&self.ledger, request.into_inner(), open).await?;
        let session = Some(session);
        Ok(Response::new(OpenSessionResponse { session }))
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> Answer<GetSessionResponse> {
        let token = request.into_inner().token_sha256;
        let get = |()| self.ledger.get_session(&token);
        let session = Some(insist(&self.ledger, (), get).await?);
        Ok(Response::new(GetSessionResponse { session }))
    }

    async fn close_session(
        &self,
        request: Request<CloseSessionRequest>,
    ) -> Answer<CloseSessionResponse> {
        let (deed, request) = asked(request, "session.close")?;
        let close = |()| self.ledger.close_session(&deed, &request.token_sha256);
        change(&self.ledger, &deed, (), close).await?;
        Ok(Response::new(CloseSessionResponse {}))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Answer<ListSessionsResponse> {
        let sessions = self.ledger.list_sessions(request.into_inner()).await;
        sessions.map(Response::new).map_err(status)
    }

    async fn revoke_sessions(
        &self,
        request: Request<RevokeSessionsRequest>,
    ) -> Answer<RevokeSessionsResponse> {
        let (deed, request) = asked(request, "session.revoke")?;
        let deed = deed.about(&request.subject);
        let revoke = |()| self.ledger.revoke_sessions(&deed, &request.subject);
        let ended = change(&self.ledger, &deed, (), revoke).await?;
        Ok(Response::new(RevokeSessionsResponse {
            sessions: u32::try_from(ended).unwrap_or(u32::MAX),
        }))
    }

    async fn put_secret(&self, request: Request<PutSecretRequest>) -> Answer<PutSecretResponse> {
        let (deed, request) = asked(request, "secret.put")?;
        let deed = deed.about(&request.name);
        let put = |request| self.ledger.put_secret(&deed, request);
        let is_new = change(&self.ledger, &deed, request, put).await?;
        Ok(Response::new(PutSecretResponse { is_new }))
    }

    async fn list_secrets(
        &self,
        _request: Request<ListSecretsRequest>,
    ) -> Answer<ListSecretsResponse> {
        let secrets = self.ledger.list_secrets().await;
        secrets.map(Response::new).map_err(status)
    }

    async fn delete_secret(
        &self,
        request: Request<DeleteSecretRequest>,
    ) -> Answer<DeleteSecretResponse> {
        let (deed, request) = asked(request, "secret.delete")?;
        let deed = deed.about(&request.name);
        let delete = |()| self.ledger.delete_secret(&deed, &request.name);
        change(&self.ledger, &deed, (), delete).await?;
        Ok(Response::new(DeleteSecretResponse {}))
    }
}

/// What an entry of another service says, if it is one.
fn told(request: &AppendAuditRequest) -> Result<(Outcome, Value), LedgerError> {
    let is_word = |word: &str| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '-';
        !word.is_empty() && word.chars().all(is_plain)
    };
    let mut words = request.action.split('.');
    if !matches!((words.next(), words.next(), words.next()), (Some(a), Some(b), None) if is_word(a) && is_word(b))
    {
        return Err(LedgerError::Malformed("action"));
    }
    let outcome = Outcome::parse(&request.outcome).ok_or(LedgerError::Malformed("outcome"))?;
    let detail = match &*request.detail {
        "" => "{}",
        detail => detail,
    };
    let detail: Option<Value> = serde_json::from_str(detail).ok();
    let detail = detail.filter(|it| it.is_object() && request.detail.len() <= LONGEST_DETAIL);
    Ok((outcome, detail.ok_or(LedgerError::Malformed("detail"))?))
}
