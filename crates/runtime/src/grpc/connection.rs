use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::transport::server::Connected;

use super::{credentials::Credentials, settings::Transport};
use crate::tls;

/// How long TLS may take to be agreed on.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// TCP, with TLS or without.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Connected for Box<dyn Io> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

/// How to connect to a server.
#[derive(Clone)]
pub(crate) enum Dial {
    /// TCP alone.
    Plaintext,
    /// TLS among the programs of an installation.
    Mutual(Arc<Credentials>),
    /// TLS with a server that the system's authorities vouch for.
    Public,
}

impl Dial {
    /// As a public address says it.
    pub(crate) fn public(url: &str) -> Self {
        if url.starts_with("http://") {
            Self::Plaintext
        } else {
            Self::Public
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        !matches!(self, Self::Plaintext)
    }

    /// Connects to a server, which must prove that it is `host`.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Io>> {
        let config = match self {
            Self::Plaintext => None,
            Self::Mutual(credentials) => Some(credentials.current().client),
            Self::Public => Some(public_config()?),
        };
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let Some(config) = config else {
            return Ok(Box::new(tcp));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(
            TlsConnector::from(config).connect(name, tcp).await?,
        ))
    }
}

fn public_config() -> io::Result<Arc<ClientConfig>> {
    let config = tls::client_config(None).map_err(io::Error::other)?;
    let mut config = ClientConfig::clone(&config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

impl Transport {
    /// Lets a client in, which must have a certificate.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<Box<dyn Io>> {
        tcp.set_nodelay(true)?;
        let Self::Tls(credentials) = self else {
            return Ok(Box::new(tcp));
        };
        let acceptor = TlsAcceptor::from(credentials.current().server);
        Ok(Box::new(timeout(HANDSHAKE, acceptor.accept(tcp)).await??))
    }

    pub(super) fn dial(&self) -> Dial {
        match self {
            Self::Plaintext => Dial::Plaintext,
            Self::Tls(credentials) => Dial::Mutual(Arc::clone(credentials)),
        }
    }
}
