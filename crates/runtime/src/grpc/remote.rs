use std::time::Duration;

use http::{Uri, uri::Scheme};
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::connection::Dial;

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
    #[error("{url} must begin with {scheme}://, as grpc.plaintext says")]
    Scheme {
        /// The address.
        url: String,
        /// What it should begin with.
        scheme: &'static str,
    },
}

/// Where a service is.
pub(super) struct Address {
    uri: Uri,
    host: String,
    port: u16,
}

impl Address {
    /// Reads `http://HOST:PORT`, or `https://` where TLS is wanted.
    pub(super) fn parse(url: &str, wants_tls: bool) -> Result<Self, RemoteError> {
        let malformed = || RemoteError::Malformed {
            url: url.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let (scheme, port) = if wants_tls {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let found = uri.scheme_str().ok_or_else(malformed)?;
        if found != scheme {
            let url = url.to_owned();
            return Err(RemoteError::Scheme { url, scheme });
        }
        let is_bare = uri.path_and_query().is_none_or(|path| path == "/");
        let host = uri.host().filter(|host| is_bare && !host.is_empty());
        let host = host.ok_or_else(malformed)?;
        Ok(Self {
            // An IPv6 address is in brackets in a URL, and nowhere else.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(port),
            uri,
        })
    }
}

/// Says whether a service could be called at this address. Needs no runtime, as a [`channel`] does.
pub(crate) fn check(url: &str, dial: &Dial) -> Result<(), RemoteError> {
    Address::parse(url, dial.is_tls()).map(drop)
}

/// A connection that is made when it is needed, and again when it is lost.
pub(crate) fn channel(url: &str, dial: Dial) -> Result<Channel, RemoteError> {
    let Address { uri, host, port } = Address::parse(url, dial.is_tls())?;
    let connector = service_fn(move |_: Uri| {
        let (dial, host) = (dial.clone(), host.clone());
        async move { dial.connect(&host, port).await.map(TokioIo::new) }
    });
    let endpoint = endpoint(uri).ok_or_else(|| RemoteError::Malformed {
        url: url.to_owned(),
    })?;
    Ok(endpoint.connect_with_connector_lazy(connector))
}

fn endpoint(uri: Uri) -> Option<Endpoint> {
    // TLS is the connector's: for tonic every connection is a plain one.
    let mut plain = uri.clone().into_parts();
    plain.scheme = Some(Scheme::HTTP);
    let endpoint = Endpoint::from(Uri::from_parts(plain).ok()?)
        .origin(uri)
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_ANSWER)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    Some(endpoint)
}
