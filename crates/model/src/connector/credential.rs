use serde::{Deserialize, Serialize};

use super::secret::SecretRef;

/// Entra ID of the public cloud.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// How a connector signs in to Microsoft 365: as an application of Entra ID, without a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
pub struct Credential {
    /// The tenant: its id, or one of its domains.
    pub tenant: String,
    /// The application's (client) id.
    pub client: String,
    /// What proves that it is the application.
    pub proof: Proof,
    /// Who gives out tokens, without the tenant; a national cloud has another one.
    pub authority: String,
}

/// What proves that a program is the application it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A certificate that the application knows, and its RSA key: one PEM file.
    Certificate(SecretRef),
    /// A secret of the application.
    Secret(SecretRef),
    /// The token of the Kubernetes service account, in the file that Azure's webhook names.
    WorkloadIdentity,
}

/// The text cannot be a credential.
#[derive(Debug, thiserror::Error)]
pub enum NotACredential {
    /// None or several ways to prove it.
    #[error("auth needs exactly one of certificate, secret and workload_identity = true")]
    Proof,
    /// Not what a tenant or an application is called: it would become part of an address.
    #[error("auth.{0} must be an id or a domain name")]
    Name(&'static str),
    /// An address that tokens are not asked from.
    #[error("auth.authority must be an https address without path, e.g. {AUTHORITY}")]
    Authority,
}

/// The keys as they stand in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    tenant: String,
    client: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<SecretRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretRef>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    workload_identity: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
}

impl TryFrom<Keys> for Credential {
    type Error = NotACredential;

    fn try_from(keys: Keys) -> Result<Self, NotACredential> {
        let proof = match (keys.certificate, keys.secret, keys.workload_identity) {
            (Some(certificate), None, false) => Proof::Certificate(certificate),
            (None, Some(secret), false) => Proof::Secret(secret),
            (None, None, true) => Proof::WorkloadIdentity,
            _ => return Err(NotACredential::Proof),
        };
        for (name, value) in [("tenant", &keys.tenant), ("client", &keys.client)] {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            if value.is_empty() || !value.chars().all(is_plain) {
                return Err(NotACredential::Name(name));
            }
        }
        let authority = keys.authority.unwrap_or_else(|| AUTHORITY.to_owned());
        let authority = authority.trim_end_matches('/').to_owned();
        if !is_web_address(&authority) || authority.matches('/').count() != 2 {
            return Err(NotACredential::Authority);
        }
        Ok(Self {
            tenant: keys.tenant,
            client: keys.client,
            proof,
            authority,
        })
    }
}

impl From<Credential> for Keys {
    fn from(credential: Credential) -> Self {
        let (certificate, secret, workload_identity) = match credential.proof {
            Proof::Certificate(certificate) => (Some(certificate), None, false),
            Proof::Secret(secret) => (None, Some(secret), false),
            Proof::WorkloadIdentity => (None, None, true),
        };
        Self {
            tenant: credential.tenant,
            client: credential.client,
            certificate,
            secret,
            workload_identity,
            authority: (credential.authority != AUTHORITY).then_some(credential.authority),
        }
    }
}

/// Whether tokens may be sent there: over TLS, or over loopback in tests.
pub(super) fn is_web_address(address: &str) -> bool {
    let host = |rest: &str| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    if let Some(rest) = address.strip_prefix("https://") {
        let host = host(rest);
        return !host.is_empty() && !host.contains('@');
    }
    let rest = address.strip_prefix("http://").map(host);
    rest.is_some_and(|host| {
        let name = host.rsplit_once(':').map_or(&*host, |(name, _)| name);
        ["127.0.0.1", "localhost", "[::1]"].contains(&name)
    })
}
