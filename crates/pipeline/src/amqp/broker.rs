use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_rs::Runtime;
use chatkeep_model::connector::SecretRef;
use chatkeep_runtime::{secret, tls};
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    uri::{AMQPScheme, AMQPUri},
};
use tokio_rustls::rustls::ClientConfig;

use super::{AmqpError, AmqpSettings, socket};

/// Where the broker is and how to get in.
#[derive(Debug)]
pub(super) struct Broker {
    address: AMQPUri,
    tls: Option<Arc<ClientConfig>>,
    user: Option<SecretRef>,
    password: Option<SecretRef>,
    /// How long it may take to answer.
    pub(super) timeout: Duration,
}

impl Broker {
    pub(super) fn new(settings: &AmqpSettings) -> Result<Self, AmqpError> {
        let address = parse(&settings.url, settings.heartbeat)?;
        let tls = match address.scheme {
            AMQPScheme::AMQP => None,
            AMQPScheme::AMQPS => {
                let config = tls::client_config(settings.ca.as_deref());
                Some(config.map_err(|source| AmqpError::Tls {
                    source: Arc::new(source),
                })?)
            }
        };
        Ok(Self {
            address,
            tls,
            user: settings.user.clone(),
            password: settings.password.clone(),
            timeout: settings.timeout,
        })
    }

    /// Opens a connection that the broker lists under `name`.
    pub(super) async fn connect(&self, name: &'static str) -> Result<Connection, AmqpError> {
        within(self.timeout, "reach RabbitMQ", self.sign_in(name)).await?
    }

    async fn sign_in(&self, name: &'static str) -> Result<Connection, AmqpError> {
        let address = self.with_credentials()?;
        let authority = &address.authority;
        let (socket, fuse) =
            socket::connect((&authority.host, authority.port), self.tls.clone()).await?;
        let made = Mutex::new(Some(socket));
        let hand_over = async move |_, _| {
            let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
            let gone = || lapin::Error::from(io::Error::from(io::ErrorKind::NotConnected));
            made.take().map(AsyncTcpStream::Plain).ok_or_else(gone)
        };
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = Runtime::new(socket::kit());
        let connection = Connection::connector(address, runtime, hand_over, properties).await;
        let connection = connection.map_err(refusal)?;
        fuse.defuse();
        Ok(connection)
    }

    /// Says whether user and password can be read.
    pub(super) fn check_credentials(&self) -> Result<(), AmqpError> {
        self.with_credentials().map(drop)
    }

    fn with_credentials(&self) -> Result<AMQPUri, AmqpError> {
        let mut address = self.address.clone();
        let read = |reference: &Option<SecretRef>| {
            let secret = reference.as_ref().map(secret::read).transpose();
            secret.map_err(|source| AmqpError::Credentials {
                source: Arc::new(source),
            })
        };
        let known = &mut address.authority.userinfo;
        if let Some(user) = read(&self.user)? {
            user.expose().clone_into(&mut known.username);
        }
        if let Some(password) = read(&self.password)? {
            password.expose().clone_into(&mut known.password);
        }
        Ok(address)
    }
}

/// What the broker's refusal of a new connection means.
fn refusal(error: lapin::Error) -> AmqpError {
    let error = AmqpError::broker("sign in to RabbitMQ")(error);
    let AmqpError::Broker { source, .. } = &error else {
        return error;
    };
    match source.named() {
        Some((AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), _)) => AmqpError::Login,
        Some((AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), _)) => AmqpError::VirtualHost,
        _ => error,
    }
}

fn parse(url: &str, heartbeat: Duration) -> Result<AMQPUri, AmqpError> {
    let (_, rest) = url.split_once("://").ok_or(AmqpError::Url)?;
    let authority = rest.split('/').next().unwrap_or_default();
    // Passwords do not belong here. Addresses in brackets the client's parser would take for localhost.
    if authority.is_empty() || authority.contains(['@', '[']) || url.contains('?') {
        return Err(AmqpError::Url);
    }
    let mut address: AMQPUri = url.parse().map_err(|_| AmqpError::Url)?;
    let seconds = u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX);
    address.query.heartbeat = Some(seconds.max(1));
    Ok(address)
}

/// Waits for an operation of the broker, but not for ever.
pub(super) async fn within<T>(
    limit: Duration,
    action: &'static str,
    operation: impl Future<Output = T>,
) -> Result<T, AmqpError> {
    let answer = tokio::time::timeout(limit, operation).await;
    answer.map_err(|_| AmqpError::Silent { action })
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const HEARTBEAT: Duration = Duration::from_secs(7);

    #[test]
    fn an_address_names_host_port_and_virtual_host() {
        let address = parse("amqps://broker.contoso.com/mail", HEARTBEAT).unwrap();

        assert_eq!(address.authority.host, "broker.contoso.com");
        assert_eq!(address.authority.port, 5671);
        assert_eq!(address.vhost, "mail");
        assert_eq!(address.query.heartbeat, Some(7));
    }

    #[tokio::test]
    async fn a_handshake_that_nobody_waits_for_any_more_is_ended() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = Broker::new(&AmqpSettings {
            url: format!("amqp://{}/%2f", silent.local_addr().unwrap()),
            timeout: Duration::from_millis(100),
            ..AmqpSettings::default()
        });

        let connected = broker.unwrap().connect("test").await;

        assert!(matches!(connected, Err(AmqpError::Silent { .. })));
        let (mut socket, _) = silent.accept().await.unwrap();
        let mut sent = Vec::new();
        let end = socket.read_to_end(&mut sent);
        let end = tokio::time::timeout(Duration::from_secs(10), end).await;
        end.unwrap().unwrap();
    }

    #[test]
    fn an_address_with_credentials_is_refused_without_printing_them() {
        for url in [
            "amqp://ada:s3cret@localhost:5672/",
            "amqp://[::1]:5672/",
            "http://localhost/s3cret",
            "s3cret",
            "amqp:///s3cret",
        ] {
            let error = parse(url, HEARTBEAT).unwrap_err();

            assert!(matches!(error, AmqpError::Url), "{url}");
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
