use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{credential::Credential, ldap::LdapDirectory};

/// Who is who.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Directory {
    /// A CSV file: `userPrincipalName,displayName,mail,proxyAddresses,sipAddress`, lists joined by `;`.
    Csv {
        /// The file.
        path: PathBuf,
    },
    /// The users of a Microsoft 365 tenant, read through Microsoft Graph.
    Graph(GraphDirectory),
    /// The users of Active Directory, read from a domain controller.
    Ldap(Box<LdapDirectory>),
}

/// The users of a Microsoft 365 tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphDirectory {
    /// Where Microsoft Graph is; a national cloud has another address.
    #[serde(default = "graph_endpoint")]
    pub endpoint: String,
    /// How to sign in. A table: tables are written behind all values.
    pub auth: Credential,
}

/// Microsoft Graph of the public cloud.
pub fn graph_endpoint() -> String {
    "https://graph.microsoft.com/v1.0".to_owned()
}

impl Directory {
    /// The directory's `type` in the connector file.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::Graph(_) => "graph",
            Self::Ldap(_) => "ldap",
        }
    }

    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        match self {
            Self::Csv { path } => *path = folder.join(&*path),
            Self::Graph(_) => {}
            Self::Ldap(ldap) => ldap.resolve(folder),
        }
    }
}
