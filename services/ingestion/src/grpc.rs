//! The gRPC service: what console and command line ask about sources.

use std::{error::Error, path::Path};

use chatkeep_model::{
    Kind,
    connector::{Connector, Part, Source},
};
use chatkeep_pipeline::{LedgerClient, lend_secrets};
use chatkeep_proto::v1::{
    DamagedFile, DatabaseSample as DatabaseMessage, IngestionPreviewRequest,
    IngestionPreviewResponse, PreviewedConversation, SourceExtent, SourceFinding, SourceSample,
    TestSourceRequest, TestSourceResponse, ingestion_server, source_finding,
};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    check::{COUNTING, DatabaseSample, Finding, Found, Sample, look_into},
    preview::{self, Extent, Previewed},
    rules::Rules,
};

/// Conversations shown by default, and at most.
const SHOWN: usize = 10;
const MOST: usize = 50;

/// Looks at sources; changes nothing.
#[derive(Clone, Debug)]
pub struct IngestionService {
    ledger: LedgerClient,
}

impl IngestionService {
    pub(crate) fn new(ledger: LedgerClient) -> Self {
        Self { ledger }
    }

    /// A connector whose sources can be signed in to.
    async fn connector(&self, file: &str, asked: &MetadataMap) -> Result<Connector, Status> {
        let mut connector = parse(file)?;
        let with_file = (&mut connector, file);
        lend_secrets(&self.ledger, with_file, Part::Sources, asked).await?;
        Ok(connector)
    }
}

#[tonic::async_trait]
impl ingestion_server::Ingestion for IngestionService {
    async fn test_source(
        &self,
        request: Request<TestSourceRequest>,
    ) -> Result<Response<TestSourceResponse>, Status> {
        let (asked, _, request) = request.into_parts();
        let connector = self.connector(&request.connector_file, &asked).await?;
        let position = request.source as usize;
        if position > connector.sources.len() {
            return Err(no_such_source());
        }
        let findings = blocking(move || {
            let sources = (1..).zip(&connector.sources);
            let wanted = sources.filter(|(found, _)| position == 0 || *found == position);
            let findings = look_into(wanted.collect());
            findings.into_iter().map(message).collect()
        });
        Ok(Response::new(TestSourceResponse {
            findings: findings.await?,
        }))
    }

    async fn preview(
        &self,
        request: Request<IngestionPreviewRequest>,
    ) -> Result<Response<IngestionPreviewResponse>, Status> {
        let (asked, _, request) = request.into_parts();
        let connector = self.connector(&request.connector_file, &asked).await?;
        let source = source(&connector, request.source)?.clone();
        let limit = match request.limit as usize {
            0 => SHOWN,
            limit => limit.min(MOST),
        };
        let id = connector.id();
        let rules = Rules::of(&connector);
        let rules = rules.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let counting = request.count.then_some(COUNTING);
        let previewed = blocking(move || preview::preview(&id, &source, limit, counting)).await?;
        let (previewed, extent) =
            previewed.map_err(|e| Status::failed_precondition(sentence(&e)))?;
        let conversations = previewed.into_iter();
        let conversations: Result<_, _> =
            conversations.map(|one| conversation(one, &rules)).collect();
        Ok(Response::new(IngestionPreviewResponse {
            conversations: conversations?,
            extent: extent.map(extent_message),
        }))
    }
}

/// What is wrong with the file, but never what the TOML reader quotes of it: a password that was
/// written in plain text would be in it.
fn parse(connector_file: &str) -> Result<Connector, Status> {
    let connector = Connector::parse(connector_file, Path::new("/"));
    connector.map_err(|error| Status::invalid_argument(error.to_string()))
}

fn source(connector: &Connector, position: u32) -> Result<&Source, Status> {
    let index = (position as usize).checked_sub(1);
    let source = index.and_then(|index| connector.sources.get(index));
    source.ok_or_else(no_such_source)
}

fn no_such_source() -> Status {
    Status::not_found("the connector has no source of this position")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Status::internal("read source"))
}

fn message(finding: Finding) -> SourceFinding {
    let result = match finding.result {
        Ok(Found::Files(sample)) => source_finding::Result::Sample(sample_message(sample)),
        Ok(Found::Database(sample)) => source_finding::Result::Database(database_message(sample)),
        Err(error) => source_finding::Result::Problem(sentence(&error)),
    };
    SourceFinding {
        source: u32::try_from(finding.source).unwrap_or(0),
        r#type: finding.kind.to_owned(),
        result: Some(result),
    }
}

/// What went wrong and why, in one line.
fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence.push_str(": ");
        sentence.push_str(&error.to_string());
        cause = error.source();
    }
    sentence
}

fn database_message(sample: DatabaseSample) -> DatabaseMessage {
    let DatabaseSample {
        identity,
        absent,
        first,
        last,
    } = sample;
    DatabaseMessage {
        identity,
        absent,
        first,
        last,
    }
}

fn sample_message(sample: Sample) -> SourceSample {
    let damaged = sample
        .damaged
        .into_iter()
        .map(|(path, reason)| DamagedFile {
            path,
            reason: reason.to_owned(),
        });
    SourceSample {
        files: sample.files,
        has_more: sample.has_more,
        foreign: sample.foreign,
        read: sample.read as u64,
        damaged: damaged.collect(),
        unreadable: sample.unreadable,
    }
}

fn extent_message(extent: Extent) -> SourceExtent {
    SourceExtent {
        files: extent.files,
        bytes: extent.bytes,
        rows: extent.rows,
        is_complete: extent.is_complete,
        share: extent.share,
    }
}

fn conversation(previewed: Previewed, rules: &Rules) -> Result<PreviewedConversation, Status> {
    let Previewed { file, conversation } = previewed;
    let encoded = rmp_serde::to_vec_named(&conversation);
    let encoded = encoded.map_err(|_| Status::internal("encode conversation"))?;
    let is_room = conversation.kind == Kind::Room;
    let rule = rules.of_conversation(&conversation.participants);
    let excluded_by = rule.filter(|_| !is_room).unwrap_or_default().to_owned();
    let participants = conversation.participants.into_iter();
    let files = conversation.attachments.iter();
    let attachment_bytes = files.map(|file| file.size).sum();
    Ok(PreviewedConversation {
        file,
        kind: conversation.kind.as_str().to_owned(),
        start: conversation.start.seconds(),
        participants: participants.map(|one| one.address).collect(),
        records: u32::try_from(conversation.records.len()).unwrap_or(u32::MAX),
        attachments: u32::try_from(conversation.attachments.len()).unwrap_or(u32::MAX),
        conversation: encoded.into(),
        attachment_bytes,
        excluded_by,
    })
}
