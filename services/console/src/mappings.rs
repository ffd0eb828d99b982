//! Custom mappings that the console keeps: what pages and API do with them.

mod folder;
pub(crate) mod people;

use chatkeep_proto::v1::{PutConnectorRequest, PutConnectorResponse};
use tonic::Status;

use crate::{Services, stored::Stored};

pub(crate) use self::folder::{HEADER, Mappings};

/// Why a connector's custom mapping is replaced, and what is replaced.
#[derive(Debug)]
pub(crate) struct Change {
    /// The version of the connector that it was read from; `None` replaces whatever is there.
    pub(crate) expected_version: Option<i64>,
    /// What is said about it where it has to be approved.
    pub(crate) reason: String,
}

/// Makes a text the custom mapping of a connector, which then is a new version of it, or a proposal. `stored`
/// becomes what was sent.
pub(crate) async fn replace(
    services: &mut Services,
    mappings: &Mappings,
    (stored, csv): (&mut Stored, &str),
    change: Change,
) -> Result<PutConnectorResponse, Status> {
    let file = mappings.store(csv).await?;
    stored.connector.mapping.custom = Some(file);
    let file = stored.connector.to_toml();
    stored.file = file.map_err(|error| Status::internal(error.to_string()))?;
    let request = PutConnectorRequest {
        connector_file: stored.file.clone(),
        schedule: stored.is_scheduled,
        max_part_bytes: stored.max_part_bytes,
        expected_version: change.expected_version,
        reason: change.reason,
    };
    let put = services.control.put_connector(request).await?;
    Ok(put.into_inner())
}
