//! Connections for lapin, made by us: TLS is the same as everywhere else, and a handshake that nobody
//! waits for any more can be ended.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use async_rs::{
    Tokio,
    traits::Reactor,
    util::{DummyIO, RuntimeParts},
};
use futures::{AsyncRead, AsyncWrite, Stream};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, pki_types::ServerName},
};
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use super::AmqpError;

/// A connection, with TLS or without.
pub(super) type Socket = Pin<Box<dyn ReadWrite>>;

/// What a socket can do.
pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> ReadWrite for T {}

/// Connects to a broker; with TLS when `tls` says how.
pub(super) async fn connect(
    (host, port): (&str, u16),
    tls: Option<Arc<ClientConfig>>,
) -> Result<(Socket, Fuse), AmqpError> {
    let unreachable = |source| AmqpError::Unreachable {
        source: Arc::new(source),
    };
    let (tcp, fuse) = dial(host, port).await.map_err(unreachable)?;
    let Some(config) = tls else {
        return Ok((Box::pin(tcp.compat()), fuse));
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| AmqpError::Url)?;
    let tls = TlsConnector::from(config).connect(name, tcp);
    let tls = tls.await.map_err(|source| {
        if is_about_certificate(&source) {
            let source = Arc::new(source);
            return AmqpError::Untrusted { source };
        }
        unreachable(source)
    })?;
    Ok((Box::pin(tls.compat()), fuse))
}

async fn dial(host: &str, port: u16) -> io::Result<(TcpStream, Fuse)> {
    let tcp = TcpStream::connect((host, port)).await?;
    tcp.set_nodelay(true)?;
    let tcp = tcp.into_std()?;
    let fuse = Fuse(Some(tcp.try_clone()?));
    Ok((TcpStream::from_std(tcp)?, fuse))
}

fn is_about_certificate(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|e| e.downcast_ref());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

/// Ends the connection when it is dropped. Without it, a handshake with a silent broker would keep its
/// thread and its socket until the broker says something.
pub(super) struct Fuse(Option<std::net::TcpStream>);

impl Fuse {
    /// The handshake is done: the connection looks after itself.
    pub(super) fn defuse(mut self) {
        self.0 = None;
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        if let Some(tcp) = self.0.take() {
            // That it has ended already is what we want.
            drop(tcp.shutdown(Shutdown::Both));
        }
    }
}

/// Tokio, with our sockets.
pub(super) type Kit = RuntimeParts<Tokio, Sockets>;

/// Tokio, with our sockets.
pub(super) fn kit() -> Kit {
    RuntimeParts::new(Tokio::current(), Sockets(Tokio::current()))
}

/// Names our sockets as those that lapin works on; it makes none by itself.
#[derive(Clone, Debug)]
pub(super) struct Sockets(Tokio);

impl Reactor for Sockets {
    type TcpStream = Socket;
    type Sleep = tokio::time::Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Socket>> + Send + 'static {
        let connection = self.0.tcp_connect_addr(address);
        async move { Ok(Box::pin(connection.await?) as Socket) }
    }
}
