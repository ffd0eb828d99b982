//! The API's documents, and the contract's messages that they were made of.

mod connectors;
mod exceptions;
mod items;
mod proposals;
mod runs;

use chatkeep_proto::v1::{SignInSession, StoredSecret};
use chatkeep_report::AuditLine;
use jiff::Timestamp;
use serde::Deserialize;

pub(super) use self::{
    connectors::{BackfillList, CheckedReport, ConnectorList, Document, Ordered, Resumed},
    exceptions::ExceptionList,
    items::ItemTrace,
    proposals::{Approved, Proposal, ProposalList, Proposed},
    runs::{Opened, Progress, Retried, Run, RunList},
};

/// A page of the audit trail.
#[derive(Deserialize)]
pub(super) struct AuditList {
    pub(super) entries: Vec<AuditLine>,
    pub(super) next: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct SessionList {
    pub(super) sessions: Vec<Session>,
}

#[derive(Deserialize)]
pub(super) struct Session {
    subject: String,
    name: String,
    roles: Vec<String>,
    address: String,
    opened: Timestamp,
    seen: Timestamp,
    expires: Timestamp,
}

#[derive(Deserialize)]
pub(super) struct Revoked {
    pub(super) sessions: u32,
}

#[derive(Deserialize)]
pub(super) struct SecretList {
    pub(super) secrets: Vec<Secret>,
    pub(super) has_key: bool,
}

/// A secret without what it is.
#[derive(Deserialize)]
pub(super) struct Secret {
    name: String,
    changed: Timestamp,
    connectors: Vec<String>,
}

impl From<Session> for SignInSession {
    fn from(session: Session) -> Self {
        Self {
            subject: session.subject,
            name: session.name,
            roles: session.roles,
            opened: session.opened.as_millisecond(),
            seen: session.seen.as_millisecond(),
            expires: session.expires.as_millisecond(),
            address: session.address,
            ..Self::default()
        }
    }
}

impl From<Secret> for StoredSecret {
    fn from(secret: Secret) -> Self {
        Self {
            name: secret.name,
            changed: secret.changed.as_millisecond(),
            connectors: secret.connectors,
        }
    }
}

/// Unix seconds of a time that the API may leave out.
fn seconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_second)
}

/// The name that the contract has for a word of an enumeration: `nothing_new` is `RUN_STATE_NOTHING_NEW`.
fn name(prefix: &str, word: &str) -> String {
    format!("{prefix}_{}", word.to_ascii_uppercase())
}

/// Bytes of hexadecimal digits; none where they are not.
fn bytes(hex: &str) -> Vec<u8> {
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes());
    bytes.unwrap_or_default()
}
