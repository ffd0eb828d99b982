use std::net::IpAddr;

use axum::{
    Extension, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use chatkeep_proto::v1::AppendAuditRequest;
use maud::Markup;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Form, Principal, Role, SignIn, Way,
    callback::{self, Return},
    claims::Claims,
    guard::{ClientAddress, Refusal, needs},
    issuer::SIGNED_OUT,
    principal::{ACTOR, Right},
};
use crate::{
    error::PageError,
    pages::{problem, sign_in as pages},
};

/// What signs in and out: the only routes that nobody needs to have signed in for.
pub(crate) fn routes(sign_in: SignIn) -> Router {
    Router::new()
        .route("/sign-in", get(begin))
        .route("/sign-in/callback", get(come_back))
        .route("/sign-in/link", post(print_link))
        .route("/sign-in/link/{token}", get(open_link))
        .route("/sign-out", needs(Right::Read, get(show_me).post(sign_out)))
        .route(SIGNED_OUT, get(async || pages::signed_out(None)))
        .with_state(sign_in)
}

/// Whoever opened a link that the program printed.
const LOCAL: &str = "local";

#[derive(Deserialize)]
struct Begin {
    #[serde(default)]
    to: String,
}

/// `GET /sign-in`.
async fn begin(State(sign_in): State<SignIn>, Query(Begin { to }): Query<Begin>) -> Response {
    let SignIn(inner) = &sign_in;
    let Way::Issuer(issuer) = &inner.way else {
        return pages::open_the_link().into_response();
    };
    let departed = callback::depart(issuer, &to, inner.origin.is_secure()).await;
    if let Ok((url, cookie)) = departed {
        return with_cookies(Redirect::to(url.as_str()), [cookie]);
    }
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let text = "The issuer that signs users in does not answer. Try again in a moment; the console's log says more.";
    (status, problem::page(status, text)).into_response()
}

/// `GET /sign-in/callback`.
async fn come_back(
    State(sign_in): State<SignIn>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Query(back): Query<Return>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let SignIn(inner) = &sign_in;
    let Way::Issuer(issuer) = &inner.way else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    if !inner.throttle.admits(address) {
        return Ok(Refusal::Slow.into_response());
    }
    let is_secure = inner.origin.is_secure();
    let ended = callback::ended(is_secure);
    let (claims, to) = match callback::arrive(issuer, &headers, &back, is_secure).await {
        Ok(arrived) => arrived,
        Err(error) => {
            sign_in.denied(address, &error.to_string()).await;
            let page = refused("You could not be signed in. Try again.");
            return Ok(with_cookies(page, [ended]));
        }
    };
    let principal = sign_in.known(&claims, address);
    if !principal.may(Right::Read) {
        let note = sign_in.note("sign-in.denied", json!({ "why": "no role" }));
        ACTOR.scope(principal.actor(), note).await;
        let page = refused(
            "You have no role here: ask who administers the application at the issuer for one.",
        );
        return Ok(with_cookies(page, [ended]));
    }
    let cookie = inner.sessions.open(&principal).await?;
    Ok(with_cookies(Redirect::to(&to), [ended, Some(cookie)]))
}

/// `GET /sign-in/link/{token}`.
async fn open_link(
    State(sign_in): State<SignIn>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    let SignIn(inner) = &sign_in;
    let Way::Link(link) = &inner.way else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    // The address listened on is loopback; this holds whatever forwards to it.
    if !address.is_loopback() || !inner.throttle.admits(address) {
        return Ok(Refusal::Slow.into_response());
    }
    if !link.take(&token) {
        sign_in.denied(address, "the link is not good").await;
        let page =
            refused("This link was used, or another one was printed since. Print a new one.");
        return Ok(page.into_response());
    }
    let principal = Principal {
        subject: LOCAL.to_owned(),
        name: "Local administrator".to_owned(),
        roles: Role::ALL.to_vec(),
        address,
        form_token: None,
    };
    let cookie = inner.sessions.open(&principal).await?;
    Ok(with_cookies(Redirect::to("/"), [Some(cookie)]))
}

/// `POST /sign-in/link`: whoever asks gets nothing; the link goes to who can see the program's output.
async fn print_link(
    State(sign_in): State<SignIn>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
) -> Response {
    let SignIn(inner) = &sign_in;
    let Way::Link(link) = &inner.way else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !inner.throttle.admits(address) {
        return Refusal::Slow.into_response();
    }
    inner.throttle.failed(address);
    match link.renew() {
        Ok(()) => Redirect::to("/sign-in").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /sign-out`: who somebody is, and the way out.
async fn show_me(principal: Principal) -> Markup {
    pages::me(&principal)
}

#[derive(Deserialize)]
struct Nothing {}

/// `POST /sign-out`. The session here has ended before the issuer is asked for anything.
async fn sign_out(
    State(sign_in): State<SignIn>,
    headers: HeaderMap,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, PageError> {
    let SignIn(inner) = &sign_in;
    let cookie = inner.sessions.close(&headers).await?;
    let exit = match &inner.way {
        Way::Issuer(issuer) => issuer.exit(&inner.origin).await,
        Way::Link(_) => None,
    };
    let page = pages::signed_out(exit.as_ref());
    Ok(with_cookies(page, [cookie]))
}

fn refused(text: &str) -> impl IntoResponse + use<> {
    let status = StatusCode::FORBIDDEN;
    (status, problem::page(status, text))
}

fn with_cookies<const N: usize>(
    response: impl IntoResponse,
    cookies: [Option<HeaderValue>; N],
) -> Response {
    let mut response = response.into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

impl SignIn {
    /// Who a good token is about.
    pub(super) fn known(&self, claims: &Claims, address: IpAddr) -> Principal {
        let Self(inner) = self;
        let claim = match &inner.way {
            Way::Issuer(issuer) => issuer.roles_claim.as_str(),
            Way::Link(_) => "",
        };
        let roles = claims.texts(claim).into_iter().filter_map(Role::parse);
        let name = claims.text("name").or(claims.text("preferred_username"));
        Principal {
            subject: claims.text("sub").unwrap_or_default().to_owned(),
            name: name.unwrap_or_default().to_owned(),
            roles: roles.collect(),
            address,
            form_token: None,
        }
    }

    /// Notes that somebody could not be signed in.
    pub(super) async fn denied(&self, address: IpAddr, why: &str) {
        let Self(inner) = self;
        inner.throttle.failed(address);
        let nobody = Principal {
            subject: "unknown".to_owned(),
            name: String::new(),
            roles: Vec::new(),
            address,
            form_token: None,
        };
        let note = self.note("sign-in.denied", json!({ "why": why }));
        ACTOR.scope(nobody.actor(), note).await;
    }

    /// Writes an entry of the audit trail about something that was refused.
    pub(super) async fn note(&self, action: &str, detail: Value) {
        let Self(inner) = self;
        let entry = AppendAuditRequest {
            action: action.to_owned(),
            outcome: "denied".to_owned(),
            detail: detail.to_string(),
            ..AppendAuditRequest::default()
        };
        if let Err(status) = inner.services.access.clone().append_audit(entry).await {
            tracing::error!(action, code = ?status.code(), "audit entry not written");
        }
    }
}
