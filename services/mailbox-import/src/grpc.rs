//! The gRPC service: what console and command line ask about targets and mailboxes.

use std::{error::Error, path::Path};

use chatkeep_model::connector::{Connector, Part};
use chatkeep_pipeline::{LedgerClient, lend_secrets};
use chatkeep_proto::v1::{
    ExpectedMessage, MailboxFlaw, MailboxFlawKind, TargetFinding, TestTargetRequest,
    TestTargetResponse, VerifyRequest, VerifyResponse, mailbox_import_server,
};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    Settings,
    check::{check, max_part_bytes},
    target::TargetError,
    verify::{Expected, Flaw, verify},
};

/// Looks at targets and mailboxes; changes nothing.
#[derive(Clone, Debug)]
pub struct MailboxImportService {
    settings: Settings,
    ledger: LedgerClient,
}

impl MailboxImportService {
    pub(crate) fn new(settings: Settings, ledger: LedgerClient) -> Self {
        Self { settings, ledger }
    }

    /// A connector whose target can be signed in to.
    async fn connector(&self, file: &str, asked: &MetadataMap) -> Result<Connector, Status> {
        let mut connector = parse(file)?;
        let with_file = (&mut connector, file);
        lend_secrets(&self.ledger, with_file, Part::Target, asked).await?;
        Ok(connector)
    }
}

#[tonic::async_trait]
impl mailbox_import_server::MailboxImport for MailboxImportService {
    async fn test_target(
        &self,
        request: Request<TestTargetRequest>,
    ) -> Result<Response<TestTargetResponse>, Status> {
        let (asked, _, request) = request.into_parts();
        let connector = self.connector(&request.connector_file, &asked).await?;
        let sample = Some(request.sample_mailbox).filter(|sample| !sample.is_empty());
        let findings = check(&connector, &self.settings, sample.as_deref()).await;
        let findings = findings.map_err(|e| status(&e))?;
        let is_usable = findings.iter().all(|finding| !finding.is_problem);
        let mut limit = 0;
        if is_usable {
            let asked = max_part_bytes(&connector, &self.settings, sample.as_deref()).await;
            limit = asked.map_err(|e| status(&e))?;
        }
        let findings = findings.into_iter().map(|finding| TargetFinding {
            is_problem: finding.is_problem,
            text: finding.text,
        });
        Ok(Response::new(TestTargetResponse {
            findings: findings.collect(),
            max_part_bytes: limit,
        }))
    }

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        let (asked, _, request) = request.into_parts();
        let connector = self.connector(&request.connector_file, &asked).await?;
        let expected = expected(&request.mailbox, request.expected)?;
        let mut flaws = Vec::new();
        let on = |flaw| flaws.push(message(flaw));
        let compared = verify(&connector, &self.settings, expected, on).await;
        Ok(Response::new(VerifyResponse {
            compared: compared.map_err(|e| status(&e))?,
            flaws,
        }))
    }
}

/// What is wrong with the file, but never what the TOML reader quotes of it: a password that was
/// written in plain text would be in it.
fn parse(connector_file: &str) -> Result<Connector, Status> {
    let connector = Connector::parse(connector_file, Path::new("/"));
    connector.map_err(|error| Status::invalid_argument(error.to_string()))
}

fn expected(mailbox: &str, messages: Vec<ExpectedMessage>) -> Result<Vec<Expected>, Status> {
    let expect = |message: ExpectedMessage| {
        let sha256 = message.sha256.as_ref().try_into();
        let sha256 = sha256.map_err(|_| Status::invalid_argument("sha256 is malformed"))?;
        Ok(Expected {
            mailbox: mailbox.to_owned(),
            message_id: message.message_id,
            sha256,
        })
    };
    messages.into_iter().map(expect).collect()
}

fn message(flaw: Flaw) -> MailboxFlaw {
    let (kind, message_id, count) = match flaw {
        Flaw::Missing(message) => (MailboxFlawKind::Missing, message.message_id, 0),
        Flaw::Altered(message) => (MailboxFlawKind::Altered, message.message_id, 0),
        Flaw::Copies(message, count) => (MailboxFlawKind::Copies, message.message_id, count),
        Flaw::Closed { messages, .. } => (MailboxFlawKind::Closed, String::new(), messages),
    };
    MailboxFlaw {
        kind: kind.into(),
        message_id,
        count: count as u64,
    }
}

fn status(error: &TargetError) -> Status {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    match error {
        TargetError::Unreachable { .. } | TargetError::Busy { .. } | TargetError::Lost { .. } => {
            Status::unavailable(text)
        }
        _ => Status::failed_precondition(text),
    }
}
