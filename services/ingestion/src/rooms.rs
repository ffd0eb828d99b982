//! CAPTURE and ASSEMBLE of `persistent-chat-xml`: one event is one record, one room and UTC day is one
//! conversation.

mod assemble;
mod capture;
mod chunk;
mod claim;
mod companion;
#[cfg(feature = "mssql")]
pub(crate) mod database;
mod day;
mod first;
mod manifest;
mod read;
mod record;
mod roster;

pub(crate) use self::{
    assemble::assemble, capture::capture, day::conversations, manifest::parse as parse_manifest,
};
use crate::{
    folder::{Role, extension},
    work::Work,
};

/// How the ledger calls the database of a source; empty for files.
fn database_name(work: &Work) -> String {
    let source = work.source();
    let database = source.database();
    database.map_or_else(String::new, |database| database.name(source.type_name()))
}

/// Shards of thread keys.
pub(crate) const SHARDS: u32 = 16;

/// `.xml` files hold records; `.attach` manifests and files named by a GUID go with them.
pub(crate) fn role(name: &str) -> Role {
    match extension(name).as_deref() {
        Some("xml") => Role::Records,
        Some("attach") => Role::Companion,
        _ if companion::is_stored_name(name) => Role::Companion,
        _ => Role::Foreign,
    }
}
