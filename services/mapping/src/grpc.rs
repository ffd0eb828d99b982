//! The gRPC service: what control, console and command line ask.

use std::path::Path;

use chatkeep_model::connector::{Connector, ConnectorError, Part};
use chatkeep_pipeline::{LedgerClient, Runs, StageError, Verdict, lend_secrets};
use chatkeep_proto::v1::{
    CheckCustomRequest, CheckCustomResponse, Identity, PreviewRequest, PreviewResponse,
    RefreshRequest, RefreshResponse, Resolution, ResolveRequest, ResolveResponse, WrongLine,
    mapping_server,
};
use chatkeep_staging::Staging;
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    check::Findings,
    custom,
    index::Level,
    resolve::{Placement, Resolver, Rule},
    snapshots::Snapshots,
    tables::{DirectoryError, Tables},
};

/// Names listed of users without a mailbox.
const LISTED: usize = 100;

/// Answers questions about mailboxes.
pub struct MappingService {
    ledger: LedgerClient,
    runs: Runs,
    snapshots: Snapshots,
    staging: Staging,
}

impl MappingService {
    pub(crate) fn new(ledger: LedgerClient, staging: Staging) -> Self {
        Self {
            runs: Runs::new(ledger.clone()),
            ledger,
            snapshots: Snapshots::new(staging.clone()),
            staging,
        }
    }

    /// Directory and custom mapping of a connector file, as they are right now; `custom` is a mapping's content
    /// in place of the file's.
    async fn tables(
        &self,
        (file, custom): (&str, Option<String>),
        asked: &MetadataMap,
    ) -> Result<Tables, Status> {
        let connector = Connector::parse(file, Path::new("/"));
        let mut connector = connector.map_err(|e| connector_status(&e))?;
        let with_file = (&mut connector, file);
        lend_secrets(&self.ledger, with_file, Part::Directory, asked).await?;
        let tables = Tables::read(&connector, custom).await;
        tables.map_err(|e| directory_status(&e))
    }
}

#[tonic::async_trait]
impl mapping_server::Mapping for MappingService {
    async fn resolve(
        &self,
        request: Request<ResolveRequest>,
    ) -> Result<Response<ResolveResponse>, Status> {
        let request = request.into_inner();
        let context = self
            .runs
            .get(request.run)
            .await
            .map_err(|e| stage_status(&e))?;
        let resolver = self.snapshots.resolver(&context).await;
        let resolver = resolver.map_err(|e| stage_status(&e))?;
        Ok(Response::new(ResolveResponse {
            resolutions: resolutions(&resolver, request.identities),
        }))
    }

    async fn preview(
        &self,
        request: Request<PreviewRequest>,
    ) -> Result<Response<PreviewResponse>, Status> {
        let (asked, _, request) = request.into_parts();
        let with_custom = (&*request.connector_file, request.custom_mapping);
        let tables = self.tables(with_custom, &asked).await?;
        let resolutions = resolutions(&tables.resolver, request.identities);
        let findings = Findings::of(&tables);
        let conflicts = findings.conflicts.into_iter();
        let without_mailbox = findings.without_mailbox.into_iter().take(LISTED);
        Ok(Response::new(PreviewResponse {
            resolutions,
            users: findings.users,
            conflicts: conflicts.map(|conflict| conflict.address).collect(),
            guests: findings.guests,
            custom: findings.custom,
            without_mailbox: without_mailbox.collect(),
            sample_mailbox: findings.sample_mailbox.unwrap_or_default(),
        }))
    }

    async fn check_custom(
        &self,
        request: Request<CheckCustomRequest>,
    ) -> Result<Response<CheckCustomResponse>, Status> {
        let csv = request.into_inner().custom_mapping;
        let lines = tokio::task::spawn_blocking(|| custom::wrong_lines(csv)).await;
        let lines = lines.map_err(|_| Status::internal("read custom mapping"))?;
        let wrong = lines.into_iter().map(|it| WrongLine {
            line: it.line,
            problem: it.problem,
        });
        Ok(Response::new(CheckCustomResponse {
            wrong: wrong.collect(),
        }))
    }

    async fn refresh(
        &self,
        request: Request<RefreshRequest>,
    ) -> Result<Response<RefreshResponse>, Status> {
        let (asked, _, request) = request.into_parts();
        let tables = self.tables((&request.connector_file, None), &asked).await?;
        let users = tables.resolver.directory.len() as u64;
        let stored = tables.store(&self.staging).await;
        let stored = stored.map_err(|e| stage_status(&e))?;
        Ok(Response::new(RefreshResponse {
            directory: stored.directory,
            custom_mapping: stored.custom_mapping,
            users,
            conflicts: stored.conflicts,
        }))
    }
}

fn resolutions(resolver: &Resolver, identities: Vec<Identity>) -> Vec<Resolution> {
    let resolve = |Identity { address, email }| {
        let (placement, mailbox, rule) = match resolver.resolve(&address, &email) {
            Placement::Mapped(mailbox, rule) => ("mapped", mailbox, rule_name(rule)),
            Placement::Held => ("held", "", "domain"),
            Placement::External => ("external", "", "domain"),
            Placement::Conflict(level) => ("conflict", "", level_name(level)),
        };
        Resolution {
            placement: placement.to_owned(),
            mailbox: mailbox.to_owned(),
            rule: rule.to_owned(),
            address,
        }
    };
    identities.into_iter().map(resolve).collect()
}

fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Custom => "custom",
        Rule::Directory(level) => level_name(level),
        Rule::CatchAll => "catch-all",
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Sip => "sip",
        Level::Primary => "primary",
        Level::PrincipalName => "upn",
        Level::Alias => "alias",
    }
}

fn stage_status(error: &StageError) -> Status {
    match error.verdict {
        Verdict::Wait | Verdict::Retry => Status::unavailable(error.action),
        Verdict::Reject | Verdict::Superseded => Status::failed_precondition(error.action),
    }
}

/// What is wrong with the file, but never what the TOML reader quotes of it: a password that was
/// written in plain text would be in it.
fn connector_status(error: &ConnectorError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// Which file and where in it, or what to grant in the tenant; nothing of what they say.
fn directory_status(error: &DirectoryError) -> Status {
    match error {
        DirectoryError::Graph(graph) if graph.is_outage() => Status::unavailable("read directory"),
        DirectoryError::Ldap(ldap) if ldap.is_outage() => Status::unavailable(error.to_string()),
        _ => Status::failed_precondition(error.to_string()),
    }
}
