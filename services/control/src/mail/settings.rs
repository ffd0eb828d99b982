use std::{net::IpAddr, path::PathBuf, time::Duration};

use chatkeep_model::{
    address::is_mailable,
    connector::{SecretRef, Tls},
};
use serde::Deserialize;

/// The server that takes reports of runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// The server's name, which its certificate must have.
    pub host: String,
    /// Its port; by default 587 with starttls, 465 with implicit, 25 with none.
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls`, `implicit` or `none`. With starttls a server that does not offer it gets nothing.
    #[serde(default = "starttls")]
    pub tls: Tls,
    /// A certificate authority that vouches for the server beside the system's, a PEM file.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Who signs in, as `env:NAME` or `file:path`. Without one nobody does.
    #[serde(default)]
    pub user: Option<SecretRef>,
    /// Its password, as `env:NAME` or `file:path`.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The sender's address.
    pub from: String,
    /// How long one mail may take.
    #[serde(with = "humantime_serde", default = "timeout")]
    pub timeout: Duration,
    /// How long a mail is tried that the server does not take.
    #[serde(with = "humantime_serde", default = "give_up_after")]
    pub give_up_after: Duration,
}

/// Why reports cannot be sent like this.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// A setting contradicts another one, or means nothing.
    #[error("smtp.{key}: {problem}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong with it and what to do.
        problem: &'static str,
    },
    /// A secret cannot be had.
    #[error("smtp.{key}")]
    Secret {
        /// The setting.
        key: &'static str,
        /// The reason.
        source: chatkeep_runtime::secret::SecretError,
    },
    /// The CA file is not there, or cannot be used.
    #[cfg(feature = "mail")]
    #[error("read CA file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// TLS cannot be set up.
    #[cfg(feature = "mail")]
    #[error("set up TLS")]
    Tls {
        /// The reason.
        source: lettre::transport::smtp::Error,
    },
    /// The program has no mail in it.
    #[error("this program is built without mail; build it with the feature `mail`")]
    Absent,
}

impl SmtpSettings {
    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        })
    }

    /// Finds what is wrong without asking anybody.
    pub fn check(&self) -> Result<(), SmtpError> {
        let require = |holds: bool, key, problem| {
            holds
                .then_some(())
                .ok_or(SmtpError::Setting { key, problem })
        };
        require(!self.host.is_empty(), "host", "is empty; name the server")?;
        require(
            is_mailable(&self.from) && self.from.is_ascii(),
            "from",
            "is not a mail address; write e.g. chatkeep@contoso.com",
        )?;
        require(
            self.user.is_some() == self.password.is_some(),
            "password",
            "goes with user: give both, or neither",
        )?;
        require(
            self.user.is_none() || self.tls != Tls::None || is_loopback(&self.host),
            "tls",
            "must not be none with a password, which could be read on the way",
        )?;
        require(!self.timeout.is_zero(), "timeout", "must be longer than 0s")
    }
}

fn is_loopback(host: &str) -> bool {
    let address: Result<IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn starttls() -> Tls {
    Tls::Starttls
}

fn timeout() -> Duration {
    Duration::from_secs(30)
}

fn give_up_after() -> Duration {
    Duration::from_hours(48)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<SmtpSettings, String> {
        let json = format!("{{\"host\": \"mail\", \"from\": \"chatkeep@contoso.com\"{more}}}");
        serde_json::from_str(&json).map_err(|error| error.to_string())
    }

    fn problem(more: &str) -> Option<String> {
        let checked = read(more).unwrap().check();
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn mail_is_encrypted_unless_somebody_says_otherwise() {
        assert_eq!(read("").unwrap().tls, Tls::Starttls);
        assert_eq!(read("").unwrap().port(), 587);
        assert_eq!(read(r#", "tls": "implicit""#).unwrap().port(), 465);
        assert_eq!(read(r#", "tls": "none""#).unwrap().port(), 25);
        assert_eq!(read(r#", "port": 2525"#).unwrap().port(), 2525);
        assert!(read(r#", "tsl": "none""#).is_err());
    }

    #[test]
    fn a_password_does_not_travel_in_the_clear() {
        let signs_in = r#", "user": "env:USER", "password": "env:PASSWORD""#;

        let refused = problem(&format!("{signs_in}, \"tls\": \"none\"")).unwrap();

        assert!(
            refused.starts_with("smtp.tls: must not be none"),
            "{refused}"
        );
        assert_eq!(problem(signs_in), None);
        let half = problem(r#", "user": "env:USER""#).unwrap();
        assert_eq!(half, "smtp.password: goes with user: give both, or neither");
    }
}
