use std::time::Duration;

use http::{Uri, uri::Scheme};
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};
use tower::{service_fn, util::BoxCloneSyncService};

use super::{GrpcChannel, retry::Repeating, settings::Transport};

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How often to ask whether the peer still lives, and how long to wait for its answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(10);
/// What a peer may send before it waits for us: several large messages at the same time.
pub(super) const STREAM_WINDOW: u32 = 4 << 20;
pub(super) const CONNECTION_WINDOW: u32 = 16 << 20;

/// Why there is no way to a service.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address cannot be read.
    #[error("{url} is no address: write https://HOST:PORT")]
    Malformed {
        /// The address.
        url: String,
    },
    /// The address asks for another transport than the settings allow.
    #[error("{url} must begin with {scheme}:// (plaintext = {plaintext})")]
    Scheme {
        /// The address.
        url: String,
        /// What it should begin with.
        scheme: &'static str,
        /// What the settings say.
        plaintext: bool,
    },
}

/// Calls a service in another process. Connects when it is called, and again when the connection is
/// lost.
///
/// A call ends after `timeout`, or what the caller has set for it, with `DEADLINE_EXCEEDED`. Until then
/// it is repeated a few times where the service is `UNAVAILABLE`: every call of ours may be. Requests
/// are held in memory for that, so they cannot be streams.
pub fn remote(
    url: &str,
    transport: &Transport,
    timeout: Duration,
) -> Result<GrpcChannel, RemoteError> {
    let channel = channel(url, transport)?;
    Ok(BoxCloneSyncService::new(Repeating::new(channel, timeout)))
}

/// A connection that is made when it is needed.
pub(crate) fn channel(url: &str, transport: &Transport) -> Result<Channel, RemoteError> {
    let malformed = || RemoteError::Malformed {
        url: url.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let (scheme, port) = match transport {
        Transport::Plaintext => (Scheme::HTTP, 80),
        Transport::Tls(_) => (Scheme::HTTPS, 443),
    };
    if uri.scheme().is_some_and(|found| *found != scheme) {
        let plaintext = scheme == Scheme::HTTP;
        return Err(RemoteError::Scheme {
            url: url.to_owned(),
            scheme: if plaintext { "http" } else { "https" },
            plaintext,
        });
    }
    let is_bare = uri.path_and_query().is_none_or(|path| path == "/");
    let host = uri.host().filter(|_| uri.scheme().is_some() && is_bare);
    let host = host.ok_or_else(malformed)?;
    // An IPv6 address is in brackets in a URL, and nowhere else.
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(port);
    let transport = transport.clone();
    let connector = service_fn(move |_: Uri| {
        let (transport, host) = (transport.clone(), host.clone());
        async move { transport.connect(&host, port).await.map(TokioIo::new) }
    });
    Ok(endpoint(uri).connect_with_connector_lazy(connector))
}

fn endpoint(uri: Uri) -> Endpoint {
    // TLS is the connector's: for tonic every connection is a plain one.
    let authority = uri.authority().cloned();
    let mut plain = Uri::default().into_parts();
    plain.scheme = Some(Scheme::HTTP);
    plain.authority = authority;
    plain.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    let plain = Uri::from_parts(plain).unwrap_or_else(|_| uri.clone());
    Endpoint::from(plain)
        .origin(uri)
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_ANSWER)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}
