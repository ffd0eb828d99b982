//! The gRPC service: shows what a conversation becomes.

use std::{
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use chatkeep_model::{Attachment, Conversation, connector::Connector};
use chatkeep_proto::v1::{
    PreviewItemRequest, PreviewItemResponse, PreviewedPart, conversion_server,
};
use chatkeep_staging::Staging;
use tokio::runtime::Handle;
use tonic::{Request, Response, Status};

use crate::{
    body::Sanitizer,
    item::{Files, RenderError, Renderer},
    stage::{StagedFiles, options},
};

/// Bytes of messages in one answer.
const MOST_BYTES: usize = 32 << 20;

/// Renders single conversations; stores nothing.
#[derive(Clone, Debug)]
pub struct ConversionService {
    staging: Staging,
    sanitizer: Arc<Sanitizer>,
}

impl ConversionService {
    pub(crate) fn new(staging: Staging) -> Self {
        Self {
            staging,
            sanitizer: Arc::new(Sanitizer::new()),
        }
    }
}

#[tonic::async_trait]
impl conversion_server::Conversion for ConversionService {
    async fn preview_item(
        &self,
        request: Request<PreviewItemRequest>,
    ) -> Result<Response<PreviewItemResponse>, Status> {
        let request = request.into_inner();
        // Never what the TOML reader quotes of the file: a password may stand there in plain text.
        let connector = Connector::parse(&request.connector_file, Path::new("/"));
        let connector = connector.map_err(|e| Status::invalid_argument(e.to_string()))?;
        let conversation: Result<Conversation, _> = rmp_serde::from_slice(&request.conversation);
        let conversation =
            conversation.map_err(|_| Status::invalid_argument("conversation is malformed"))?;
        let limit = match request.max_part_bytes {
            0 => connector.target.max_item(),
            limit => limit,
        };
        let options = options(connector.id(), limit, &connector);
        let options = options.map_err(|e| Status::invalid_argument(e.action))?;
        let files = PreviewedFiles(StagedFiles {
            staging: self.staging.clone(),
            runtime: Handle::current(),
        });
        let sanitizer = Arc::clone(&self.sanitizer);
        let most_bytes = if request.sizes_only { 0 } else { MOST_BYTES };
        let work = move || {
            let renderer = Renderer::new(&options, &sanitizer);
            render(&conversation, &renderer, &files, most_bytes)
        };
        let rendered = tokio::task::spawn_blocking(work).await;
        let rendered = rendered.map_err(|_| Status::internal("render conversation"))?;
        rendered.map(Response::new).map_err(|e| status(&e))
    }
}

fn render(
    conversation: &Conversation,
    renderer: &Renderer<'_>,
    files: &PreviewedFiles,
    most_bytes: usize,
) -> Result<PreviewItemResponse, RenderError> {
    let mut messages = Vec::new();
    let parts = renderer.render(conversation, files, &mut messages)?;
    let mut rest = Bytes::from(messages);
    let mut left = most_bytes;
    let parts = parts.into_iter().map(|part| {
        let size = usize::try_from(part.size).unwrap_or(usize::MAX);
        let message = rest.split_to(size.min(rest.len()));
        left = left.saturating_sub(size);
        PreviewedPart {
            size: part.size,
            sha256: part.sha256.to_vec().into(),
            message: if left > 0 { message } else { Bytes::new() },
        }
    });
    Ok(PreviewItemResponse {
        parts: parts.collect(),
        item: conversation.id.as_bytes().to_vec().into(),
    })
}

fn status(error: &RenderError) -> Status {
    match error {
        RenderError::Unrenderable(reason) => Status::failed_precondition(reason.to_string()),
        RenderError::Read { .. } | RenderError::Altered => Status::unavailable("read attachment"),
        RenderError::Record { .. } | RenderError::Write { .. } => {
            Status::internal("render conversation")
        }
    }
}

/// Attachments, as far as they are in staging; zeros for the others.
struct PreviewedFiles(StagedFiles);

impl Files for PreviewedFiles {
    fn open(&self, attachment: &Attachment) -> io::Result<Box<dyn io::Read + '_>> {
        if attachment.key.is_empty() {
            return Ok(Box::new(io::repeat(0).take(attachment.size)));
        }
        self.0.open(attachment)
    }
}
