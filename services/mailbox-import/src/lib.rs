#![doc = include_str!("../README.md")]

mod check;
mod discard;
#[cfg(feature = "microsoft365")]
mod ews;
#[cfg(not(feature = "microsoft365"))]
#[path = "no_ews.rs"]
mod ews;
#[cfg(feature = "microsoft365")]
mod exchange;
#[cfg(feature = "microsoft365")]
mod graph;
#[cfg(not(feature = "microsoft365"))]
#[path = "no_graph.rs"]
mod graph;
mod grpc;
mod imap;
mod maildir;
mod stage;
pub mod target;
mod trial;
mod verify;

use std::{sync::Arc, time::Duration};

use chatkeep_pipeline::{LedgerClient, Queue, Worker};
use chatkeep_proto::v1::mailbox_import_server::MailboxImportServer;
use chatkeep_runtime::{LARGEST_MESSAGE, Lifecycle};
use chatkeep_staging::Staging;
use serde::Deserialize;

use crate::target::Timeouts;
pub use crate::{
    check::{Finding, check, max_part_bytes, outlived},
    grpc::MailboxImportService,
    stage::MailboxImport,
    trial::{Point, Verdict, tenant_canary},
    verify::{Expected, Flaw, verify},
};

/// Settings of mailbox import.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Connections to mail servers at the same time, each for one mailbox.
    pub connections: u16,
    /// How long to wait for a connection.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long to wait for a server's answer, and for it to take bytes.
    #[serde(with = "humantime_serde")]
    pub answer_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 8,
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_mins(2),
        }
    }
}

impl Settings {
    /// How long to wait for a server.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            answer: self.answer_timeout,
        }
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
    let shutdown = lifecycle.shutdown();
    let stage = MailboxImport::new(settings, ledger.clone(), staging, shutdown)
        .with_meter(&lifecycle.meter());
    Worker::new(stage, queue, ledger, settings.connections).start(lifecycle);
}

/// The gRPC service that looks at targets and mailboxes.
pub fn service(
    settings: &Settings,
    ledger: LedgerClient,
) -> MailboxImportServer<MailboxImportService> {
    MailboxImportServer::new(MailboxImportService::new(settings.clone(), ledger))
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE)
}

/// Entry points of fuzz targets.
#[doc(hidden)]
pub mod fuzz {
    /// A server's responses, whatever they are.
    pub fn imap_responses(bytes: &[u8]) {
        crate::imap::fuzz_responses(bytes);
    }
}
