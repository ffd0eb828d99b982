use std::{net::SocketAddr, sync::Arc};

use chatkeep_testkit::make_certificates;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// The proxy with TLS that stands before a console.
pub(crate) struct TlsProxy {
    /// `ca.pem`, which signs its certificate, and `other.pem`, which does not.
    pub(crate) folder: TempDir,
    pub(crate) origin: String,
    _tasks: JoinSet<()>,
}

impl TlsProxy {
    pub(crate) async fn before(upstream: SocketAddr) -> Self {
        let folder = TempDir::new().unwrap();
        make_certificates(folder.path()).unwrap();
        let certificates = CertificateDer::pem_file_iter(folder.path().join("cert.pem")).unwrap();
        let certificates = certificates.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.path().join("key.pem")).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // Whoever does not like the certificate goes away.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    let mut server = TcpStream::connect(upstream).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        Self {
            folder,
            origin,
            _tasks: tasks,
        }
    }
}
