use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Settings of the console.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where browsers and scripts ask.
    pub address: SocketAddr,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
        }
    }
}
