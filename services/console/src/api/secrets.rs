//! Secrets that connector files name as `secret:NAME`. They are written, and never read again.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chatkeep_proto::v1::{DeleteSecretRequest, ListSecretsRequest, PutSecretRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, words::precise_time};
use crate::Services;

/// The secrets, without what they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretList {
    secrets: Vec<StoredSecret>,
    /// Without a key none can be stored.
    has_key: bool,
}

/// A secret that is stored.
#[derive(Serialize, ToSchema)]
struct StoredSecret {
    name: String,
    /// When it was stored last.
    changed: String,
    /// Ids of the connectors that name it.
    connectors: Vec<String>,
}

/// What a secret is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecret {
    #[schema(write_only, min_length = 1)]
    value: String,
}

/// Lists the secrets by name.
#[utoipa::path(get, path = "/secrets", tag = "secrets", operation_id = "list_secrets",
    responses((status = 200, description = "Names and times", body = SecretList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
) -> Result<Json<SecretList>, Problem> {
    let request = ListSecretsRequest {};
    let all = services.access.list_secrets(request).await?.into_inner();
    let secrets = all.secrets.into_iter().map(|secret| StoredSecret {
        name: secret.name,
        changed: precise_time(secret.changed),
        connectors: secret.connectors,
    });
    Ok(Json(SecretList {
        secrets: secrets.collect(),
        has_key: all.has_key,
    }))
}

/// Stores a secret, encrypted, or replaces it.
#[utoipa::path(put, path = "/secrets/{name}", tag = "secrets", operation_id = "put_secret", request_body = NewSecret,
    params(("name" = String, Path, description = "Letters, digits, `-`, `_` and `.`")),
    responses((status = 204, description = "Stored")))]
pub(super) async fn put(
    State(mut services): State<Services>,
    Path(name): Path<String>,
    Json(NewSecret { value }): Json<NewSecret>,
) -> Result<StatusCode, Problem> {
    let request = PutSecretRequest { name, value };
    services.access.put_secret(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a secret that no connector names.
#[utoipa::path(delete, path = "/secrets/{name}", tag = "secrets", operation_id = "delete_secret",
    params(("name" = String, Path, description = "The secret's name")),
    responses((status = 204, description = "Deleted"),
        (status = 409, description = "A connector names it", body = Problem)))]
pub(super) async fn delete(
    State(mut services): State<Services>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let request = DeleteSecretRequest { name };
    services.access.delete_secret(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
