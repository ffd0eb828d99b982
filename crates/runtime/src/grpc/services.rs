use std::convert::Infallible;

use http::{Request, Response};
use tonic::{body::Body, codegen::Service, server::NamedService, service::Routes};

/// The gRPC services that a program answers with, and their names.
#[derive(Clone, Debug, Default)]
pub struct Services {
    pub(super) routes: Routes,
    pub(super) names: Vec<&'static str>,
}

impl Services {
    /// And this one.
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes = self.routes.add_service(service);
        self
    }
}
