use std::{io, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::transport::server::Connected;

use super::settings::Transport;

/// How long TLS may take to be agreed on.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// TCP, with TLS or without.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Connected for Box<dyn Io> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl Transport {
    /// Connects to a server, which must prove that it is `host`.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Io>> {
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let Self::Tls(credentials) = self else {
            return Ok(Box::new(tcp));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(credentials.current().client);
        Ok(Box::new(connector.connect(name, tcp).await?))
    }

    /// Lets a client in, which must have a certificate.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<Box<dyn Io>> {
        tcp.set_nodelay(true)?;
        let Self::Tls(credentials) = self else {
            return Ok(Box::new(tcp));
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&credentials.current().server));
        Ok(Box::new(timeout(HANDSHAKE, acceptor.accept(tcp)).await??))
    }
}
