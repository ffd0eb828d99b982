use std::{
    error::Error,
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier},
    version::TLS13,
};

/// Why two programs cannot prove to each other who they are.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file is not named.
    #[error("{key} is missing: name a PEM file, or set plaintext = true where a mesh encrypts")]
    Missing {
        /// The setting.
        key: &'static str,
    },
    /// A file is named that nobody would use.
    #[error("{key} contradicts plaintext = true: remove one of them")]
    Needless {
        /// The setting.
        key: &'static str,
    },
    /// A file is not there, or not ours to read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is no PEM file, or holds something else.
    #[error("parse {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: pem::Error,
    },
    /// An authority cannot be used.
    #[error("trust authorities of {}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// Clients cannot be checked.
    #[error("check clients against authorities")]
    Verifier {
        /// The reason.
        source: VerifierBuilderError,
    },
    /// Certificate and key do not belong together, or are none.
    #[error("use certificate and key")]
    Certificate {
        /// The reason.
        source: rustls::Error,
    },
}

/// Where certificate, key and authorities are found.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) ca: PathBuf,
}

/// A program's certificate and the authorities it trusts, read again when their files change. Whoever
/// is connected stays connected.
pub struct Credentials {
    files: Files,
    current: Mutex<Current>,
}

struct Current {
    stamps: [Stamp; 3],
    configs: Configs,
}

/// TLS as the program's certificate allows it.
#[derive(Clone)]
pub(super) struct Configs {
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
}

/// What tells that a file is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.files).finish()
    }
}

impl Credentials {
    pub(super) fn read(files: Files) -> Result<Self, CredentialsError> {
        // Before the files themselves: what changes in between is noticed next time.
        let stamps = files.stamps()?;
        let configs = Configs::read(&files)?;
        Ok(Self {
            files,
            current: Mutex::new(Current { stamps, configs }),
        })
    }

    /// For a new connection. Files that cannot be used are reported once, and the ones before them
    /// stay in use: who replaces certificates does not replace them all at the same moment.
    pub(super) fn current(&self) -> Configs {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(stamps) = self.files.stamps() else {
            return current.configs.clone();
        };
        if stamps != current.stamps {
            current.stamps = stamps;
            match Configs::read(&self.files) {
                Ok(configs) => {
                    tracing::info!("certificates read again");
                    current.configs = configs;
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(
                        error,
                        "new certificates cannot be used, keeping the old ones"
                    );
                }
            }
        }
        current.configs.clone()
    }
}

impl Files {
    fn stamps(&self) -> Result<[Stamp; 3], CredentialsError> {
        Ok([
            stamp(&self.certificate)?,
            stamp(&self.key)?,
            stamp(&self.ca)?,
        ])
    }
}

fn stamp(path: &Path) -> Result<Stamp, CredentialsError> {
    let metadata = fs::metadata(path).map_err(|source| CredentialsError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Stamp {
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        size: metadata.size(),
    })
}

impl Configs {
    fn read(files: &Files) -> Result<Self, CredentialsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(authorities(&files.ca)?);
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unparsed(&files.key))?;
        Ok(Self {
            client: client(&provider, &roots, (chain.clone(), key.clone_key()))?,
            server: server(&provider, &roots, (chain, key))?,
        })
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Sessions are never resumed: a connection made today is checked against today's certificates.
fn client(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    (chain, key): Identity,
) -> Result<Arc<ClientConfig>, CredentialsError> {
    let refused = |source| CredentialsError::Certificate { source };
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(refused)?
        .with_root_certificates(Arc::clone(roots))
        .with_client_auth_cert(chain, key)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn server(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    (chain, key): Identity,
) -> Result<Arc<ServerConfig>, CredentialsError> {
    let refused = |source| CredentialsError::Certificate { source };
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
    let clients = clients
        .build()
        .map_err(|source| CredentialsError::Verifier { source })?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(refused)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<RootCertStore, CredentialsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|source| CredentialsError::Authority {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let found = CertificateDer::pem_file_iter(path).map_err(unparsed(path))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(unparsed(path))?;
    if found.is_empty() {
        return Err(unparsed(path)(pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn unparsed(path: &Path) -> impl FnOnce(pem::Error) -> CredentialsError {
    move |source| CredentialsError::Parse {
        path: path.to_owned(),
        source,
    }
}
