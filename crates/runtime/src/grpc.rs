use std::convert::Infallible;

use tonic::{Status, body::Body, codegen::Service};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

/// A connection to a gRPC service, wherever it runs. Every generated client takes one:
/// `LedgerClient::new(channel)`.
pub type GrpcChannel = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

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
