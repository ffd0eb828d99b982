//! Mailboxes of any IMAP4rev1 server.

mod append;
mod auth;
#[cfg(feature = "microsoft365")]
mod bearer;
#[cfg(not(feature = "microsoft365"))]
#[path = "imap/no_bearer.rs"]
mod bearer;
mod connection;
mod error;
mod folder;
mod frame;
mod response;
mod session;
mod tls;
pub(crate) mod utf7;

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chatkeep_model::connector::{self, Tls};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use self::{
    auth::Credentials,
    bearer::Bearer,
    connection::{Connection, Io},
    folder::Naming,
    session::Session,
};
use crate::target::{Mailbox, Target, TargetError, Timeouts};

pub(crate) use self::{error::ImapError, folder::list as list_folder};

/// An IMAP server.
pub(crate) struct ImapTarget {
    settings: connector::ImapTarget,
    timeouts: Timeouts,
    tls: Option<TlsConnector>,
    /// Where tokens come from that take the password's place: in Exchange Online.
    bearer: Option<Bearer>,
}

/// Exchange Online has it not, and where something between announces it, one refused message would refuse
/// its neighbours.
const NOT_IN_EXCHANGE: &[&str] = &["MULTIAPPEND"];

impl ImapTarget {
    /// Reads what does not change from mailbox to mailbox.
    pub(crate) fn new(
        settings: &connector::ImapTarget,
        timeouts: Timeouts,
    ) -> Result<Self, TargetError> {
        let tls = match settings.tls {
            Tls::None => None,
            Tls::Implicit | Tls::Starttls => Some(tls::connector(settings.ca.as_deref())?),
        };
        let bearer = settings.entra.as_ref();
        let bearer = bearer.map(|entra| Bearer::new(entra, &settings.host, timeouts));
        Ok(Self {
            settings: settings.clone(),
            timeouts,
            tls,
            bearer: bearer.transpose()?,
        })
    }

    /// Connects, protected as the connector wants it, up to the greeting.
    pub(crate) async fn connect(&self) -> Result<Connection, TargetError> {
        self.greeted().await.map_err(ImapError::before_login)
    }

    /// Connects and signs in.
    pub(crate) async fn sign_in(&self, mailbox: &str) -> Result<Connection, TargetError> {
        let token = match &self.bearer {
            Some(bearer) => Some(bearer.token().await?),
            None => None,
        };
        let credentials = Credentials::of(&self.settings, mailbox, token.as_ref());
        let credentials = credentials.map_err(|error| TargetError::Setup {
            source: error.into(),
        })?;
        let mut connection = self.connect().await?;
        if self.bearer.is_some() {
            connection.shun(NOT_IN_EXCHANGE);
        }
        let signed_in = auth::sign_in(&mut connection, &credentials).await;
        let signed_in = signed_in.map_err(ImapError::at_login);
        if let (Some(bearer), Some(token), Err(TargetError::Login { .. })) =
            (&self.bearer, &token, &signed_in)
        {
            // The application may have been given rights since this one was made.
            bearer.forget(token).await;
        }
        signed_in.map(|()| connection)
    }

    /// The server's name for the connector's folder.
    pub(crate) async fn folder(&self, connection: &mut Connection) -> Result<String, ImapError> {
        Naming::ask(connection).await?.of(&self.settings.folder)
    }

    async fn greeted(&self) -> Result<Connection, ImapError> {
        let stream = self.dial().await?;
        let patience = self.timeouts.answer;
        let stream: Box<dyn Io> = match (&self.tls, self.settings.tls) {
            (Some(tls), Tls::Implicit) => self.encrypt(tls, Box::new(stream)).await?,
            (Some(tls), Tls::Starttls) => {
                let mut plain = Connection::new(Box::new(stream), patience);
                plain.greeting().await?;
                plain.run("start TLS", "STARTTLS").await?;
                let stream = self.encrypt(tls, plain.into_stream()?).await?;
                // The greeting is not repeated after STARTTLS, and what was announced before it may
                // have been forged.
                return Ok(Connection::new(stream, patience));
            }
            _ => Box::new(stream),
        };
        let mut connection = Connection::new(stream, patience);
        connection.greeting().await?;
        Ok(connection)
    }

    async fn encrypt(
        &self,
        tls: &TlsConnector,
        stream: Box<dyn Io>,
    ) -> Result<Box<dyn Io>, ImapError> {
        let broken = |source| ImapError::Tls { source };
        let name = tls::server_name(&self.settings.host).map_err(broken)?;
        let connected = timeout(self.timeouts.connect, tls.connect(name, stream)).await;
        let stream = connected.map_err(|_| ImapError::Silent)?.map_err(broken)?;
        Ok(Box::new(stream))
    }

    async fn dial(&self) -> Result<TcpStream, ImapError> {
        let host = self.settings.host.as_str();
        let default = match self.settings.tls {
            Tls::Implicit => 993,
            Tls::Starttls | Tls::None => 143,
        };
        let port = self.settings.port.unwrap_or(default);
        let addresses = lookup_host((host, port)).await;
        let addresses = addresses.map_err(|source| ImapError::Resolve {
            host: host.to_owned(),
            source,
        })?;
        let deadline = Instant::now() + self.timeouts.connect;
        let mut last: io::Error = io::ErrorKind::NotFound.into();
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            match dial_one(address, left).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(ImapError::Connect {
            host: host.to_owned(),
            port,
            source: last,
        })
    }
}

async fn dial_one(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_nodelay(true)?;
    socket.set_keepalive(true)?;
    timeout(patience, socket.connect(address)).await?
}

#[async_trait]
impl Target for ImapTarget {
    async fn open(&self, mailbox: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        let mut connection = self.sign_in(mailbox).await?;
        let opened = async {
            let name = self.folder(&mut connection).await?;
            let position = folder::open(&mut connection, &name).await?;
            Ok((name, position))
        };
        let (name, position) = opened.await.map_err(ImapError::at_folder)?;
        Ok(Box::new(Session::new(connection, name, position)))
    }

    fn needs_fence(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for ImapTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImapTarget")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Feeds a server's bytes through the response parser: the entry of fuzz targets.
pub(crate) fn fuzz_responses(bytes: &[u8]) {
    let mut framer = frame::Framer::new(1 << 20);
    for piece in bytes.chunks(7) {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next() {
                Ok(Some(frame)) => drop(response::parse(&frame)),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}
