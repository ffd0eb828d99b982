use std::{path::PathBuf, time::Duration};

use chatkeep_model::connector::SecretRef;
use serde::Deserialize;

use super::{AmqpError, broker::Broker};

/// How to use RabbitMQ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AmqpSettings {
    /// Broker and virtual host: `amqp://HOST:PORT/VHOST`, or `amqps://` for TLS. The host `/` is written
    /// `%2f`.
    pub url: String,
    /// Where the user's name is found: `env:NAME` or `file:PATH`. Default: RabbitMQ's `guest`, who may
    /// only come from the broker's own machine.
    pub user: Option<SecretRef>,
    /// Where the password is found. Read again at each sign-in, so that it can be changed.
    pub password: Option<SecretRef>,
    /// Certificate authorities to trust besides the system's: a PEM file.
    pub ca: Option<PathBuf>,
    /// The queues' names begin with it: one per installation that shares a virtual host.
    pub prefix: String,
    /// How long the broker may take to answer, and to take a message.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// A broker that is silent for twice as long counts as gone. Whole seconds.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
}

impl Default for AmqpSettings {
    fn default() -> Self {
        Self {
            url: "amqp://localhost:5672/%2f".to_owned(),
            user: None,
            password: None,
            ca: None,
            prefix: "chatkeep".to_owned(),
            timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
        }
    }
}

impl AmqpSettings {
    /// Says whether RabbitMQ could be reached with these settings, without asking it.
    pub fn check(&self) -> Result<(), AmqpError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&self.prefix.len()) || !self.prefix.bytes().all(fits) {
            return Err(AmqpError::Prefix);
        }
        Broker::new(self)?.check_credentials()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_the_default() {
        let file = "url = \"amqps://broker/chatkeep\"\npassword = \"env:AMQP\"\ntimeout = \"3s\"";

        let settings: AmqpSettings = toml::from_str(file).unwrap();

        assert_eq!(settings.url, "amqps://broker/chatkeep");
        assert_eq!(settings.password, Some(SecretRef::Env("AMQP".to_owned())));
        assert_eq!(settings.timeout, Duration::from_secs(3));
        assert_eq!(settings.prefix, "chatkeep");
    }

    #[test]
    fn a_key_that_is_not_ours_and_a_password_in_the_open_are_refused() {
        for file in ["hearbeat = \"3s\"", "password = \"s3cret\""] {
            assert!(toml::from_str::<AmqpSettings>(file).is_err(), "{file}");
        }
    }
}
