//! The audit trail as files and the API write it.

use chatkeep_proto::v1::{Actor, AuditEntry};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// An entry of the audit trail as a line of an export, one JSON object (docs/formats.md): what
/// `chatkeep audit verify --from` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditLine {
    /// From 1, without a gap.
    sequence: i64,
    /// Unix milliseconds.
    time: i64,
    subject: String,
    name: String,
    roles: Vec<String>,
    /// The address the request came from.
    address: String,
    action: String,
    /// Id of the connector it is about.
    connector: String,
    object: String,
    /// done, refused or denied
    outcome: String,
    /// A JSON object as text: the hash is over the text.
    detail: String,
    /// Hash of the entry before, hexadecimal.
    previous: String,
    /// SHA-256 over all of the above, hexadecimal.
    hash: String,
}

impl From<AuditEntry> for AuditLine {
    fn from(entry: AuditEntry) -> Self {
        let actor = entry.actor.unwrap_or_default();
        Self {
            sequence: entry.sequence,
            time: entry.time,
            subject: actor.subject,
            name: actor.name,
            roles: actor.roles,
            address: actor.address,
            action: entry.action,
            connector: entry.connector,
            object: entry.object,
            outcome: entry.outcome,
            detail: entry.detail,
            previous: HEXLOWER.encode(&entry.previous),
            hash: HEXLOWER.encode(&entry.hash),
        }
    }
}

impl From<AuditLine> for AuditEntry {
    /// The entry; a hash that is none is empty in it.
    fn from(line: AuditLine) -> Self {
        let bytes = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap_or_default().into();
        Self {
            sequence: line.sequence,
            time: line.time,
            actor: Some(Actor {
                subject: line.subject,
                name: line.name,
                roles: line.roles,
                address: line.address,
            }),
            action: line.action,
            connector: line.connector,
            object: line.object,
            outcome: line.outcome,
            detail: line.detail,
            previous: bytes(&line.previous),
            hash: bytes(&line.hash),
        }
    }
}
