//! Who maps to whom, before anything is stored.

use std::collections::BTreeSet;

use bytes::Bytes;
use chatkeep_proto::v1::{
    Identity, IngestionPreviewRequest, IngestionPreviewResponse, PreviewRequest, PreviewResponse,
};
use tonic::Status;

use crate::Services;

/// Conversations looked at of each source.
const CONVERSATIONS: u32 = 50;

/// The first conversations of each source of a connector file, by its position from 1, or why it could not be
/// read; `count`: with how much it holds.
pub(crate) async fn previews(
    services: &mut Services,
    file: &str,
    sources: u32,
    count: bool,
) -> Vec<Result<IngestionPreviewResponse, Status>> {
    let mut previews = Vec::new();
    for source in 1..=sources {
        let request = IngestionPreviewRequest {
            connector_file: file.to_owned(),
            source,
            limit: CONVERSATIONS,
            count,
        };
        let preview = services.ingestion.preview(request).await;
        let mut preview = preview.map(tonic::Response::into_inner);
        if let (Ok(preview), false) = (&mut preview, count) {
            // Who takes part is all that is asked for; the conversations themselves are large.
            for conversation in &mut preview.conversations {
                conversation.conversation = Bytes::new();
            }
        }
        previews.push(preview);
    }
    previews
}

/// Everybody in the conversations of a preview.
pub(crate) fn participants(preview: &IngestionPreviewResponse) -> BTreeSet<String> {
    let conversations = preview.conversations.iter();
    let people = conversations.flat_map(|one| &one.participants);
    people.cloned().collect()
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
