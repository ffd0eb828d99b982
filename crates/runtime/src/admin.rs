use std::{error::Error, io, net::SocketAddr};

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::{About, Lifecycle, Readiness, telemetry::Telemetry};

/// Where a program answers those who run it: the section `admin` of its settings. Plain HTTP, without
/// anything that is worth hiding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSettings {
    /// Address of `/livez`, `/readyz`, `/version` and `/metrics`.
    pub address: SocketAddr,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([0, 0, 0, 0], 9090)),
        }
    }
}

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address}")]
pub struct AdminError {
    /// The address.
    address: SocketAddr,
    /// The system's reason.
    source: io::Error,
}

/// Answers `/livez`, `/readyz`, `/version` and `/metrics` until the very end of the process: while it drains it is
/// alive, and not ready. Returns where it listens.
pub async fn serve_admin(
    settings: &AdminSettings,
    about: About,
    readiness: Readiness,
    telemetry: Telemetry,
    lifecycle: &Lifecycle,
) -> Result<SocketAddr, AdminError> {
    let address = settings.address;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| AdminError { address, source })?;
    let address = listener.local_addr().unwrap_or(address);
    readiness.watch(lifecycle);
    let draining = lifecycle.shutdown();
    let ready = move || {
        let answer = readyz(&readiness, draining.is_cancelled());
        async move { answer }
    };
    let version = about.to_string();
    let version = move || {
        let version = version.clone();
        async move { version }
    };
    let metrics = move || {
        let telemetry = telemetry.clone();
        async move {
            (
                [(CONTENT_TYPE, "text/plain; version=0.0.4")],
                telemetry.scrape(),
            )
        }
    };
    let router = Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics));
    lifecycle.accompany(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = &error as &dyn Error, "admin port closed");
        }
    });
    tracing::info!(%address, "serving health and metrics");
    Ok(address)
}

fn readyz(readiness: &Readiness, is_draining: bool) -> impl IntoResponse + use<> {
    let (is_ready, dependencies) = readiness.report();
    let (status, state) = match (is_draining, is_ready) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        (false, true) => (StatusCode::OK, "ready\n"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    };
    (status, format!("{state}{dependencies}"))
}
