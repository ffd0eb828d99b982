use std::{
    fmt, io,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::version::TLS12;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{Database, Faults, browser, session, welcome};
use crate::{LabError, encryption::acceptor};

/// What can be different about a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only user.
    pub user: String,
    /// The password of the user.
    pub password: String,
    /// The databases there are. Their names are found whatever case they are written in.
    pub databases: Vec<String>,
    /// Whether the server can encrypt; the tests of a client that insists on it need this.
    pub tls: Option<Tls>,
    /// The name of the instance, for [`Server::browser_port`].
    pub instance: Option<String>,
    /// The server that takes over when this one fails, named to every client.
    pub failover_partner: Option<String>,
    /// The largest packets, in bytes, 512 to 32,767. A client gets what it asks for, up to this.
    pub packet_size: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user: "chatkeep".to_owned(),
            password: "secret".to_owned(),
            databases: ["LcsLog", "mgc", "LcsCDR"].map(str::to_owned).into(),
            tls: None,
            instance: None,
            failover_partner: None,
            packet_size: 8_192,
        }
    }
}

/// How a server encrypts.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What [`make_certificates`](crate::make_certificates) made: `cert.pem` and `key.pem` are used.
    pub folder: PathBuf,
    /// Whether it refuses to talk in the clear.
    pub is_required: bool,
}

/// A login that a server accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The database it is for.
    pub database: String,
    /// What the client calls itself.
    pub application: String,
    /// Whether it said that it only reads.
    pub is_read_only: bool,
    /// What is encrypted.
    pub encrypted: Encrypted,
}

/// What is encrypted of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encrypted {
    /// Nothing: the password can be read by everybody on the way.
    Nothing,
    /// The login.
    Login,
    /// Everything.
    Everything,
}

/// A running server, on the loopback interface. It stops, and every connection with it, when it is
/// dropped.
pub struct Server {
    shared: Arc<Shared>,
    port: u16,
    browser_port: Option<u16>,
    _tasks: JoinSet<()>,
}

/// What all connections have in common.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) database: Arc<dyn Database>,
    pub(super) faults: Faults,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) logins: Mutex<Vec<SignedIn>>,
}

impl Server {
    /// Starts a server on a free port.
    ///
    /// # Panics
    ///
    /// Where no port is free, or the certificates cannot be read: there is no test without them.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub async fn start(options: Options, database: Arc<dyn Database>) -> Self {
        Self::try_start(options, database)
            .await
            .expect("the TDS server starts")
    }

    async fn try_start(options: Options, database: Arc<dyn Database>) -> Result<Self, LabError> {
        // TLS 1.2 and no later: under TDS 7 a handshake travels in packets, and with TLS 1.3 the server's
        // last words of it could come when the client has stopped to expect packets.
        let tls = options.tls.as_ref();
        let tls = tls
            .map(|tls| acceptor(&tls.folder, &[&TLS12]))
            .transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(LabError::Setup)?;
        let port = listener.local_addr().map_err(LabError::Setup)?.port();
        let mut tasks = JoinSet::new();
        let browser_port = match &options.instance {
            Some(instance) => Some(browser::start(instance.clone(), port, &mut tasks).await?),
            None => None,
        };
        let shared = Arc::new(Shared {
            options,
            database,
            faults: Faults::default(),
            tls,
            logins: Mutex::default(),
        });
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            port,
            browser_port,
            _tasks: tasks,
        })
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The UDP port where its SQL Browser tells the TCP port of [`Options::instance`]: what port 1434 is
    /// for a real one.
    pub fn browser_port(&self) -> Option<u16> {
        self.browser_port
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The logins it accepted so far.
    pub fn logins(&self) -> Vec<SignedIn> {
        let logins = self.shared.logins.lock();
        logins.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut server = f.debug_struct("Server");
        server.field("port", &self.port).finish_non_exhaustive()
    }
}

/// Serves each connection in a task of its own; all of them end with this one.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        // Those that have ended are forgotten.
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that went, or one that does not speak the protocol, is no concern of anybody else.
            drop(serve(socket, shared).await);
        });
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if let Some((channel, database)) = welcome::receive(socket, &shared).await? {
        session::run(channel, database, shared).await?;
    }
    Ok(())
}
