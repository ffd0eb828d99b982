//! Who did what, who has signed in, and secrets, as the API answers.

use chatkeep_proto::v1::{
    AppendAuditRequest, AppendAuditResponse, AuditEntry, CloseSessionRequest, CloseSessionResponse,
    DeleteSecretRequest, DeleteSecretResponse, GetSessionRequest, GetSessionResponse,
    ListAuditRequest, ListAuditResponse, ListSecretsRequest, ListSecretsResponse,
    ListSessionsRequest, ListSessionsResponse, OpenSessionRequest, OpenSessionResponse,
    PutSecretRequest, PutSecretResponse, RevokeSessionsRequest, RevokeSessionsResponse,
    SignInSession, StoredSecret, access_server::Access,
};
use reqwest::Method;
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{
    client::Client,
    control::not_there,
    documents::{AuditList, Revoked, SecretList, SessionList},
};

/// What `Access` is where the API answers.
#[derive(Clone, Debug)]
pub(super) struct AccessApi {
    client: Client,
}

impl AccessApi {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Access for AccessApi {
    /// As commands ask: in order, without filters.
    async fn list_audit(&self, request: Request<ListAuditRequest>) -> Answer<ListAuditResponse> {
        let request = request.into_inner();
        let call = self.client.get(&["audit"]);
        let call = call
            .query("cursor", request.cursor)
            .query("limit", request.limit);
        let list: AuditList = call.read().await?;
        Ok(Response::new(ListAuditResponse {
            entries: list.entries.into_iter().map(AuditEntry::from).collect(),
            next: list.next.unwrap_or_default(),
        }))
    }

    async fn list_sessions(
        &self,
        _request: Request<ListSessionsRequest>,
    ) -> Answer<ListSessionsResponse> {
        let list: SessionList = self.client.get(&["sessions"]).read().await?;
        let sessions = list.sessions.into_iter().map(SignInSession::from);
        Ok(Response::new(ListSessionsResponse {
            sessions: sessions.collect(),
        }))
    }

    async fn revoke_sessions(
        &self,
        request: Request<RevokeSessionsRequest>,
    ) -> Answer<RevokeSessionsResponse> {
        let body = json!({ "subject": request.into_inner().subject });
        let call = self.client.call(Method::POST, &["sessions", "revoke"]);
        let Revoked { sessions } = call.json(&body).read().await?;
        Ok(Response::new(RevokeSessionsResponse { sessions }))
    }

    async fn put_secret(&self, request: Request<PutSecretRequest>) -> Answer<PutSecretResponse> {
        let PutSecretRequest { name, value } = request.into_inner();
        let call = self.client.call(Method::PUT, &["secrets", &name]);
        call.json(&json!({ "value": value })).done().await?;
        // The API does not say whether there was one; no command asks.
        Ok(Response::new(PutSecretResponse::default()))
    }

    async fn list_secrets(
        &self,
        _request: Request<ListSecretsRequest>,
    ) -> Answer<ListSecretsResponse> {
        let list: SecretList = self.client.get(&["secrets"]).read().await?;
        Ok(Response::new(ListSecretsResponse {
            secrets: list.secrets.into_iter().map(StoredSecret::from).collect(),
            has_key: list.has_key,
        }))
    }

    async fn delete_secret(
        &self,
        request: Request<DeleteSecretRequest>,
    ) -> Answer<DeleteSecretResponse> {
        let name = request.into_inner().name;
        let call = self.client.call(Method::DELETE, &["secrets", &name]);
        call.done().await?;
        Ok(Response::new(DeleteSecretResponse {}))
    }

    async fn append_audit(&self, _: Request<AppendAuditRequest>) -> Answer<AppendAuditResponse> {
        Err(not_there())
    }

    async fn open_session(&self, _: Request<OpenSessionRequest>) -> Answer<OpenSessionResponse> {
        Err(not_there())
    }

    async fn get_session(&self, _: Request<GetSessionRequest>) -> Answer<GetSessionResponse> {
        Err(not_there())
    }

    async fn close_session(&self, _: Request<CloseSessionRequest>) -> Answer<CloseSessionResponse> {
        Err(not_there())
    }
}
