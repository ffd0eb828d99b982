use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::secret::SecretRef;

/// The users of Active Directory, read from one domain controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapDirectory {
    /// The domain controller: `ldaps://dc01.contoso.com`, or `ldap://` with `starttls`. Name one, not the
    /// domain: what changed since the last time is asked of the same one only.
    pub url: String,
    /// Upgrades an `ldap://` connection before anything is said.
    #[serde(default)]
    pub starttls: bool,
    /// PEM file of certificate authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Below what users are looked for, e.g. `DC=contoso,DC=com`.
    pub base: String,
    /// Account to read with: `CN=...`, `user@domain` or `DOMAIN\user`.
    pub user: SecretRef,
    /// Its password.
    pub password: SecretRef,
    /// Whom to read, as an LDAP filter (RFC 4515); by default people with an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Users asked for at once. Active Directory hands out 1,000 at most unless it is set otherwise.
    #[serde(default = "default_page_size")]
    pub page_size: u32,
    /// How long connecting may take, and each answer.
    #[serde(with = "humantime_serde", default = "default_timeout")]
    pub timeout: Duration,
}

fn default_page_size() -> u32 {
    1_000
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

/// Most users of a page: more are held in memory at once than a server should have to wait for.
const LARGEST_PAGE: u32 = 10_000;

impl LdapDirectory {
    /// Whether nobody can listen.
    pub fn is_encrypted(&self) -> bool {
        self.starttls || self.url.starts_with("ldaps://")
    }

    /// The key that cannot work, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let (host, is_ldap) = match (
            self.url.strip_prefix("ldap://"),
            self.url.strip_prefix("ldaps://"),
        ) {
            (Some(host), None) => (host, true),
            (None, Some(host)) => (host, false),
            _ => ("", false),
        };
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&name);
        let is_host = !name.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        let filter = self.filter.as_deref().unwrap_or("()");
        [
            (
                !is_host,
                (
                    "directory.url",
                    "must be ldaps://HOST[:PORT], or ldap:// with starttls = true",
                ),
            ),
            (
                self.starttls && !is_ldap,
                (
                    "directory.starttls",
                    "is for ldap://; ldaps:// is protected from the first byte",
                ),
            ),
            (
                !self.is_encrypted() && !is_here,
                (
                    "directory.starttls",
                    "must be true with ldap://, or the password could be read on the way",
                ),
            ),
            (
                self.base.trim().is_empty(),
                ("directory.base", "is empty; write it as DC=contoso,DC=com"),
            ),
            (
                !(filter.starts_with('(') && filter.ends_with(')')),
                (
                    "directory.filter",
                    "is not an LDAP filter; write e.g. (objectClass=user)",
                ),
            ),
            (
                !(1..=LARGEST_PAGE).contains(&self.page_size),
                ("directory.page_size", "must be 1 to 10000"),
            ),
            (
                self.timeout < Duration::from_secs(1),
                ("directory.timeout", "must be at least a second, e.g. 30s"),
            ),
        ]
        .into_iter()
        .find_map(|(is_wrong, problem)| is_wrong.then_some(problem))
    }

    /// Makes relative paths those below `folder`.
    pub(super) fn resolve(&mut self, folder: &Path) {
        self.ca = self.ca.as_ref().map(|ca| folder.join(ca));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(keys: &str) -> Option<&'static str> {
        let text =
            format!("base = \"DC=contoso,DC=com\"\nuser = \"env:U\"\npassword = \"env:P\"\n{keys}");
        let directory: LdapDirectory = toml::from_str(&text).unwrap();
        directory.problem().map(|(key, _)| key)
    }

    #[test]
    fn a_password_never_goes_out_in_the_clear() {
        assert_eq!(problem("url = \"ldap://dc01\""), Some("directory.starttls"));
        assert_eq!(problem("url = \"ldap://dc01\"\nstarttls = true"), None);
        assert_eq!(problem("url = \"ldaps://dc01:636\""), None);
        assert_eq!(problem("url = \"ldap://127.0.0.1:3890\""), None);
    }

    #[test]
    fn what_cannot_work_is_named_by_its_key() {
        let of = |keys: &str| problem(&format!("url = \"ldaps://dc01\"\n{keys}"));

        assert_eq!(problem("url = \"dc01\""), Some("directory.url"));
        assert_eq!(of("starttls = true"), Some("directory.starttls"));
        assert_eq!(
            of("filter = \"objectClass=user\""),
            Some("directory.filter")
        );
        assert_eq!(of("page_size = 0"), Some("directory.page_size"));
        assert_eq!(of("timeout = \"1ms\""), Some("directory.timeout"));
    }
}
