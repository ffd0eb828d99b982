#![doc = include_str!("../README.md")]

mod batch;
mod body;
#[doc(hidden)]
pub mod fuzz;
mod grpc;
mod item;
mod stage;
mod transcript;

use std::sync::Arc;

use chatkeep_pipeline::{LedgerClient, Queue, Worker};
use chatkeep_proto::v1::conversion_server::ConversionServer;
use chatkeep_runtime::{LARGEST_MESSAGE, Lifecycle};
use chatkeep_staging::Staging;
use serde::Deserialize;

pub use crate::{
    body::Sanitizer,
    grpc::ConversionService,
    item::{Files, Part, RENDERER_VERSION, RenderError, RenderOptions, Renderer, Unrenderable},
    stage::Conversion,
};

/// How the service works.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Batches converted at the same time; each keeps one core busy.
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
    let stage = Conversion::new(staging, ledger.clone());
    Worker::new(stage, queue, ledger, settings.concurrency).start(lifecycle);
}

/// The gRPC service that shows what conversations become.
pub fn service(staging: Staging) -> ConversionServer<ConversionService> {
    ConversionServer::new(ConversionService::new(staging))
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE)
}
