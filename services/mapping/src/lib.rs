#![doc = include_str!("../README.md")]

mod check;
mod custom;
mod directory;
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "microsoft365")]
mod graph;
#[cfg(not(feature = "microsoft365"))]
#[path = "no_graph.rs"]
mod graph;
mod grpc;
mod index;
#[cfg(feature = "microsoft365")]
mod ldap;
#[cfg(not(feature = "microsoft365"))]
#[path = "no_ldap.rs"]
mod ldap;
#[doc(hidden)]
pub mod measured;
mod mirrored;
mod plan;
#[cfg(test)]
mod properties;
mod resolve;
mod snapshots;
mod stage;
mod table;
mod tables;
mod text;

use std::sync::Arc;

use chatkeep_pipeline::{LedgerClient, Queue, Worker};
use chatkeep_proto::v1::mapping_server::MappingServer;
use chatkeep_runtime::Lifecycle;
use chatkeep_staging::Staging;
use serde::Deserialize;

use crate::stage::Mapping;

pub use crate::{
    check::{Findings, TenantProbe, check, sample_mailbox, tenant_probe},
    graph::GraphDirectoryError,
    grpc::MappingService,
    index::Conflict,
    ldap::LdapProblem,
    table::TableError,
    tables::DirectoryError,
};

/// Settings of the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Tasks worked on at the same time.
    pub concurrency: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { concurrency: 2 }
    }
}

/// Starts the stage.
pub fn start(
    settings: &Settings,
    queue: Arc<dyn Queue>,
    ledger: LedgerClient,
    staging: Staging,
    lifecycle: &Lifecycle,
) {
    let stage = Mapping::new(ledger.clone(), staging, lifecycle.shutdown());
    Worker::new(stage, queue, ledger, settings.concurrency).start(lifecycle);
}

/// The gRPC service that answers questions about mailboxes.
pub fn service(ledger: LedgerClient, staging: Staging) -> MappingServer<MappingService> {
    MappingServer::new(MappingService::new(ledger, staging))
}
