//! The way to a database: its server or the mirror, TLS, the login.

use std::{fs, io, net::SocketAddr};

use chatkeep_model::connector::{DatabaseAuth, DatabaseSource, DatabaseTls};
use chatkeep_runtime::secret::{self, Secret};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::{DatabaseError, instance};

/// Port of SQL Server.
const PORT: u16 = 1_433;
/// Servers that may send us on to the next one.
const HOPS: usize = 3;

pub(super) type Stream = Client<Compat<TcpStream>>;

/// Signs in at the server, or where it cannot be reached or has not got the database, at the mirror.
pub(super) async fn connect(source: &DatabaseSource) -> Result<Stream, DatabaseError> {
    let login = Login::read(&source.auth)?;
    let servers = [Some(&source.server), source.failover_partner.as_ref()];
    let mut first = None;
    for server in servers.into_iter().flatten() {
        let signing_in = Box::pin(sign_in(source, server, login.as_ref()));
        let error = match timeout(source.connect_timeout, signing_in).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => DatabaseError::Silent {
                server: server.clone(),
                timeout: source.connect_timeout,
            },
        };
        if !error.may_be_elsewhere() {
            return Err(error);
        }
        first.get_or_insert(error);
    }
    Err(first.unwrap_or_else(|| DatabaseError::Handshake {
        server: source.server.clone(),
    }))
}

/// Who signs in.
struct Login {
    user: Secret,
    password: Secret,
}

impl Login {
    fn read(auth: &DatabaseAuth) -> Result<Option<Self>, DatabaseError> {
        let unread = |source| DatabaseError::Secret { source };
        match auth {
            DatabaseAuth::Sql { user, password } => Ok(Some(Self {
                user: secret::read(user).map_err(unread)?,
                password: secret::read(password).map_err(unread)?,
            })),
            // The connector file is refused.
            DatabaseAuth::Windows | DatabaseAuth::Entra => Ok(None),
        }
    }
}

async fn sign_in(
    source: &DatabaseSource,
    server: &str,
    login: Option<&Login>,
) -> Result<Stream, DatabaseError> {
    let (mut host, mut port) = address(source, server).await?;
    for _ in 0..HOPS {
        let name = format!("{host}:{port}");
        let tcp = reach(&host, port, source.multi_subnet_failover).await?;
        let config = config(source, &host, login)?;
        match Box::pin(Client::connect(config, tcp.compat_write())).await {
            Ok(stream) => return Ok(stream),
            Err(tiberius::error::Error::Routing {
                host: next,
                port: next_port,
            }) => (host, port) = (next, next_port),
            Err(error) => {
                let has_tls = source.tls != DatabaseTls::None;
                let database = &source.database;
                return Err(DatabaseError::connecting(&error, &name, database, has_tls));
            }
        }
    }
    Err(DatabaseError::Handshake {
        server: server.to_owned(),
    })
}

/// Host and port of a server. The port of a named instance is known to SQL Server Browser alone.
async fn address(source: &DatabaseSource, server: &str) -> Result<(String, u16), DatabaseError> {
    let Some((host, instance)) = server.split_once('\\') else {
        return Ok((server.to_owned(), source.port.unwrap_or(PORT)));
    };
    let port = instance::port_of(host, instance, source.port).await?;
    Ok((host.to_owned(), port))
}

/// Opens a TCP connection: one address after the other, or all at once, the fastest wins.
async fn reach(host: &str, port: u16, at_once: bool) -> Result<TcpStream, DatabaseError> {
    let unresolved = |source| DatabaseError::Resolve {
        server: host.to_owned(),
        source,
    };
    let found = tokio::net::lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(unresolved)?.collect();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    let mut dials: FuturesUnordered<_> = FuturesUnordered::new();
    let mut waiting = addresses.into_iter();
    loop {
        if at_once {
            dials.extend(waiting.by_ref().map(TcpStream::connect));
        } else if dials.is_empty() {
            dials.extend(waiting.next().map(TcpStream::connect));
        }
        match dials.next().await {
            Some(Ok(tcp)) => match tcp.set_nodelay(true) {
                Ok(()) => return Ok(tcp),
                Err(error) => last = error,
            },
            Some(Err(error)) => last = error,
            None => {
                return Err(DatabaseError::Connect {
                    server: format!("{host}:{port}"),
                    source: last,
                });
            }
        }
    }
}

fn config(
    source: &DatabaseSource,
    host: &str,
    login: Option<&Login>,
) -> Result<Config, DatabaseError> {
    let mut config = Config::new();
    config.host(host);
    config.database(&source.database);
    config.application_name("chatkeep");
    config.packet_size(16_384);
    // We stop the time ourselves: between two rows ours may pass, too.
    config.handshake_timeout(None);
    config.command_timeout(None);
    if let Some(Login { user, password }) = login {
        config.authentication(AuthMethod::sql_server(user.expose(), password.expose()));
    }
    match source.tls {
        DatabaseTls::Verify => {
            config.encryption(EncryptionLevel::Required);
            if let Some(ca) = &source.ca {
                let authorities = fs::read(ca).map_err(|source| DatabaseError::Authority {
                    path: ca.clone(),
                    source,
                })?;
                config.trust_cert_ca_bundle(authorities);
            }
        }
        DatabaseTls::Trust => {
            config.encryption(EncryptionLevel::Required);
            config.trust_cert();
        }
        DatabaseTls::None => config.encryption(EncryptionLevel::NotSupported),
    }
    Ok(config)
}
