use std::path::Path;

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{ConnectorSummary, GetConnectorRequest};
use tonic::Status;

use crate::Services;

/// A connector as control has it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) summary: ConnectorSummary,
    /// The connector file, TOML.
    pub(crate) file: String,
    pub(crate) is_scheduled: bool,
    /// Largest part of an item in its runs, bytes; 0 is the connector's own limit.
    pub(crate) max_part_bytes: u64,
    pub(crate) connector: Connector,
}

impl Stored {
    /// Asks control for it.
    pub(crate) async fn get(services: &mut Services, id: &str) -> Result<Self, Status> {
        let request = GetConnectorRequest {
            connector: id.to_owned(),
        };
        let stored = services.control.get_connector(request).await?.into_inner();
        let connector = Connector::parse(&stored.connector_file, Path::new("/"));
        // Older programs may have stored what this one refuses.
        let connector =
            connector.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Self {
            summary: stored.summary.unwrap_or_default(),
            file: stored.connector_file,
            is_scheduled: stored.schedule,
            max_part_bytes: stored.max_part_bytes,
            connector,
        })
    }

    /// Where its page is.
    pub(crate) fn address(&self) -> String {
        format!("/connectors/{}", self.summary.connector)
    }
}
