use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

use crate::target::{BoxError, TargetError};

/// Trusts the system's certificate authorities, and those of a PEM file.
pub(crate) fn connector(ca: Option<&Path>) -> Result<TlsConnector, TargetError> {
    configure(ca).map_err(|source| TargetError::Setup { source })
}

fn configure(ca: Option<&Path>) -> Result<TlsConnector, BoxError> {
    let mut roots = RootCertStore::empty();
    // One unreadable certificate of the system must not keep us from a server that needs another.
    let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(ca) = ca {
        let named = |error: &dyn std::fmt::Display| format!("CA file {}: {error}", ca.display());
        let certificates = CertificateDer::pem_file_iter(ca).map_err(|error| named(&error))?;
        let mut found = 0;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| named(&error))?;
            roots.add(certificate).map_err(|error| named(&error))?;
            found += 1;
        }
        if found == 0 {
            return Err(named(&"holds no certificate").into());
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name that the server's certificate must have.
pub(crate) fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
