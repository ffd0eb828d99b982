//! gRPC between the services: in one process, or over the network.

#[cfg(feature = "network")]
mod connection;
#[cfg(feature = "network")]
mod credentials;
#[cfg(feature = "network")]
mod health;
#[cfg(feature = "network")]
mod measure;
#[cfg(feature = "network")]
mod network;
#[cfg(feature = "network")]
mod observe;
#[cfg(feature = "network")]
mod remote;
#[cfg(feature = "network")]
mod repeat;
#[cfg(feature = "network")]
mod serve;
#[cfg(feature = "network")]
mod services;
#[cfg(feature = "network")]
mod settings;

use std::convert::Infallible;

use tonic::{Status, body::Body, codegen::Service, metadata::MetadataMap};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

#[cfg(feature = "network")]
pub(crate) use self::{
    connection::Dial,
    remote::{channel, check},
};
#[cfg(feature = "network")]
pub use self::{
    credentials::{Credentials, CredentialsError},
    health::check_health,
    network::Network,
    remote::RemoteError,
    serve::ServeError,
    services::Services,
    settings::{GrpcSettings, Transport},
};

/// A connection to a gRPC service, wherever it runs. Every generated client takes one:
/// `LedgerClient::new(channel)`.
pub type GrpcChannel = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

/// Largest gRPC message in bytes: a page or a completion, never a run. To be set of every client and
/// server whose messages grow with a batch; the others keep the 4 MiB that are gRPC's default.
pub const LARGEST_MESSAGE: usize = 64 << 20;

/// Sends metadata with every call through a channel: who makes them.
pub fn with_metadata(channel: GrpcChannel, metadata: MetadataMap) -> GrpcChannel {
    let headers = metadata.into_headers();
    BoxCloneSyncService::new(
        channel.map_request(move |mut request: http::Request<Body>| {
            request.headers_mut().extend(headers.clone());
            request
        }),
    )
}

/// Calls a server in this process, without a socket.
pub fn in_process<S>(server: S) -> GrpcChannel
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(server.map_err(|never| match never {}))
}
