use std::{io, net::SocketAddr};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use chatkeep_runtime::Lifecycle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Services, Settings, api, assets,
    mappings::Mappings,
    pages,
    sign_in::{self, Announce, SignIn, SignInError, guard},
    traces::TraceLinks,
};

/// The console cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address cannot be had.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody could sign in.
    #[error("prepare signing in")]
    SignIn {
        /// The reason.
        source: SignInError,
    },
}

/// Serves pages and API until the process shuts down. Returns where it listens. Links that sign in are
/// shown to `announce`.
pub async fn start(
    settings: &Settings,
    services: Services,
    announce: Announce,
    lifecycle: &Lifecycle,
) -> Result<SocketAddr, ConsoleError> {
    // Before anybody can connect.
    settings
        .check()
        .map_err(|source| ConsoleError::SignIn { source })?;
    let address = settings.address;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| ConsoleError::Listen { address, source })?;
    // A port of 0 has become another one.
    let mut settings = settings.clone();
    settings.address = listener.local_addr().unwrap_or(address);
    let address = settings.address;
    let sign_in = SignIn::new(&settings, &services, announce);
    let sign_in = sign_in.map_err(|source| ConsoleError::SignIn { source })?;
    let shown = Shown {
        mappings: Mappings::new(settings.mappings),
        links: TraceLinks::new(settings.traces.as_deref()),
    };
    let router = router(services, sign_in, shown, lifecycle.shutdown())
        .into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = lifecycle.shutdown().cancelled_owned();
    lifecycle.spawn("console", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(shutdown)
            .await
    });
    tracing::info!(%address, "serving the console");
    Ok(address)
}

/// What pages and answers are made of beside what services say.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) mappings: Mappings,
    pub(crate) links: TraceLinks,
}

pub(crate) fn router(
    services: Services,
    sign_in: SignIn,
    shown: Shown,
    shutdown: CancellationToken,
) -> Router {
    let api = api::routes(services.clone(), shown.clone(), shutdown);
    let Shown { mappings, links } = shown;
    let is_secure = sign_in.is_secure();
    Router::new()
        .merge(api)
        .merge(pages::routes(services, mappings, links))
        .merge(sign_in::routes(sign_in.clone()))
        .route("/assets/{name}", get(assets::asset))
        .fallback(pages::problem::not_found)
        .layer(middleware::from_fn_with_state(sign_in, guard::authenticate))
        .layer(middleware::from_fn_with_state(
            is_secure,
            say_what_is_allowed,
        ))
}

/// A year, in which browsers ask for the console by TLS alone (RFC 6797). Other names of the same domain are
/// not ours to speak for.
const BY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What every answer says to the browser: nothing from elsewhere, no scripts in pages, no frames.
async fn say_what_is_allowed(
    State(is_secure): State<bool>,
    request: Request,
    next: Next,
) -> Response {
    const HEADERS: [(header::HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_secure {
        let headers = response.headers_mut();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, BY_TLS);
    }
    response
}
