//! The connector file: one named archive job. TOML, unknown keys refused.

mod cdr;
mod coverage;
mod credential;
mod database;
mod directory;
mod essence;
mod ews;
mod ldap;
mod places;
mod policy_tag;
mod report;
mod retention;
mod schedule;
mod secret;
mod secrets;
mod source;
mod target;
mod validate;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::identity;

pub use self::{
    cdr::CallDetails,
    coverage::CoverageOptions,
    credential::{Credential, NotACredential, Proof},
    database::{DatabaseAuth, DatabaseSource, DatabaseTls},
    directory::{Directory, GraphDirectory, graph_endpoint},
    ews::{EwsAuth, EwsTarget},
    ldap::LdapDirectory,
    places::{Part, WORKLOAD_IDENTITY, is_of_microsoft},
    policy_tag::{Guid, NotAGuid, PolicyTag},
    report::{ReportOptions, ReportWhen},
    retention::Retention,
    schedule::Schedule,
    secret::{SecretRef, StoredSecret},
    source::{FileSource, Source, SourceKind},
    target::{Auth, GraphTarget, ImapTarget, MaildirTarget, Size, Target, Tls},
};

/// Why a connector file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// Not TOML, an unknown key, a missing key or a value of the wrong form.
    #[error("line {line}: {problem}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What the TOML reader says, without the line's text: it may hold a secret.
        problem: String,
    },
    /// Well-formed, but it cannot work.
    #[error("{key}: {problem}")]
    Invalid {
        /// The key in the file, dotted, sources counted from 1.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The model could not be written as TOML.
    #[error("write connector file")]
    Write {
        /// What the TOML writer says.
        source: toml::ser::Error,
    },
}

impl ConnectorError {
    fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        Self::Syntax {
            line: before.map_or(1, |before| before.matches('\n').count() + 1),
            problem: error.message().to_owned(),
        }
    }
}

/// One named archive job: sources, directory, mapping, target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Unique name, as administrators see it.
    pub name: String,
    /// Domain of the Message-IDs; fixed at first use.
    pub domain: String,
    /// The connector's id; by default derived from the name. Fixed at first use: set it to the old id
    /// when the name changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where conversations come from.
    pub sources: Vec<Source>,
    /// How items look.
    #[serde(default)]
    pub item: ItemOptions,
    /// What is left out, by a named rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Exclusion>,
    /// Who is who.
    pub directory: Directory,
    /// Who gets what.
    #[serde(default)]
    pub mapping: Mapping,
    /// Where items go.
    pub target: Target,
    /// When scheduled runs start.
    #[serde(default)]
    pub schedule: Schedule,
    /// What reports compare the archive with.
    #[serde(default)]
    pub coverage: CoverageOptions,
    /// Who gets a mail about its runs.
    #[serde(default, skip_serializing_if = "ReportOptions::is_off")]
    pub report: ReportOptions,
}

/// How items look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemOptions {
    /// IANA time zone in which transcripts show times; headers are always UTC.
    pub time_zone: String,
    /// Attaches the conversation as lossless JSON.
    pub json_record: bool,
    /// Item class, where the target can store one.
    pub class: String,
}

impl Default for ItemOptions {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            json_record: false,
            class: "IPM.Note.SkypeForBusiness.Conversation".to_owned(),
        }
    }
}

/// A named rule that leaves records out; they are counted under its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Name of the rule, as reports show it.
    pub name: String,
    /// Address with `*` for any characters and `?` for one, compared in lower case.
    pub address: String,
}

impl Exclusion {
    /// Compares normalised addresses with the rule's pattern.
    pub fn matcher(&self) -> Result<globset::GlobMatcher, ConnectorError> {
        pattern(&self.address).map_err(|_| ConnectorError::Invalid {
            key: format!("exclude.{}.address", self.name),
            problem: "not a pattern; use an address with * and ?".to_owned(),
        })
    }
}

/// A pattern of addresses, `*` for any characters and `?` for one.
fn pattern(address: &str) -> Result<globset::GlobMatcher, globset::Error> {
    let glob = globset::GlobBuilder::new(&address.to_lowercase())
        .literal_separator(false)
        .build();
    Ok(glob?.compile_matcher())
}

/// Who gets what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Maps by the item's `Email` property through the directory.
    pub automatic: bool,
    /// Whose addresses are ours; by default the connector's domain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// CSV file `source_user,mailbox`; wins over automatic mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<PathBuf>,
    /// What happens to ours without a mailbox.
    pub unmapped: Unmapped,
    /// How long held deliveries wait.
    pub hold_for: HoldFor,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            automatic: true,
            domains: Vec::new(),
            custom: None,
            unmapped: Unmapped::Hold,
            hold_for: HoldFor::Forever,
        }
    }
}

/// What happens to a participant who is ours but has no known mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Unmapped {
    /// Held until directory or mapping know the address.
    Hold,
    /// Delivered to this mailbox.
    CatchAll(String),
}

impl From<String> for Unmapped {
    fn from(text: String) -> Self {
        match text.as_str() {
            "hold" => Self::Hold,
            _ => Self::CatchAll(text.to_lowercase()),
        }
    }
}

impl From<Unmapped> for String {
    fn from(unmapped: Unmapped) -> Self {
        match unmapped {
            Unmapped::Hold => "hold".to_owned(),
            Unmapped::CatchAll(mailbox) => mailbox,
        }
    }
}

/// How long held deliveries wait before they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldFor {
    /// Without end.
    Forever,
    /// This long.
    Time(Duration),
}

impl Serialize for HoldFor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Forever => serializer.serialize_str("forever"),
            Self::Time(time) => humantime_serde::serialize(time, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HoldFor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let text = serde::de::value::StringDeserializer::<D::Error>::new(text);
        humantime_serde::deserialize(text).map(Self::Time)
    }
}

impl Connector {
    /// Reads a connector file's text. Relative paths become paths below `folder`, the folder of the
    /// file. Checks everything that can be checked without I/O.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConnectorError> {
        let mut connector: Self =
            toml::from_str(text).map_err(|error| ConnectorError::syntax(text, &error))?;
        connector.resolve_paths(folder);
        validate::validate(&connector)?;
        Ok(connector)
    }

    /// Writes the connector file, defaults filled in.
    pub fn to_toml(&self) -> Result<String, ConnectorError> {
        toml::to_string(self).map_err(|source| ConnectorError::Write { source })
    }

    /// The connector's id: the file's, or the one its name gives.
    pub fn id(&self) -> String {
        let from_name = || identity::connector_id(&self.name);
        self.id.clone().unwrap_or_else(from_name)
    }

    /// Whose addresses are ours, in lower case.
    pub fn domains(&self) -> Vec<String> {
        if self.mapping.domains.is_empty() {
            return vec![self.domain.to_lowercase()];
        }
        let domains = self.mapping.domains.iter();
        domains.map(|domain| domain.to_lowercase()).collect()
    }

    fn resolve_paths(&mut self, folder: &Path) {
        for source in &mut self.sources {
            source.resolve(&self.domain, folder);
        }
        self.directory.resolve_paths(folder);
        if let Some(custom) = &mut self.mapping.custom {
            *custom = folder.join(&*custom);
        }
        self.target.resolve_paths(folder);
        for secret in self.secrets() {
            secret.resolve(folder);
        }
    }
}
