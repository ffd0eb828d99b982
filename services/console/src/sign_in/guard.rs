//! What every request goes through.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Extensions, HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::MethodRouter,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tonic::Status;

use super::{
    Principal, Right, SignIn, Way,
    origin::changes,
    principal::{ACTOR, FORM_TOKEN},
};
use crate::{api::Problem, error::PageError, pages::problem};

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody has signed in.
    Unknown,
    /// They have not this right.
    Denied(Right),
    /// Another site made it, or nothing shows that ours did.
    Foreign,
    /// Too many attempts to sign in.
    Slow,
}

/// A mark on an answer: a form of a session before was not done, but shown to whoever is signed in now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandedBack;

/// The header that brings a form's token back where there is no form.
pub(crate) const FORM_HEADER: &str = "x-csrf-token";

/// A mark on an answer, for the one place that writes what is told of a refusal.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Denied(_) | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Slow => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Unknown => "Sign in first.".to_owned(),
            Self::Denied(right) => format!("This takes the role {}.", right.roles()),
            Self::Foreign => format!(
                "Nothing shows that a page of this site sent this: reload the page and try again. Scripts send \
                 the header {FORM_HEADER} with the {FORM_TOKEN} of /api/v1/me."
            ),
            Self::Slow => "Too many attempts: try again in a minute.".to_owned(),
        }
    }
}

/// Lets through who has a right. Every route has it, but those that sign in.
pub(crate) fn needs<S>(right: Right, routes: MethodRouter<S>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes.layer(middleware::from_fn(
        move |request: Request, next: Next| async move {
            match check(right, request.extensions()) {
                Ok(()) => next.run(request).await,
                Err(refusal) => refusal.into_response(),
            }
        },
    ))
}

fn check(right: Right, extensions: &Extensions) -> Result<(), Refusal> {
    let principal = extensions.get::<Principal>();
    let principal = principal.ok_or(Refusal::Unknown)?;
    if principal.may(right) {
        return Ok(());
    }
    Err(Refusal::Denied(right))
}

/// Finds out whose request it is and that it is theirs, has it answered in their name, and writes what is
/// told of a refusal.
pub(crate) async fn authenticate(
    State(sign_in): State<SignIn>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    // The same for everybody, also while control is away.
    if path.starts_with("/assets/") {
        return next.run(request).await;
    }
    let is_api = path.starts_with("/api/");
    let is_get = !changes(request.method());
    let address = sign_in.client(request.extensions(), request.headers());
    request.extensions_mut().insert(ClientAddress(address));
    let caller = Caller {
        method: request.method().clone(),
        headers: request.headers().clone(),
        address,
        is_api,
    };
    let principal = match sign_in.principal(&caller).await {
        Ok(principal) => principal,
        Err(Stop::Refused(refusal)) => {
            return tell(refusal, is_api, is_get.then_some(path.as_str()));
        }
        Err(Stop::Away(status)) if is_api => return Problem::from(status).into_response(),
        Err(Stop::Away(status)) => return PageError::from(status).into_response(),
    };
    let response = match principal {
        Some(principal) => {
            let actor = principal.actor();
            request.extensions_mut().insert(principal);
            let response = ACTOR.scope(actor.clone(), next.run(request)).await;
            if let Some(why) = denied(response.extensions()) {
                let note = sign_in.note("access.denied", json!({ "path": path, "why": why }));
                ACTOR.scope(actor, note).await;
            }
            response
        }
        None => next.run(request).await,
    };
    match response.extensions().get().copied() {
        Some(refusal) => tell(refusal, is_api, is_get.then_some(path.as_str())),
        None if is_api => Problem::instead_of(response),
        None => response,
    }
}

/// Why what somebody wanted who has signed in was not done, for the audit trail.
fn denied(answer: &Extensions) -> Option<String> {
    match answer.get::<Refusal>() {
        Some(refusal @ (Refusal::Denied(_) | Refusal::Foreign)) => Some(refusal.text()),
        _ => answer
            .get::<HandedBack>()
            .map(|HandedBack| "The form is of a session before: it was handed back.".to_owned()),
    }
}

/// What a request says about who makes it.
struct Caller {
    method: Method,
    headers: HeaderMap,
    address: IpAddr,
    is_api: bool,
}

/// Why a request goes no further.
enum Stop {
    Refused(Refusal),
    /// Control does not say whose session it is.
    Away(Status),
}

/// Where a request comes from, for the routes that let in whoever asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl SignIn {
    fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
        let info = extensions.get::<ConnectInfo<SocketAddr>>();
        // Without a connection it was made in this process.
        let peer = info.map_or(IpAddr::from([127, 0, 0, 1]), |info| info.0.ip());
        self.0.proxies.client(peer, headers)
    }

    async fn principal(&self, caller: &Caller) -> Result<Option<Principal>, Stop> {
        let Self(inner) = self;
        let Caller {
            method,
            headers,
            address,
            is_api,
        } = caller;
        let (address, is_api) = (*address, *is_api);
        if is_api && let Some(token) = bearer(headers) {
            return self.bearer(token, address).await.map(Some);
        }
        let made = inner.origin.made(headers);
        if changes(method) && made == Some(false) {
            return Err(Stop::Refused(Refusal::Foreign));
        }
        let found = inner.sessions.find(headers, address).await;
        let found = found.map_err(Stop::Away)?;
        // A form's own token is looked at where the form is read.
        if is_api && changes(method) && made.is_none() {
            let token = headers
                .get(FORM_HEADER)
                .and_then(|token| token.to_str().ok());
            let is_ours =
                |principal: &Principal| token.is_some_and(|token| principal.is_form_token(token));
            if found.as_ref().is_some_and(|found| !is_ours(found)) {
                return Err(Stop::Refused(Refusal::Foreign));
            }
        }
        Ok(found)
    }

    async fn bearer(&self, token: &str, address: IpAddr) -> Result<Principal, Stop> {
        let Self(inner) = self;
        let Way::Issuer(issuer) = &inner.way else {
            return Err(Stop::Refused(Refusal::Unknown));
        };
        if !inner.throttle.admits(address) {
            return Err(Stop::Refused(Refusal::Slow));
        }
        match issuer.bearer(token).await {
            Ok(claims) => Ok(self.known(&claims, address)),
            Err(error) => {
                self.denied(address, &error.to_string()).await;
                Err(Stop::Refused(Refusal::Unknown))
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What is told of a refusal. `page` is what somebody wanted to see.
fn tell(refusal: Refusal, is_api: bool, page: Option<&str>) -> Response {
    let status = refusal.status();
    let mut response = match page {
        _ if is_api => Problem::of(status, refusal.text()).into_response(),
        Some(page) if refusal == Refusal::Unknown => {
            let page = utf8_percent_encode(page, NON_ALPHANUMERIC);
            Redirect::to(&format!("/sign-in?to={page}")).into_response()
        }
        _ => (status, problem::page(status, &refusal.text())).into_response(),
    };
    let (name, value) = match refusal {
        Refusal::Unknown => (header::WWW_AUTHENTICATE, "Bearer"),
        Refusal::Slow => (header::RETRY_AFTER, "60"),
        Refusal::Denied(_) | Refusal::Foreign => return response,
    };
    let value = header::HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    response
}
