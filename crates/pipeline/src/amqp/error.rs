use std::{error::Error, fmt, io, sync::Arc};

use chatkeep_runtime::{secret::SecretError, tls::TlsError};
use lapin::{ErrorKind, protocol::AMQPErrorKind};

/// Why RabbitMQ cannot be used. No error quotes the broker: its texts hold names of users and hosts.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AmqpError {
    /// The address is none.
    #[error(
        "read url of RabbitMQ: wanted is amqp://HOST:PORT/VHOST or amqps://HOST:PORT/VHOST; user and \
         password have settings of their own"
    )]
    Url,
    /// The prefix cannot be part of a queue's name.
    #[error("read prefix of RabbitMQ: wanted are 1 to 64 letters, digits, '-', '_' or '.'")]
    Prefix,
    /// User or password cannot be read.
    #[error("read credentials of RabbitMQ")]
    Credentials {
        /// The reason.
        source: Arc<SecretError>,
    },
    /// The CA file cannot be used.
    #[error("set up TLS to RabbitMQ")]
    Tls {
        /// The reason.
        source: Arc<TlsError>,
    },
    /// Nobody listens there, or the connection broke off before it was one.
    #[error("reach RabbitMQ")]
    Unreachable {
        /// The reason.
        source: Arc<io::Error>,
    },
    /// The broker's certificate is not one that we trust.
    #[error("trust certificate of RabbitMQ")]
    Untrusted {
        /// The reason.
        source: Arc<io::Error>,
    },
    /// The broker knows no such user, or another password.
    #[error("sign in to RabbitMQ: it refuses user or password")]
    Login,
    /// The virtual host is not there, or the user may not use it.
    #[error("open virtual host of RabbitMQ: it is not there, or not this user's")]
    VirtualHost,
    /// A queue is there already and is another one than ours.
    #[error("declare queue {queue}: on the broker its {argument} is another")]
    Differs {
        /// The queue, as the broker names it.
        queue: String,
        /// The argument of the queue that is different.
        argument: String,
    },
    /// The broker did not do what it was asked.
    #[error("{action}")]
    Broker {
        /// A verb and its object.
        action: &'static str,
        /// The reason.
        source: Reply,
    },
    /// The broker did not answer in time. Whether it did what it was asked is not known.
    #[error("{action}: no answer")]
    Silent {
        /// A verb and its object.
        action: &'static str,
    },
    /// The broker is short of memory or disk, and takes no messages.
    #[error("publish message: the broker raised an alarm and takes none")]
    Alarm,
    /// The queue is full.
    #[error("publish message: the queue takes none")]
    Full,
    /// The queue is not there, and could not be made.
    #[error("publish message: there is no such queue")]
    Unroutable,
    /// An id or the name of a header does not fit.
    #[error("encode message: an id or the name of a header is longer than 255 bytes")]
    Encode,
}

impl AmqpError {
    /// True when trying again leads nowhere before somebody has changed the settings or the broker.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Url
            | Self::Prefix
            | Self::Credentials { .. }
            | Self::Tls { .. }
            | Self::Untrusted { .. }
            | Self::Login
            | Self::VirtualHost
            | Self::Differs { .. }
            | Self::Encode => true,
            Self::Unreachable { .. }
            | Self::Broker { .. }
            | Self::Silent { .. }
            | Self::Alarm
            | Self::Full
            | Self::Unroutable => false,
        }
    }

    /// For `map_err` on what the client does.
    pub(super) fn broker(action: &'static str) -> impl FnOnce(lapin::Error) -> Self {
        move |error| Self::Broker {
            action,
            source: Reply(error),
        }
    }
}

/// What the client library says, without the texts that it got from the broker.
#[derive(Clone, Debug)]
pub struct Reply(lapin::Error);

impl Reply {
    /// The error that the broker named, if it did, and its text.
    pub(super) fn named(&self) -> Option<(&AMQPErrorKind, &str)> {
        match self.0.kind() {
            ErrorKind::ProtocolError(error) => Some((error.kind(), error.get_message().as_str())),
            _ => None,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.named() {
            Some((kind, _)) => write!(f, "{kind}"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Error for Reply {}
