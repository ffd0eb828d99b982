//! Who has signed in.

use axum::{Json, extract::State};
use chatkeep_proto::v1::{ListSessionsRequest, RevokeSessionsRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem,
    words::{name, precise_time},
};
use crate::{
    Services,
    sign_in::{Principal, Right},
};

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    subject: String,
    name: String,
    roles: Vec<&'static str>,
    /// read, operate, administer
    rights: Vec<&'static str>,
    /// What a script that uses the session's cookie sends as `X-CSRF-Token`; null with a bearer token.
    form_token: Option<String>,
}

/// Sessions that have not ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<Session>,
}

/// A session of somebody who has signed in.
#[derive(Serialize, ToSchema)]
struct Session {
    subject: String,
    name: String,
    roles: Vec<String>,
    /// The address it was opened from.
    address: String,
    opened: String,
    /// When it was used last, to the minute.
    seen: String,
    /// When it ends if it is not used until then.
    expires: String,
}

/// Whose sessions end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    #[schema(min_length = 1)]
    subject: String,
}

/// Sessions that have ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    sessions: u32,
}

/// Says who asks, and what they may do.
#[utoipa::path(get, path = "/me", tag = "sessions",
    responses((status = 200, description = "Who asks", body = Me)))]
pub(super) async fn me(principal: Principal) -> Json<Me> {
    let rights = [Right::Read, Right::Operate, Right::Administer];
    let rights = rights.into_iter().filter(|right| principal.may(*right));
    let roles = principal.roles.iter().map(|role| role.name());
    Json(Me {
        roles: roles.collect(),
        rights: rights.map(Right::name).collect(),
        subject: principal.subject,
        name: principal.name,
        form_token: principal.form_token,
    })
}

/// Lists sessions, the last opened first; a thousand at most.
#[utoipa::path(get, path = "/sessions", tag = "sessions", operation_id = "list_sessions",
    responses((status = 200, description = "Sessions", body = SessionList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
) -> Result<Json<SessionList>, Problem> {
    let request = ListSessionsRequest {
        subject: String::new(),
        limit: 1_000,
    };
    let all = services.access.list_sessions(request).await?.into_inner();
    let sessions = all.sessions.into_iter().map(|session| Session {
        subject: session.subject,
        name: session.name,
        roles: session.roles,
        address: session.address,
        opened: precise_time(session.opened),
        seen: precise_time(session.seen),
        expires: precise_time(session.expires),
    });
    Ok(Json(SessionList {
        sessions: sessions.collect(),
    }))
}

/// Ends every session of somebody.
#[utoipa::path(post, path = "/sessions/revoke", tag = "sessions", operation_id = "revoke_sessions",
    request_body = Revocation, responses((status = 200, description = "They have ended", body = Revoked)))]
pub(super) async fn revoke(
    State(mut services): State<Services>,
    Json(Revocation { subject }): Json<Revocation>,
) -> Result<Json<Revoked>, Problem> {
    // Empty could mean everybody.
    let subject = name("subject", subject)?;
    let request = RevokeSessionsRequest { subject };
    let revoked = services.access.revoke_sessions(request).await?;
    let sessions = revoked.into_inner().sessions;
    Ok(Json(Revoked { sessions }))
}
