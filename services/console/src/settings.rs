use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use chatkeep_model::connector::SecretRef;
use serde::Deserialize;

use crate::sign_in::{self, Network, ProxyHeader, SignInError};

/// Settings of the console.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where browsers and scripts ask. Without an issuer it must be a loopback address.
    pub address: SocketAddr,
    /// What stands in browsers' address bars before the path, where a proxy with TLS is in front:
    /// `https://chatkeep.contoso.com`. By default `http://` and the address.
    pub public_url: Option<String>,
    /// Proxies in front, addresses or networks: where a request comes from is what they say.
    pub trusted_proxies: Vec<Network>,
    /// The header in which they say it: `x-forwarded-for` or `forwarded`. Name the one that the proxies write
    /// themselves; the other one is passed on as whoever asks has written it.
    pub proxy_header: ProxyHeader,
    /// Who signs users in with OpenID Connect, e.g. `https://login.microsoftonline.com/{tenant}/v2.0`.
    /// Without one, a link that the program prints signs in whoever opens it.
    pub issuer: Option<String>,
    /// The console's id at the issuer; tokens must be made for it.
    pub client_id: Option<String>,
    /// The console's secret at the issuer, by reference; not needed where the issuer has it as a public
    /// client.
    pub client_secret: Option<SecretRef>,
    /// The claim of a token that lists a user's roles.
    pub roles_claim: String,
    /// How long a session lasts at the longest.
    #[serde(with = "humantime_serde")]
    pub session_lifetime: Duration,
    /// How long a session lasts unused.
    #[serde(with = "humantime_serde")]
    pub session_idle: Duration,
    /// Folder of the custom mappings that are entered in pages, its path whole; control, mapping and console
    /// must see it under the same path. By default `mappings` in the data folder.
    pub mappings: Option<PathBuf>,
}

impl Settings {
    /// Whether users could sign in with these settings. Reads the secret; asks nobody.
    pub fn check(&self) -> Result<(), SignInError> {
        sign_in::check(self)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            issuer: None,
            client_id: None,
            client_secret: None,
            roles_claim: "roles".to_owned(),
            session_lifetime: Duration::from_hours(12),
            session_idle: Duration::from_hours(1),
            mappings: None,
        }
    }
}
