//! What a look at source, directory and target found: by this process, or by a server, whose API says it in
//! this form.

use anyhow::Context as _;
use chatkeep_control::{ReportCheck, check_report};
use chatkeep_ingestion::{DatabaseSample, Finding, Found, Sample};
use chatkeep_mapping::Findings;
use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::CheckReportRequest;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    commands::{answer, ask},
    server::Server,
    settings::Settings,
    system::Site,
};

/// All of it. A problem is a line for the administrator.
pub(super) struct Facts {
    pub(super) sources: Vec<SourceFact>,
    pub(super) directory: Result<DirectoryFacts, String>,
    pub(super) target: Result<Vec<TargetFact>, String>,
}

/// A source: why it cannot be read, or what its folder or its database holds.
#[derive(Deserialize)]
pub(super) struct SourceFact {
    /// Position in the connector file, from 1.
    pub(super) source: usize,
    pub(super) r#type: String,
    pub(super) problem: Option<String>,
    pub(super) files: Option<FileFacts>,
    pub(super) database: Option<DatabaseFacts>,
}

/// How many files a folder has, and what the first of them are.
#[derive(Deserialize)]
pub(super) struct FileFacts {
    pub(super) files: u64,
    pub(super) has_more: bool,
    pub(super) foreign: u64,
    pub(super) read: u64,
    pub(super) damaged: Vec<DamagedFile>,
    pub(super) unreadable: Vec<String>,
    /// A server does not tell.
    #[serde(skip)]
    oldest: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct DamagedFile {
    pub(super) path: String,
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct DatabaseFacts {
    pub(super) identity: String,
    pub(super) absent: Vec<String>,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct DirectoryFacts {
    pub(super) users: u64,
    pub(super) guests: u64,
    /// A server does not tell.
    #[serde(skip)]
    pub(super) disabled: u64,
    pub(super) custom: Option<u64>,
    /// Addresses that two users have; of a server without whose they are.
    pub(super) conflicts: Vec<String>,
    pub(super) without_mailbox: Vec<String>,
    sample_mailbox: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TargetFact {
    pub(super) is_problem: bool,
    pub(super) text: String,
}

#[derive(Deserialize)]
struct Sources {
    sources: Vec<SourceFact>,
}

#[derive(Deserialize)]
struct TargetFindings {
    findings: Vec<TargetFact>,
}

impl SourceFact {
    /// The oldest conversation that was come across, Unix seconds.
    pub(super) fn oldest(&self) -> Option<i64> {
        let first = self.database.as_ref().and_then(|database| database.first);
        let first = first.map(Timestamp::as_second);
        first.or(self.files.as_ref().and_then(|files| files.oldest))
    }
}

impl Facts {
    /// As this process sees it.
    pub(super) async fn here(connector: &Connector) -> anyhow::Result<Self> {
        let found = sources(connector).await?;
        let directory = chatkeep_mapping::check(connector).await;
        let directory = directory.map(DirectoryFacts::from).map_err(line);
        let sample = directory.as_ref().ok();
        let sample = sample.and_then(|facts| facts.sample_mailbox.as_deref());
        let settings = Settings::load()?.mailbox_import;
        let target = chatkeep_mailbox_import::check(connector, &settings, sample).await;
        let target = target.map_err(line).map(|findings| {
            let findings = findings.into_iter().map(|finding| TargetFact {
                is_problem: finding.is_problem,
                text: finding.text,
            });
            findings.collect()
        });
        Ok(Self {
            sources: found.into_iter().map(SourceFact::from).collect(),
            directory,
            target,
        })
    }

    /// As the services behind a server see it.
    pub(super) async fn behind(server: &Server, connector: &Connector) -> anyhow::Result<Self> {
        let check = json!({ "connector_file": connector.to_toml()? });
        let found = server.ask(&["checks", "sources"], &check).await;
        let Sources { sources } = found.context("look into the sources")?;
        let directory = server.ask(&["checks", "directory"], &check).await;
        let directory: Result<DirectoryFacts, _> = directory.map_err(told);
        let sample = directory.as_ref().ok();
        let sample = sample.and_then(|facts| facts.sample_mailbox.clone());
        let mut check = check;
        check["mailbox"] = json!(sample);
        let target = server.ask(&["checks", "target"], &check).await;
        Ok(Self {
            sources,
            directory,
            target: target
                .map(|TargetFindings { findings }| findings)
                .map_err(told),
        })
    }
}

/// Whether mails about runs could be sent: by whichever control sends them.
pub(super) async fn report(site: &Site, connector: &Connector) -> anyhow::Result<ReportCheck> {
    if let Site::Here(_) = site {
        let smtp = Settings::load()?.control.smtp;
        return Ok(check_report(connector, smtp.as_ref()).await);
    }
    let request = CheckReportRequest {
        connector_file: connector.to_toml()?,
    };
    let found = ask(site, async |system| {
        let found = system.control.clone().check_report(request).await;
        Ok(found.map_err(answer)?.into_inner())
    });
    Ok(match found.await {
        Err(error) => ReportCheck::Problem(told(error)),
        Ok(found) if !found.problem.is_empty() => ReportCheck::Problem(found.problem),
        Ok(found) if found.server.is_empty() => ReportCheck::NotAsked,
        Ok(found) => ReportCheck::Ready {
            recipients: found.recipients as usize,
            server: found.server,
        },
    })
}

/// Looks into every source.
pub(super) async fn sources(connector: &Connector) -> anyhow::Result<Vec<Finding>> {
    let connector = connector.clone();
    let findings = tokio::task::spawn_blocking(move || chatkeep_ingestion::check(&connector));
    findings.await.context("look into the sources")
}

fn line(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: anyhow::Error) -> String {
    format!("{error:#}")
}

impl From<Finding> for SourceFact {
    fn from(finding: Finding) -> Self {
        let mut fact = Self {
            source: finding.source,
            r#type: finding.kind.to_owned(),
            problem: None,
            files: None,
            database: None,
        };
        match finding.result {
            Ok(Found::Files(sample)) => fact.files = Some(sample.into()),
            Ok(Found::Database(sample)) => fact.database = Some(sample.into()),
            Err(error) => fact.problem = Some(line(error)),
        }
        fact
    }
}

impl From<Sample> for FileFacts {
    fn from(sample: Sample) -> Self {
        let damaged = sample.damaged.into_iter();
        let damaged = damaged.map(|(path, reason)| DamagedFile {
            path,
            reason: reason.to_owned(),
        });
        Self {
            files: sample.files,
            has_more: sample.has_more,
            foreign: sample.foreign,
            read: sample.read as u64,
            damaged: damaged.collect(),
            unreadable: sample.unreadable,
            oldest: sample.oldest,
        }
    }
}

impl From<DatabaseSample> for DatabaseFacts {
    fn from(sample: DatabaseSample) -> Self {
        let time = |seconds| Timestamp::from_second(seconds).ok();
        Self {
            identity: sample.identity,
            absent: sample.absent,
            first: sample.first.and_then(time),
            last: sample.last.and_then(time),
        }
    }
}

impl From<Findings> for DirectoryFacts {
    fn from(findings: Findings) -> Self {
        let conflicts = findings.conflicts.into_iter();
        let conflicts = conflicts.map(|conflict| {
            let users = conflict.users.join(" and ");
            format!("{} is {users}", conflict.address)
        });
        Self {
            users: findings.users,
            guests: findings.guests,
            disabled: findings.disabled,
            custom: findings.custom,
            conflicts: conflicts.collect(),
            without_mailbox: findings.without_mailbox,
            sample_mailbox: findings.sample_mailbox,
        }
    }
}
