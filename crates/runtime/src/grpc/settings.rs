use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{
    credentials::{Credentials, CredentialsError, Files},
    remote::{Address, RemoteError},
};

/// How programs talk gRPC with each other: the section `grpc` of a program's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrpcSettings {
    /// Where the program serves.
    pub address: SocketAddr,
    /// Without TLS, for where something else encrypts and authenticates: a service mesh.
    pub plaintext: bool,
    /// PEM file: the certificate this program shows to those it calls and to those who call it, and
    /// what lies between it and the authority.
    pub certificate: Option<PathBuf>,
    /// PEM file: the certificate's private key.
    pub key: Option<PathBuf>,
    /// PEM file: the authorities that sign the programs' certificates. Only them: the system's are not
    /// asked.
    pub ca: Option<PathBuf>,
    /// How long a call may take, repetitions included.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([0, 0, 0, 0], 50051)),
            plaintext: false,
            certificate: None,
            key: None,
            ca: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// What a connection between programs consists of.
#[derive(Clone, Debug)]
pub enum Transport {
    /// TCP alone.
    Plaintext,
    /// TLS, both sides with a certificate.
    Tls(Arc<Credentials>),
}

impl GrpcSettings {
    /// Says whether the services of another program could be called at this address.
    pub fn check_address(&self, url: &str) -> Result<(), RemoteError> {
        Address::parse(url, !self.plaintext).map(drop)
    }

    /// Reads the certificates that the settings name.
    pub fn transport(&self) -> Result<Transport, CredentialsError> {
        let files = [
            ("certificate", &self.certificate),
            ("key", &self.key),
            ("ca", &self.ca),
        ];
        if self.plaintext {
            let needless = files.iter().find(|(_, file)| file.is_some());
            return match needless {
                Some(&(key, _)) => Err(CredentialsError::Needless { key }),
                None => Ok(Transport::Plaintext),
            };
        }
        let [certificate, key, ca] = files.map(|(key, file)| {
            let file = file.clone();
            file.ok_or(CredentialsError::Missing { key })
        });
        let files = Files {
            certificate: certificate?,
            key: key?,
            ca: ca?,
        };
        Ok(Transport::Tls(Arc::new(Credentials::read(files)?)))
    }
}
