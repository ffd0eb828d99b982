use chatkeep_proto::v1::{
    control_client::ControlClient, conversion_client::ConversionClient,
    ingestion_client::IngestionClient, mailbox_import_client::MailboxImportClient,
    mapping_client::MappingClient,
};
use chatkeep_runtime::{GrpcChannel, LARGEST_MESSAGE};

/// The ways to the other services.
#[derive(Clone, Debug)]
pub struct Services {
    /// Connectors, runs, reports, logs.
    pub control: ControlClient<GrpcChannel>,
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
    /// To control.
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
        Self {
            control: ControlClient::new(channels.control),
            ingestion: IngestionClient::new(channels.ingestion)
                .max_decoding_message_size(LARGEST_MESSAGE),
            conversion: ConversionClient::new(channels.conversion)
                .max_decoding_message_size(LARGEST_MESSAGE),
            mapping: MappingClient::new(channels.mapping),
            mailbox_import: MailboxImportClient::new(channels.mailbox_import),
        }
    }
}
