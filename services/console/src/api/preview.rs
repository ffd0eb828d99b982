//! What a connector file would archive, without a run.

use std::{collections::BTreeSet, time::Instant};

use axum::{Json, extract::State};
use chatkeep_model::connector::Source;
use chatkeep_proto::v1::{
    AppendAuditRequest, IngestionPreviewRequest, PreviewItemRequest, PreviewedConversation,
    Resolution,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem,
    connectors::{EXAMPLE, parse},
    words::{hex, time},
};
use crate::{
    Services,
    estimate::{History, ImportDuration, RENDERING, Sample, SourceTotals, Volume},
    mappings::people,
};

/// Conversations that are looked at, and items of them that are shown.
const CONVERSATIONS: u32 = 50;
const ITEMS: usize = 3;
/// Bytes of a rendered message that are shown.
const SHOWN: usize = 64 << 10;

/// What to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewOrder {
    /// The connector file, TOML, paths absolute; secrets only by reference.
    #[schema(min_length = 1, example = json!(EXAMPLE))]
    connector_file: String,
    /// Position of a source in the file, from 1.
    source: u32,
}

/// What the first conversations of a source would become.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Conversations that were looked at, 50 at most.
    conversations: usize,
    /// Records they are made of.
    records: u64,
    /// Files that go with them.
    attachments: u64,
    /// Of the conversations, those that a rule of the file leaves out.
    excluded: usize,
    mapping: MappingPreview,
    /// The first three conversations as items.
    items: Vec<ItemPreview>,
    /// How much the whole source holds.
    source: SourceTotals,
    /// What all of it would become, estimated from these conversations.
    volume: Volume,
    /// How long a first import of it would take.
    duration: ImportDuration,
}

/// Whom the participants are mapped to.
#[derive(Serialize, ToSchema)]
pub(crate) struct MappingPreview {
    mapped: usize,
    held: usize,
    external: usize,
    conflict: usize,
    /// Mapped of those that are ours; null when nobody is.
    hit_rate: Option<f64>,
    participants: Vec<Participant>,
}

/// A participant and their mailbox.
#[derive(Serialize, ToSchema)]
struct Participant {
    address: String,
    /// mapped, held, external or conflict
    placement: String,
    mailbox: String,
    /// Which rule decided.
    rule: String,
}

/// A conversation as an item.
#[derive(Serialize, ToSchema)]
struct ItemPreview {
    /// p2p, conference or room
    kind: String,
    /// First chat message.
    start: String,
    /// Why it would be quarantined.
    problem: Option<String>,
    /// Item id, hexadecimal.
    item: Option<String>,
    parts: Vec<PartPreview>,
}

/// An e-mail message.
#[derive(Serialize, ToSchema)]
struct PartPreview {
    /// Bytes.
    size: u64,
    sha256: String,
    /// Its beginning, 64 KiB at most.
    message: String,
}

/// Shows what the first conversations of a source would become, and whose mailboxes they would go to. It
/// shows content; the audit trail says that it did.
#[utoipa::path(post, path = "/previews", tag = "checks", operation_id = "preview", request_body = PreviewOrder,
    responses((status = 200, description = "What would be archived", body = Preview)))]
pub(super) async fn preview(
    State(mut services): State<Services>,
    Json(order): Json<PreviewOrder>,
) -> Result<Json<Preview>, Problem> {
    let connector = parse(&order.connector_file)?;
    let note = AppendAuditRequest {
        action: "content.preview".to_owned(),
        connector: connector.id(),
        outcome: "done".to_owned(),
        ..AppendAuditRequest::default()
    };
    services.access.append_audit(note).await?;
    let file = order.connector_file;
    let began = Instant::now();
    let request = IngestionPreviewRequest {
        connector_file: file.clone(),
        source: order.source,
        limit: CONVERSATIONS,
        count: true,
    };
    let read = services.ingestion.preview(request).await?.into_inner();
    let people = people::participants(&read);
    let people = people::resolve(&mut services, &file, None, people).await?;
    let people = people.resolutions;
    let conversations = &read.conversations;
    let mut items = Vec::new();
    for conversation in conversations.iter().take(ITEMS) {
        items.push(render(&mut services, file.clone(), conversation).await);
    }
    let until = began + RENDERING;
    // What cannot be measured is not known; the rest is worth showing.
    let sample = Sample::take(&mut services, &file, conversations, &people, until).await;
    let (sample, share) = match sample {
        Ok(sample) => (sample, read.extent.unwrap_or_default().share),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "sample of a preview not measured");
            (Sample::default(), None)
        }
    };
    let history = History::find(&mut services, &connector).await?;
    let extent = read.extent.unwrap_or_default();
    let volume = sample.volume(share);
    // Ingestion has found it: there is one of this position.
    let index = (order.source as usize).saturating_sub(1);
    let database = connector.sources.get(index).and_then(Source::database);
    let pace = database.and_then(|database| extent.rows.zip(database.rows_per_second));
    let sum = |of: fn(&PreviewedConversation) -> u32| {
        conversations.iter().map(|one| u64::from(of(one))).sum()
    };
    Ok(Json(Preview {
        conversations: conversations.len(),
        records: sum(|one| one.records),
        attachments: sum(|one| one.attachments),
        excluded: conversations
            .iter()
            .filter(|one| !one.excluded_by.is_empty())
            .count(),
        mapping: people.into(),
        items,
        source: SourceTotals::of(&extent, database.is_some()),
        duration: history.duration(&volume, sample.mailboxes(), pace),
        volume,
    }))
}

/// Whom addresses are mapped to by a connector file; `custom` is a mapping's content in place of the file's.
pub(super) async fn map(
    services: &mut Services,
    connector_file: &str,
    custom: Option<String>,
    people: BTreeSet<String>,
) -> Result<MappingPreview, Problem> {
    let mapped = people::resolve(services, connector_file, custom, people).await?;
    Ok(mapped.resolutions.into())
}

impl From<Vec<Resolution>> for MappingPreview {
    fn from(resolutions: Vec<Resolution>) -> Self {
        let participants = resolutions.into_iter().map(|one| Participant {
            address: one.address,
            placement: one.placement,
            mailbox: one.mailbox,
            rule: one.rule,
        });
        let participants: Vec<_> = participants.collect();
        let count = |placement: &str| {
            let all = participants.iter();
            all.filter(|one| one.placement == placement).count()
        };
        let (mapped, held, conflict) = (count("mapped"), count("held"), count("conflict"));
        let ours = mapped + held + conflict;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate of some hundred addresses"
        )]
        let hit_rate = (ours > 0).then(|| mapped as f64 / ours as f64);
        Self {
            mapped,
            held,
            external: count("external"),
            conflict,
            hit_rate,
            participants,
        }
    }
}

async fn render(
    services: &mut Services,
    connector_file: String,
    conversation: &PreviewedConversation,
) -> ItemPreview {
    let request = PreviewItemRequest {
        connector_file,
        conversation: conversation.conversation.clone(),
        max_part_bytes: 0,
        sizes_only: false,
    };
    let mut preview = ItemPreview {
        kind: conversation.kind.clone(),
        start: time(conversation.start),
        problem: None,
        item: None,
        parts: Vec::new(),
    };
    match services.conversion.preview_item(request).await {
        Ok(rendered) => {
            let rendered = rendered.into_inner();
            preview.item = Some(hex(&rendered.item));
            let parts = rendered.parts.iter().map(|part| {
                let shown = &part.message[..part.message.len().min(SHOWN)];
                PartPreview {
                    size: part.size,
                    sha256: hex(&part.sha256),
                    message: String::from_utf8_lossy(shown).into_owned(),
                }
            });
            preview.parts = parts.collect();
        }
        Err(status) => preview.problem = Some(status.message().to_owned()),
    }
    preview
}
