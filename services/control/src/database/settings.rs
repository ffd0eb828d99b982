use std::{path::PathBuf, time::Duration};

use chatkeep_model::connector::SecretRef;
use serde::Deserialize;

/// Where the ledger is in PostgreSQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// `postgres://host:5432/database`. The server's certificate is verified unless `?sslmode=` says
    /// otherwise.
    pub url: String,
    /// Who signs in, as `env:NAME` or `file:path`; a plain name may stand in the URL.
    #[serde(default)]
    pub user: Option<SecretRef>,
    /// Its password, as `env:NAME` or `file:path`.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The certificate authority that vouches for the server, a PEM file. Default: those that browsers
    /// trust.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Connections this process opens at most.
    #[serde(default = "connections")]
    pub connections: u32,
    /// Longest time of a statement; only what reads a whole run may take longer.
    #[serde(with = "humantime_serde", default = "statement_timeout")]
    pub statement_timeout: Duration,
}

impl PostgresSettings {
    /// A server and a database, everything else as it is by default.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: None,
            ca: None,
            connections: connections(),
            statement_timeout: statement_timeout(),
        }
    }
}

fn connections() -> u32 {
    10
}

fn statement_timeout() -> Duration {
    Duration::from_secs(30)
}

#[cfg(feature = "postgres")]
mod options {
    use std::str::FromStr as _;

    use chatkeep_runtime::secret;
    use sqlx::postgres::{PgConnectOptions, PgSslMode};

    use super::PostgresSettings;
    use crate::database::OpenError;

    impl PostgresSettings {
        /// Address, user, password and TLS.
        pub(in crate::database) fn options(&self) -> Result<PgConnectOptions, OpenError> {
            let refuse = |key, problem: &str| OpenError::Settings {
                key,
                problem: problem.to_owned(),
            };
            let is_postgres = ["postgres://", "postgresql://"];
            let is_postgres = is_postgres
                .iter()
                .any(|scheme| self.url.starts_with(scheme));
            let options = PgConnectOptions::from_str(&self.url).ok();
            let mut options = options.filter(|_| is_postgres).ok_or_else(|| {
                refuse("url", "is no URL of the form postgres://host:5432/database")
            })?;
            let (_, behind) = self.url.split_once("://").unwrap_or_default();
            let authority = behind.split(['/', '?']).next().unwrap_or_default();
            let user_info = authority.rsplit_once('@').map_or("", |(user, _)| user);
            if user_info.contains(':') || self.url.contains("password=") {
                let problem = "has a password in it; give it as `password`, env:NAME or file:path";
                return Err(refuse("url", problem));
            }
            if !self.url.contains("sslmode=") {
                options = options.ssl_mode(PgSslMode::VerifyFull);
            }
            if let Some(ca) = &self.ca {
                options = options.ssl_root_cert(ca);
            }
            let read = |key, reference| {
                secret::read(reference).map_err(|error| refuse(key, &error.to_string()))
            };
            if let Some(user) = &self.user {
                options = options.username(read("user", user)?.expose());
            }
            if let Some(password) = &self.password {
                options = options.password(read("password", password)?.expose());
            }
            Ok(options)
        }
    }
}
