use std::{io, net::SocketAddr};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{Redirect, Response},
    routing::get,
};
use chatkeep_runtime::Lifecycle;
use tokio::net::TcpListener;

use crate::{Services, Settings, assets, pages};

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
}

/// Serves pages and API until the process shuts down. Returns where it listens.
pub async fn start(
    settings: &Settings,
    services: Services,
    lifecycle: &Lifecycle,
) -> Result<SocketAddr, ConsoleError> {
    let address = settings.address;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| ConsoleError::Listen { address, source })?;
    let address = listener.local_addr().unwrap_or(address);
    let shutdown = lifecycle.shutdown().cancelled_owned();
    lifecycle.spawn("console", async move {
        axum::serve(listener, router(services))
            .with_graceful_shutdown(shutdown)
            .await
    });
    tracing::info!(%address, "serving the console");
    Ok(address)
}

fn router(services: Services) -> Router {
    Router::new()
        .route("/", get(async || Redirect::to("/connectors")))
        .route("/connectors", get(pages::connectors::list))
        .route("/assets/{name}", get(assets::asset))
        .fallback(pages::problem::not_found)
        .layer(middleware::from_fn(guard))
        .with_state(services)
}

/// What every answer says to the browser: nothing from elsewhere, no scripts in pages, no frames.
async fn guard(request: Request, next: Next) -> Response {
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
    response
}
