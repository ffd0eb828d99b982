use serde::{Deserialize, Serialize};

use super::{DatabaseAuth, DatabaseSource};

/// The call detail records beside an archiving database, `LcsCDR`: who came to a conference and went when,
/// and how many messages there were. What is not set is the archiving database's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallDetails {
    /// Host name or address, or `host\INSTANCE`; by default the archiving database's server, with its port
    /// and its mirror.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Port of that server; by default SQL Server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The database.
    #[serde(default = "default_database")]
    pub database: String,
    /// How to sign in; by default as to the archiving database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<DatabaseAuth>,
}

fn default_database() -> String {
    "LcsCDR".to_owned()
}

impl DatabaseSource {
    /// The call detail records as a database of its own; `None` where none are asked for.
    pub fn call_details(&self) -> Option<Self> {
        let details = self.cdr.as_ref()?;
        let mut database = self.clone();
        database.database.clone_from(&details.database);
        database.identity = None;
        database.cdr = None;
        if let Some(server) = &details.server {
            database.server.clone_from(server);
            database.port = details.port;
            database.failover_partner = None;
        }
        if let Some(auth) = &details.auth {
            database.auth = auth.clone();
        }
        Some(database)
    }
}
