use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    credential::Credential, directory::graph_endpoint, ews::EwsTarget, policy_tag::PolicyTag,
    secret::SecretRef,
};

/// Where items go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// One Maildir++ per mailbox.
    Maildir(MaildirTarget),
    /// Any IMAP4rev1 server.
    Imap(Box<ImapTarget>),
    /// Mailboxes of Exchange Online, through Microsoft Graph.
    Graph(Box<GraphTarget>),
    /// Mailboxes of an Exchange Server, through Exchange Web Services.
    Ews(Box<EwsTarget>),
    /// Nowhere: items are checked and counted, then forgotten. For trials and measurements.
    Discard {
        /// Largest size of one item part.
        #[serde(default)]
        max_item: Size,
    },
}

/// One Maildir++ per mailbox, `{path}/{mailbox address in lower case}/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaildirTarget {
    /// The folder of mailboxes.
    pub path: PathBuf,
    /// Folder in the mailbox; `Inbox/` stands for the mailbox itself.
    #[serde(default = "default_folder")]
    pub folder: String,
    /// Largest size of one item part.
    #[serde(default)]
    pub max_item: Size,
}

/// Any IMAP4rev1 server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImapTarget {
    /// Host name or address.
    pub host: String,
    /// Port; by default 993 with implicit TLS, else 143.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// PEM file of certificate authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// How to sign in.
    #[serde(default)]
    pub auth: Auth,
    /// User name of the service account that `authzid` and `master` sign in as; the others pass it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<SecretRef>,
    /// Password, or bearer token with `xoauth2`; none where `entra` gives out tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// Login name of a mailbox; `{mailbox}` is its address, `{local}` the part before the `@`.
    #[serde(default = "default_login")]
    pub login: String,
    /// Folder in the mailbox; `Inbox/` stands for the server's own INBOX and delimiter.
    #[serde(default = "default_folder")]
    pub folder: String,
    /// Largest size of one item part.
    #[serde(default)]
    pub max_item: Size,
    /// With `xoauth2`: tokens are asked of Entra ID, as an application. A table: tables are written behind
    /// all values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entra: Option<Credential>,
}

/// Mailboxes of Exchange Online, through Microsoft Graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphTarget {
    /// Where Microsoft Graph is; a national cloud has another address.
    #[serde(default = "graph_endpoint")]
    pub endpoint: String,
    /// Folder in the mailbox; `Inbox/` stands for the mailbox's own inbox, whatever its language.
    #[serde(default = "default_folder")]
    pub folder: String,
    /// Largest size of one item part.
    #[serde(default)]
    pub max_item: Size,
    /// The age at which the mailboxes' retention policies delete, as the administrator tells. Only
    /// warned about, never acted on.
    #[serde(
        default,
        with = "humantime_serde",
        skip_serializing_if = "Option::is_none"
    )]
    pub retention: Option<Duration>,
    /// The retention tag of what is imported; none: that of the folder, or the mailbox's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<PolicyTag>,
    /// How to sign in. A table: tables are written behind all values.
    pub auth: Credential,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// From the first byte.
    #[default]
    Implicit,
    /// Upgraded by STARTTLS before anything is said.
    Starttls,
    /// Not at all; for loopback and tests.
    None,
}

/// How to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// SASL PLAIN (or LOGIN) as `login` with the password.
    #[default]
    Plain,
    /// SASL PLAIN as `user`, acting as `login` (RFC 4616 authzid).
    Authzid,
    /// Dovecot's master user: as `{login}*{user}`.
    Master,
    /// SASL XOAUTH2 as `login` with the bearer token.
    Xoauth2,
}

/// A size in bytes; written as `25MB`, `512KiB` or a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

impl Default for Size {
    fn default() -> Self {
        Self(25_000_000)
    }
}

/// The text is not a size.
#[derive(Debug, thiserror::Error)]
#[error("not a size; write it as 25MB, 512KiB or a number of bytes")]
pub struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "B" => 1,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(NotASize),
        };
        let number: u64 = digits.trim().parse().map_err(|_| NotASize)?;
        number.checked_mul(unit).map(Self).ok_or(NotASize)
    }
}

impl TryFrom<String> for Size {
    type Error = NotASize;

    fn try_from(text: String) -> Result<Self, NotASize> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes != 0 && bytes % 1_000_000 == 0 => write!(f, "{}MB", bytes / 1_000_000),
            bytes => write!(f, "{bytes}B"),
        }
    }
}

pub(super) fn default_folder() -> String {
    "Inbox/Skype for Business".to_owned()
}

fn default_login() -> String {
    "{mailbox}".to_owned()
}

impl Target {
    /// The target's `type` in the connector file.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Maildir(_) => "maildir",
            Self::Imap(_) => "imap",
            Self::Graph(_) => "graph",
            Self::Ews(_) => "ews",
            Self::Discard { .. } => "discard",
        }
    }

    /// Largest size of one item part the connector allows, in bytes.
    pub fn max_item(&self) -> u64 {
        match self {
            Self::Maildir(target) => target.max_item.0,
            Self::Imap(target) => target.max_item.0,
            Self::Graph(target) => target.max_item.0,
            Self::Ews(target) => target.max_item.0,
            Self::Discard { max_item } => max_item.0,
        }
    }

    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        match self {
            Self::Maildir(target) => target.path = folder.join(&target.path),
            Self::Imap(target) => target.ca = target.ca.as_ref().map(|ca| folder.join(ca)),
            Self::Ews(target) => target.resolve(folder),
            Self::Graph(_) | Self::Discard { .. } => {}
        }
    }
}
