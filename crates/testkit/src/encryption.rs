//! TLS for servers that live in the test's own process.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use tokio_rustls::TlsAcceptor;

use crate::lab::LabError;

/// Shows `cert.pem`, with `key.pem`, of what [`make_certificates`](crate::make_certificates) made in a
/// folder.
pub(crate) fn acceptor(
    folder: &Path,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsAcceptor, LabError> {
    let unreadable = |error: pem::Error| LabError::Setup(io::Error::other(error));
    let unusable = |error: rustls::Error| LabError::Setup(io::Error::other(error));
    let certificates: Vec<_> = CertificateDer::pem_file_iter(folder.join("cert.pem"))
        .and_then(Iterator::collect)
        .map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).map_err(unreadable)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unusable)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
