//! Looks at what a connector file names, before it is stored. Nothing is changed.

use axum::{Json, extract::State};
use chatkeep_proto::v1::{
    CheckReportRequest, PreviewRequest, SourceFinding, TestSourceRequest, TestTargetRequest,
    source_finding,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem,
    connectors::{EXAMPLE, parse},
    words::time,
};
use crate::Services;

/// A connector file to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// The connector file, TOML, paths absolute; secrets only by reference.
    #[schema(min_length = 1, example = json!(EXAMPLE))]
    connector_file: String,
}

/// A connector file whose target is looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetCheck {
    /// The connector file, TOML, paths absolute; secrets only by reference.
    #[schema(min_length = 1, example = json!(EXAMPLE))]
    connector_file: String,
    /// A mailbox to sign in to; without one the connection alone is tried.
    #[serde(default)]
    mailbox: Option<String>,
}

/// What was found in the sources.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceChecks {
    sources: Vec<SourceCheck>,
}

/// What was found in one source.
#[derive(Serialize, ToSchema)]
struct SourceCheck {
    /// Position in the connector file, from 1.
    source: u32,
    /// Its type, as the file writes it.
    r#type: String,
    /// Why it cannot be read; null when it can.
    problem: Option<String>,
    /// Of folders.
    files: Option<FileSample>,
    /// Of databases.
    database: Option<DatabaseSample>,
}

/// How many files a folder has, and what the first of them are.
#[derive(Serialize, ToSchema)]
struct FileSample {
    /// Files that hold records, as many as could be counted in five seconds for all sources together.
    files: u64,
    /// There are more.
    has_more: bool,
    /// Files that are none of the source's.
    foreign: u64,
    /// Files that were read as a trial.
    read: u64,
    /// Of those, files that would be quarantined.
    damaged: Vec<DamagedFile>,
    /// Of those, files that the system does not let the service read.
    unreadable: Vec<String>,
}

/// A file that would be quarantined.
#[derive(Serialize, ToSchema)]
struct DamagedFile {
    path: String,
    reason: String,
}

/// What a database says about itself.
#[derive(Serialize, ToSchema)]
struct DatabaseSample {
    identity: String,
    /// Columns it could have and has not.
    absent: Vec<String>,
    /// Its first message and its last one.
    first: Option<String>,
    last: Option<String>,
}

/// What was found in the directory.
#[derive(Serialize, ToSchema)]
pub(crate) struct DirectoryCheck {
    users: u64,
    /// Users whose mailboxes are elsewhere.
    guests: u64,
    /// Addresses in the custom mapping.
    custom: Option<u64>,
    /// Addresses that two users have and the custom mapping does not decide.
    conflicts: Vec<String>,
    /// Users without a mailbox, the first hundred.
    without_mailbox: Vec<String>,
    /// A mailbox to try the target with.
    sample_mailbox: Option<String>,
}

/// What was found in the target.
#[derive(Serialize, ToSchema)]
pub(crate) struct TargetChecks {
    findings: Vec<TargetFinding>,
    /// The largest part an item may have, bytes; 0 when a finding is a problem.
    max_part_bytes: u64,
}

/// Something about the target.
#[derive(Serialize, ToSchema)]
struct TargetFinding {
    /// It would keep items from being imported.
    is_problem: bool,
    text: String,
}

/// What was found of the mails about runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportCheck {
    /// How many get one; 0 where the file asks for none.
    recipients: u32,
    /// Host and port of the server that takes them; null where nobody asks for it, or it does not.
    server: Option<String>,
    /// Why they could not be sent; null when they could.
    problem: Option<String>,
}

/// Looks at every source of a connector file.
#[utoipa::path(post, path = "/checks/sources", tag = "checks", operation_id = "check_sources", request_body = Check,
    responses((status = 200, description = "What was found", body = SourceChecks)))]
pub(super) async fn sources(
    State(mut services): State<Services>,
    Json(check): Json<Check>,
) -> Result<Json<SourceChecks>, Problem> {
    parse(&check.connector_file)?;
    let request = TestSourceRequest {
        connector_file: check.connector_file,
        source: 0,
    };
    let found = services.ingestion.test_source(request).await?.into_inner();
    let sources = found.findings.into_iter().map(SourceCheck::from).collect();
    Ok(Json(SourceChecks { sources }))
}

/// Reads the directory and the custom mapping of a connector file.
#[utoipa::path(post, path = "/checks/directory", tag = "checks", operation_id = "check_directory",
    request_body = Check, responses((status = 200, description = "What was found", body = DirectoryCheck)))]
pub(super) async fn directory(
    State(mut services): State<Services>,
    Json(check): Json<Check>,
) -> Result<Json<DirectoryCheck>, Problem> {
    parse(&check.connector_file)?;
    let request = PreviewRequest {
        connector_file: check.connector_file,
        identities: Vec::new(),
        custom_mapping: None,
    };
    let found = services.mapping.preview(request).await?.into_inner();
    Ok(Json(DirectoryCheck {
        users: found.users,
        guests: found.guests,
        custom: found.custom,
        conflicts: found.conflicts,
        without_mailbox: found.without_mailbox,
        sample_mailbox: Some(found.sample_mailbox).filter(|mailbox| !mailbox.is_empty()),
    }))
}

/// Connects to the target of a connector file.
#[utoipa::path(post, path = "/checks/target", tag = "checks", operation_id = "check_target",
    request_body = TargetCheck, responses((status = 200, description = "What was found", body = TargetChecks)))]
pub(super) async fn target(
    State(mut services): State<Services>,
    Json(check): Json<TargetCheck>,
) -> Result<Json<TargetChecks>, Problem> {
    parse(&check.connector_file)?;
    let request = TestTargetRequest {
        connector_file: check.connector_file,
        sample_mailbox: check.mailbox.unwrap_or_default(),
    };
    let found = services
        .mailbox_import
        .test_target(request)
        .await?
        .into_inner();
    let findings = found.findings.into_iter().map(|finding| TargetFinding {
        is_problem: finding.is_problem,
        text: finding.text,
    });
    Ok(Json(TargetChecks {
        findings: findings.collect(),
        max_part_bytes: found.max_part_bytes,
    }))
}

/// Connects to the server that takes mails about runs, if a connector file asks for any. Sends nothing.
#[utoipa::path(post, path = "/checks/report", tag = "checks", operation_id = "check_report",
    request_body = Check, responses((status = 200, description = "What was found", body = ReportCheck)))]
pub(super) async fn report(
    State(mut services): State<Services>,
    Json(check): Json<Check>,
) -> Result<Json<ReportCheck>, Problem> {
    parse(&check.connector_file)?;
    let request = CheckReportRequest {
        connector_file: check.connector_file,
    };
    let found = services.control.check_report(request).await?.into_inner();
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Json(ReportCheck {
        recipients: found.recipients,
        server: said(found.server),
        problem: said(found.problem),
    }))
}

impl From<SourceFinding> for SourceCheck {
    fn from(finding: SourceFinding) -> Self {
        let mut check = Self {
            source: finding.source,
            r#type: finding.r#type,
            problem: None,
            files: None,
            database: None,
        };
        match finding.result {
            Some(source_finding::Result::Sample(sample)) => {
                let damaged = sample.damaged.into_iter().map(|file| DamagedFile {
                    path: file.path,
                    reason: file.reason,
                });
                check.files = Some(FileSample {
                    files: sample.files,
                    has_more: sample.has_more,
                    foreign: sample.foreign,
                    read: sample.read,
                    damaged: damaged.collect(),
                    unreadable: sample.unreadable,
                });
            }
            Some(source_finding::Result::Database(sample)) => {
                check.database = Some(DatabaseSample {
                    identity: sample.identity,
                    absent: sample.absent,
                    first: sample.first.map(time),
                    last: sample.last.map(time),
                });
            }
            Some(source_finding::Result::Problem(problem)) => check.problem = Some(problem),
            None => {}
        }
        check
    }
}
