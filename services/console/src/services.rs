use chatkeep_proto::{
    ACTOR,
    v1::{
        access_client::AccessClient, control_client::ControlClient,
        conversion_client::ConversionClient, ingestion_client::IngestionClient,
        mailbox_import_client::MailboxImportClient, mapping_client::MappingClient,
    },
};
use chatkeep_runtime::{GrpcChannel, LARGEST_MESSAGE};
use http::Request;
use tonic::{body::Body, metadata::MetadataMap};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use crate::sign_in::actor_metadata;

/// The ways to the other services. Calls that are made while a request is being answered say whose request
/// it is.
#[derive(Clone, Debug)]
pub struct Services {
    /// Connectors, runs, reports, logs.
    pub control: ControlClient<GrpcChannel>,
    /// Sessions, secrets, the audit trail.
    pub access: AccessClient<GrpcChannel>,
    /// Looks at sources.
    pub ingestion: IngestionClient<GrpcChannel>,
    /// Renders one item.
    pub conversion: ConversionClient<GrpcChannel>,
    /// Resolves addresses.
    pub mapping: MappingClient<GrpcChannel>,
    /// Looks at targets.
    pub mailbox_import: MailboxImportClient<GrpcChannel>,
}

/// A channel to each service.
#[derive(Clone, Debug)]
pub struct Channels {
    /// To control, with everything it serves.
    pub control: GrpcChannel,
    /// To ingestion.
    pub ingestion: GrpcChannel,
    /// To conversion.
    pub conversion: GrpcChannel,
    /// To mapping.
    pub mapping: GrpcChannel,
    /// To mailbox import.
    pub mailbox_import: GrpcChannel,
}

impl Services {
    /// Asks over these channels.
    pub fn new(channels: Channels) -> Self {
        let Channels {
            control,
            ingestion,
            conversion,
            mapping,
            mailbox_import,
        } = channels;
        let control = with_actor(control);
        Self {
            control: ControlClient::new(control.clone()),
            access: AccessClient::new(control),
            ingestion: IngestionClient::new(with_actor(ingestion))
                .max_decoding_message_size(LARGEST_MESSAGE),
            conversion: ConversionClient::new(conversion)
                .max_decoding_message_size(LARGEST_MESSAGE),
            mapping: MappingClient::new(with_actor(mapping)),
            mailbox_import: MailboxImportClient::new(with_actor(mailbox_import)),
        }
    }
}

/// Names who makes a call, for the audit trail.
fn with_actor(channel: GrpcChannel) -> GrpcChannel {
    BoxCloneSyncService::new(channel.map_request(|mut request: Request<Body>| {
        if let Some(actor) = actor_metadata() {
            let mut metadata = MetadataMap::new();
            metadata.insert_bin(ACTOR, actor);
            request.headers_mut().extend(metadata.into_headers());
        }
        request
    }))
}
