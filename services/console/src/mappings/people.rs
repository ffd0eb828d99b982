//! Who maps to whom, before anything is stored.

use std::collections::BTreeSet;

use chatkeep_proto::v1::{Identity, IngestionPreviewRequest, PreviewRequest, PreviewResponse};
use tonic::Status;

use crate::Services;

/// Conversations looked at of each source.
const CONVERSATIONS: u32 = 50;

/// Participants of the first conversations of each source of a connector file, and why sources could not be
/// read.
pub(crate) async fn participants(
    services: &mut Services,
    file: &str,
    sources: u32,
) -> (BTreeSet<String>, Vec<Status>) {
    let mut people = BTreeSet::new();
    let mut problems = Vec::new();
    for source in 1..=sources {
        let request = IngestionPreviewRequest {
            connector_file: file.to_owned(),
            source,
            limit: CONVERSATIONS,
        };
        match services.ingestion.preview(request).await {
            Ok(answer) => {
                let conversations = answer.into_inner().conversations.into_iter();
                people.extend(conversations.flat_map(|one| one.participants));
            }
            Err(status) => problems.push(status),
        }
    }
    (people, problems)
}

/// Whom addresses are mapped to by a connector file; `custom_mapping` is a mapping's content in place of the one
/// that the file names.
pub(crate) async fn resolve(
    services: &mut Services,
    connector_file: &str,
    custom_mapping: Option<String>,
    people: BTreeSet<String>,
) -> Result<PreviewResponse, Status> {
    let identities = people.into_iter().map(|address| Identity {
        address,
        email: String::new(),
    });
    let request = PreviewRequest {
        connector_file: connector_file.to_owned(),
        identities: identities.collect(),
        custom_mapping,
    };
    let resolved = services.mapping.preview(request).await?;
    Ok(resolved.into_inner())
}
