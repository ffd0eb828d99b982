use std::{io, net::SocketAddr, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_reflection::{
    pb::v1::server_reflection_server::SERVICE_NAME,
    server::v1::{ServerReflection, ServerReflectionServer},
};

use super::{
    connection::Io,
    measure::Calls,
    observe::Observe,
    remote::{CONNECTION_WINDOW, STREAM_WINDOW},
    services::Services,
    settings::Transport,
};
use crate::Lifecycle;

/// Clients that are let in at the same time; a slow handshake keeps nobody else waiting.
const HANDSHAKES: usize = 64;
/// How often to ask whether a client still lives, and how long to wait for its answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(10);
/// After this time a client is asked to connect again, without losing a call: a certificate that has
/// expired meanwhile is noticed, and a server that was added gets its share.
const CONNECTION_AGE: Duration = Duration::from_mins(30);

/// Why a program cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The services do not match their descriptors.
    #[error("describe services")]
    Describe {
        /// The reason.
        source: tonic_reflection::server::Error,
    },
}

/// Serves services and what describes them. Returns where it listens.
pub(super) async fn serve(
    address: SocketAddr,
    transport: Transport,
    (services, descriptors): (Services, &'static [u8]),
    lifecycle: &Lifecycle,
) -> Result<SocketAddr, ServeError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| ServeError::Listen { address, source })?;
    let address = listener.local_addr().unwrap_or(address);
    let names = services.names.clone();
    let (reporter, health) = tonic_health::server::health_reporter();
    report(&reporter, &names, ServingStatus::Serving).await;
    let services = services.with(health);
    let reflection = describe(&services.names, descriptors)?;
    let services = services.with(reflection);
    let shutdown = lifecycle.shutdown();
    let draining = {
        let shutdown = shutdown.clone();
        async move {
            shutdown.cancelled_owned().await;
            report(&reporter, &names, ServingStatus::NotServing).await;
        }
    };
    let incoming = incoming(listener, transport);
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_ANSWER))
        .max_connection_age(CONNECTION_AGE)
        .layer(Observe(Calls::server(&lifecycle.meter())))
        .add_routes(services.routes)
        .serve_with_incoming_shutdown(incoming, draining);
    let patience = lifecycle.grace() / 2;
    lifecycle.spawn("grpc", async move {
        tokio::select! {
            result = server => result,
            () = expired(shutdown, patience) => {
                // Streams that nobody ends, e.g. of who watches our health.
                tracing::warn!("calls still under way, closing their connections");
                Ok(())
            }
        }
    });
    tracing::info!(%address, "serving gRPC");
    Ok(address)
}

/// Reports the health of each service, and of the whole program, whose name is empty.
async fn report(reporter: &HealthReporter, names: &[&str], status: ServingStatus) {
    for name in names.iter().chain([&""]) {
        reporter.set_service_status(name, status).await;
    }
}

/// Describes services, and the service that describes them.
fn describe(
    names: &[&str],
    descriptors: &'static [u8],
) -> Result<ServerReflectionServer<impl ServerReflection + use<>>, ServeError> {
    let mut reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    for name in names.iter().chain([&SERVICE_NAME]) {
        reflection = reflection.with_service_name(*name);
    }
    let reflection = reflection.build_v1();
    reflection.map_err(|source| ServeError::Describe { source })
}

async fn expired(shutdown: CancellationToken, patience: Duration) {
    shutdown.cancelled_owned().await;
    sleep(patience).await;
}

/// Connections, as far as they may be made.
fn incoming(
    listener: TcpListener,
    transport: Transport,
) -> impl Stream<Item = io::Result<Box<dyn Io>>> {
    let accepted = stream::unfold(listener, |listener| async {
        Some((accept(&listener).await, listener))
    });
    let connections = accepted.map(move |tcp| {
        let transport = transport.clone();
        async move { transport.accept(tcp).await }
    });
    connections
        .buffer_unordered(HANDSHAKES)
        .filter_map(|connection| async {
            connection
                .inspect_err(|error| tracing::debug!(%error, "client not let in"))
                .ok()
                .map(Ok)
        })
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => return tcp,
            Err(error) => {
                // Out of file handles, most likely: some will be closed.
                tracing::warn!(%error, "connection not accepted");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
