use std::{io, path::Path};

use chatkeep_runtime::tls::client_config;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::target::TargetError;

/// Trusts the system's certificate authorities, and those of a PEM file.
pub(crate) fn connector(ca: Option<&Path>) -> Result<TlsConnector, TargetError> {
    let config = client_config(ca).map_err(|source| TargetError::Setup {
        source: source.into(),
    })?;
    Ok(TlsConnector::from(config))
}

/// The name that the server's certificate must have.
pub(crate) fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
