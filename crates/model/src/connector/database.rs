use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{cdr::CallDetails, retention::Retention, secret::SecretRef};

/// A database of a Skype for Business server, read where it is: Microsoft SQL Server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSource {
    /// Host name or address, or `host\INSTANCE`: then SQL Server Browser is asked for the port.
    pub server: String,
    /// Port; by default 1433, of a named instance the one of SQL Server Browser, 1434.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The mirror, tried when `server` cannot be reached or has not got the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover_partner: Option<String>,
    /// Connects to every address of `server` at once: for an availability group in several subnets.
    #[serde(default)]
    pub multi_subnet_failover: bool,
    /// The database; by default the one Skype for Business names.
    #[serde(default)]
    pub database: String,
    /// The database's identity, as the error about another one names it: accepts a database that was
    /// rebuilt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: DatabaseTls,
    /// PEM file of certificate authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Conversations from this UTC day on; RFC 3339 date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<jiff::civil::Date>,
    /// Conversations before this UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<jiff::civil::Date>,
    /// Conferences are read when they are this old: before, those of nobody who is to be archived are
    /// among them (`CachePurgingInterval`).
    #[serde(with = "humantime_serde", default = "default_settle")]
    pub settle: Duration,
    /// What was read last is read again for so long: rows are committed in another order than their
    /// times.
    #[serde(with = "humantime_serde", default = "default_overlap")]
    pub overlap: Duration,
    /// So far back rows are counted again, by hours, and compared with what was captured.
    #[serde(with = "humantime_serde", default = "default_recount")]
    pub recount: Duration,
    /// Rows asked for at once.
    #[serde(default = "default_page_size")]
    pub page_size: u32,
    /// Rows read in a second at most; by default as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<u32>,
    /// How long connecting and signing in may take.
    #[serde(with = "humantime_serde", default = "default_connect_timeout")]
    pub connect_timeout: Duration,
    /// How long a statement may take until its first row, and from row to row.
    #[serde(with = "humantime_serde", default = "default_statement_timeout")]
    pub statement_timeout: Duration,
    /// The domain in the URIs of rooms; by default the connector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Chat messages of rooms are read again for so long, to find out which were replaced or removed; by
    /// default a week.
    #[serde(
        with = "humantime_serde",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub reread: Option<Duration>,
    /// Users whose conversations are archived, as patterns with `*` and `?`; by default everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// How to sign in. A table: tables are written behind all values.
    pub auth: DatabaseAuth,
    /// How long the server keeps what it has archived; then control says how long unread rows are safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Call detail records, which tell of conferences what the archiving database does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdr: Option<CallDetails>,
}

/// How to sign in to a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DatabaseAuth {
    /// A login of SQL Server.
    Sql {
        /// Its name.
        user: SecretRef,
        /// Its password.
        password: SecretRef,
    },
    /// A Windows account. Refused: it needs Kerberos, which this program is built without.
    Windows,
    /// An account of Entra ID. Refused: SQL Servers of Skype for Business have none.
    Entra,
}

/// How the connection to a database is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseTls {
    /// TLS, and the certificate must be one that is trusted.
    #[default]
    Verify,
    /// TLS, whatever the certificate: keeps out who listens, not who pretends to be the server.
    Trust,
    /// Not at all; for loopback and tests.
    None,
}

fn default_settle() -> Duration {
    Duration::from_hours(24)
}

fn default_overlap() -> Duration {
    Duration::from_hours(1)
}

fn default_recount() -> Duration {
    Duration::from_hours(7 * 24)
}

fn default_page_size() -> u32 {
    5_000
}

fn default_connect_timeout() -> Duration {
    Duration::from_secs(15)
}

fn default_statement_timeout() -> Duration {
    Duration::from_mins(2)
}

impl DatabaseSource {
    /// Tells this database apart from others of its connector: kind, server, port where it is another one
    /// than SQL Server's, and name; in lower case.
    pub fn name(&self, kind: &str) -> String {
        let (server, database) = (&self.server, &self.database);
        let port = self.port.filter(|port| ![1_433, 1_434].contains(port));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{kind} {server}{port} {database}").to_lowercase()
    }

    /// Compares normalised addresses with the patterns of `scope`.
    pub fn scope(&self) -> Result<Vec<globset::GlobMatcher>, globset::Error> {
        self.scope.iter().map(|one| super::pattern(one)).collect()
    }

    /// Fills in what is of rooms.
    pub(super) fn resolve_rooms(&mut self, domain: &str) {
        self.domain.get_or_insert_with(|| domain.to_owned());
        self.reread.get_or_insert(Duration::from_hours(7 * 24));
    }

    /// The keys that are set and have a meaning for sessions only, and those for rooms only.
    pub(super) fn keys_of_kinds(&self) -> [Vec<&'static str>; 2] {
        let set = |keys: &[(&'static str, bool)]| {
            let set = keys.iter().filter(|(_, is_set)| *is_set);
            set.map(|(key, _)| *key).collect()
        };
        [
            set(&[
                ("settle", self.settle != default_settle()),
                ("overlap", self.overlap != default_overlap()),
                ("recount", self.recount != default_recount()),
                ("scope", !self.scope.is_empty()),
                ("retention", self.retention.is_some()),
                ("cdr", self.cdr.is_some()),
            ]),
            set(&[
                ("domain", self.domain.is_some()),
                ("reread", self.reread.is_some()),
            ]),
        ]
    }

    /// Fills in the database's name, and makes paths those below `folder`.
    pub(super) fn resolve(&mut self, default_database: &str, folder: &Path) {
        if self.database.is_empty() {
            default_database.clone_into(&mut self.database);
        }
        self.ca = self.ca.as_ref().map(|ca| folder.join(ca));
    }
}
