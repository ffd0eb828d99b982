use std::{net::SocketAddr, time::Duration};

use tower::util::BoxCloneSyncService;

use super::{
    CredentialsError, GrpcChannel, GrpcSettings, RemoteError, ServeError, Services, Transport,
    measure::Calls, remote::channel, repeat::Repeating, serve::serve,
};
use crate::Lifecycle;

/// A program's place in the network: how it calls the others and how it is called.
#[derive(Clone, Debug)]
pub struct Network {
    address: SocketAddr,
    transport: Transport,
    timeout: Duration,
    lifecycle: Lifecycle,
}

impl Network {
    /// Reads the certificates that the settings name.
    pub fn new(settings: &GrpcSettings, lifecycle: &Lifecycle) -> Result<Self, CredentialsError> {
        Ok(Self {
            address: settings.address,
            transport: settings.transport()?,
            timeout: settings.timeout,
            lifecycle: lifecycle.clone(),
        })
    }

    /// Another deadline for calls that set none.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Calls the services of another program. Connects when it is called, and again when the connection
    /// is lost.
    ///
    /// A call ends with `DEADLINE_EXCEEDED` after the time that the caller has set for it, or the
    /// settings. Until then it is repeated a few times where the service is `UNAVAILABLE`: every call of
    /// ours may be. Requests are held in memory for that, so they cannot be streams without an end.
    pub fn remote(&self, url: &str) -> Result<GrpcChannel, RemoteError> {
        let channel = channel(url, self.transport.dial())?;
        let calls = Calls::client(&self.lifecycle.meter());
        let repeating = Repeating::new(channel, self.timeout, calls);
        Ok(BoxCloneSyncService::new(repeating))
    }

    /// Serves until the process shuts down, then finishes the calls it has. Beside the services it
    /// answers `grpc.health.v1` and reflection, from the encoded `descriptors`. Returns where it
    /// listens.
    pub async fn serve(
        &self,
        services: Services,
        descriptors: &'static [u8],
    ) -> Result<SocketAddr, ServeError> {
        let transport = self.transport.clone();
        let services = (services, descriptors);
        serve(self.address, transport, services, &self.lifecycle).await
    }
}
