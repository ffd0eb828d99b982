//! A service to call, over sockets.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chatkeep_proto::v1::{
    CheckCustomRequest, CheckCustomResponse, Identity, PreviewRequest, PreviewResponse,
    RefreshRequest, RefreshResponse, ResolveRequest, ResolveResponse,
    mapping_client::MappingClient,
    mapping_server::{Mapping, MappingServer},
};
use chatkeep_runtime::{GrpcChannel, GrpcSettings, Lifecycle, Network, Services};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

/// Answers `Resolve` when it is let, panics at `Preview`.
#[derive(Clone)]
pub(crate) struct Slow {
    /// Calls that were begun.
    pub(crate) begun: Arc<AtomicU32>,
    /// One permit lets one call end.
    pub(crate) gate: Arc<Semaphore>,
}

impl Slow {
    pub(crate) fn open() -> Self {
        Self::closed().opened(1_000)
    }

    pub(crate) fn closed() -> Self {
        Self {
            begun: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    fn opened(self, calls: usize) -> Self {
        self.gate.add_permits(calls);
        self
    }

    pub(crate) fn calls(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until so many calls were begun.
    pub(crate) async fn has_begun(&self, calls: u32) {
        while self.calls() < calls {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tonic::async_trait]
impl Mapping for Slow {
    async fn resolve(
        &self,
        _: Request<ResolveRequest>,
    ) -> Result<Response<ResolveResponse>, Status> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        Ok(Response::new(ResolveResponse::default()))
    }

    async fn preview(
        &self,
        _: Request<PreviewRequest>,
    ) -> Result<Response<PreviewResponse>, Status> {
        panic!("a bug that knows a subject")
    }

    async fn check_custom(
        &self,
        _: Request<CheckCustomRequest>,
    ) -> Result<Response<CheckCustomResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn refresh(
        &self,
        _: Request<RefreshRequest>,
    ) -> Result<Response<RefreshResponse>, Status> {
        Err(Status::failed_precondition("not for tests"))
    }
}

/// A server of its own lifecycle.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) slow: Slow,
}

impl Server {
    pub(crate) async fn start(settings: &GrpcSettings, slow: Slow) -> Self {
        Self::start_at(anywhere(), settings, slow).await
    }

    pub(crate) async fn start_at(address: SocketAddr, settings: &GrpcSettings, slow: Slow) -> Self {
        let settings = GrpcSettings {
            address,
            ..settings.clone()
        };
        Self::start_in(Lifecycle::detached(), &settings, slow).await
    }

    /// A server of a process that exists, where its settings say.
    pub(crate) async fn start_in(
        lifecycle: Lifecycle,
        settings: &GrpcSettings,
        slow: Slow,
    ) -> Self {
        let network = Network::new(settings, &lifecycle).unwrap();
        let services = Services::default().with(MappingServer::new(slow.clone()));
        let address = network.serve(services, chatkeep_proto::DESCRIPTORS).await;
        Self {
            address: address.unwrap(),
            lifecycle,
            slow,
        }
    }

    pub(crate) fn channel(&self, client: &GrpcSettings, timeout: Duration) -> GrpcChannel {
        let scheme = if client.plaintext { "http" } else { "https" };
        let url = format!("{scheme}://{}", self.address);
        let network = network(client).with_timeout(timeout);
        network.remote(&url).unwrap()
    }

    /// A client in a process that exists.
    pub(crate) fn client_in(
        &self,
        lifecycle: &Lifecycle,
        client: &GrpcSettings,
    ) -> MappingClient<GrpcChannel> {
        let network = Network::new(client, lifecycle).unwrap();
        let url = format!("http://{}", self.address);
        MappingClient::new(network.remote(&url).unwrap())
    }

    /// A client that gives up soon.
    pub(crate) fn client(&self, client: &GrpcSettings) -> MappingClient<GrpcChannel> {
        MappingClient::new(self.channel(client, Duration::from_secs(5)))
    }
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A client's place in the network.
pub(crate) fn network(client: &GrpcSettings) -> Network {
    Network::new(client, &Lifecycle::detached()).unwrap()
}

pub(crate) fn plaintext() -> GrpcSettings {
    GrpcSettings {
        address: anywhere(),
        plaintext: true,
        ..GrpcSettings::default()
    }
}

/// A request of about so many bytes.
pub(crate) fn large(bytes: usize) -> ResolveRequest {
    ResolveRequest {
        run: 1,
        identities: vec![Identity {
            address: "a".repeat(bytes),
            email: String::new(),
        }],
    }
}
