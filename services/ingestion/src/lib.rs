#![doc = include_str!("../README.md")]

mod batch;
mod check;
mod claim;
mod copies;
#[cfg(feature = "mssql")]
mod database;
#[cfg(not(feature = "mssql"))]
#[path = "no_database.rs"]
mod database;
pub mod eml;
mod folder;
#[doc(hidden)]
pub mod fuzz;
mod grpc;
mod list;
mod preview;
mod quarantine;
mod rooms;
mod rules;
mod stage;
mod transcripts;
mod work;
pub mod xml;

use std::sync::Arc;

use chatkeep_pipeline::{LedgerClient, Queue, Worker};
use chatkeep_proto::v1::ingestion_server::IngestionServer;
use chatkeep_runtime::{LARGEST_MESSAGE, Lifecycle};
use chatkeep_staging::{Staging, sorting};
use serde::Deserialize;

pub use crate::{
    check::{DatabaseSample, Finding, Found, Sample, SourceError, check},
    database::DatabaseError,
    folder::FolderError,
    grpc::IngestionService,
    stage::Ingestion,
};

/// Settings of ingestion.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Tasks worked on at the same time. Each may hold 16 MB of a source.
    pub concurrency: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { concurrency: 2 }
    }
}

/// Starts the service.
pub fn start(
    settings: &Settings,
    queue: Arc<dyn Queue>,
    ledger: LedgerClient,
    staging: Staging,
    lifecycle: &Lifecycle,
) {
    let stage = Ingestion::new(staging, ledger.clone());
    Worker::new(stage, queue, ledger, settings.concurrency).start(lifecycle);
}

/// The gRPC service that looks at sources.
pub fn service(ledger: LedgerClient) -> IngestionServer<IngestionService> {
    IngestionServer::new(IngestionService::new(ledger)).max_encoding_message_size(LARGEST_MESSAGE)
}
