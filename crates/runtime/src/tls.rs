//! Whom a program trusts when it opens a TLS connection.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject as _},
    },
};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file is not there, or is no PEM file.
    #[error("read CA file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: pem::Error,
    },
    /// The CA file holds something that is no certificate authority.
    #[error("use CA file {}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// The CA file holds no certificate.
    #[error("CA file {} holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The cryptography knows no version that is safe.
    #[error("choose TLS version")]
    Version {
        /// The reason.
        source: rustls::Error,
    },
}

/// Trusts the system's certificate authorities, and those of a PEM file.
pub fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // One unreadable certificate of the system must not keep us from a server that needs another.
    let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(ca) = ca {
        trust(&mut roots, ca)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Version { source })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn trust(roots: &mut RootCertStore, ca: &Path) -> Result<(), TlsError> {
    let path = || ca.to_owned();
    let unread = |source| TlsError::Read {
        path: path(),
        source,
    };
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(unread)? {
        let added = roots.add(certificate.map_err(unread)?);
        added.map_err(|source| TlsError::Certificate {
            path: path(),
            source,
        })?;
    }
    if roots.len() == before {
        return Err(TlsError::Empty { path: path() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "no certificate\n").unwrap();

        let error = client_config(Some(file.path())).unwrap_err();

        let expected = format!("CA file {} holds no certificate", file.path().display());
        assert_eq!(error.to_string(), expected);
    }
}
