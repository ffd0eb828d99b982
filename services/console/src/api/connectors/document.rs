use std::path::Path;

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{ConnectorSummary, GetConnectorResponse, RunSummary};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::{
    Problem,
    words::{precise_time, time, word},
};

/// The shortest connector file that says everything it must.
pub(crate) const EXAMPLE: &str = "name = \"Contoso\"
domain = \"contoso.com\"

[[sources]]
type = \"archiving-export\"
path = \"/srv/chatkeep/exports\"

[directory]
type = \"csv\"
path = \"/srv/chatkeep/directory.csv\"

[target]
type = \"maildir\"
path = \"/srv/chatkeep/mailboxes\"
";

/// Every connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorList {
    pub(super) connectors: Vec<ConnectorState>,
}

/// A connector, and what its schedule is up to.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorState {
    id: String,
    name: String,
    /// scheduled, manual, paused or deleted
    state: String,
    /// When the next scheduled run is due.
    due: Option<String>,
    /// Up to when scheduled runs covered everything, exclusive.
    covered: Option<String>,
    /// When its file was changed last.
    changed: Option<String>,
    last_run: Option<LastRun>,
    /// Backfills that have not ended.
    open_backfills: usize,
    /// Changes of it that wait for approval.
    proposals: u32,
    /// Its databases whose servers are known to purge.
    horizons: Vec<Horizon>,
}

/// The newest run of a connector.
#[derive(Serialize, ToSchema)]
struct LastRun {
    number: i64,
    /// As of a run.
    state: String,
    reason: String,
}

/// Until when what a database holds, and was not read yet, is safe.
#[derive(Serialize, ToSchema)]
struct Horizon {
    /// Server and database.
    database: String,
    /// When the oldest unread row is purged at the earliest; null while nothing was read.
    purged: Option<String>,
}

/// A connector with its file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorDocument {
    #[serde(flatten)]
    state: ConnectorState,
    /// The connector file, TOML. Secrets are references.
    connector_file: String,
    /// Whether runs are opened as the file's schedule says.
    schedule: bool,
}

/// What is stored of a connector.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConnector {
    /// The connector file, TOML, paths absolute; secrets only by reference.
    #[schema(min_length = 1, example = json!(EXAMPLE))]
    pub(super) connector_file: String,
    /// Whether runs are opened as the file's schedule says.
    #[serde(default)]
    pub(super) schedule: bool,
    /// What is said about it where it has to be approved, at most 2000 characters.
    #[serde(default)]
    pub(super) reason: String,
}

/// A copy of a connector.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloneOrder {
    /// The copy's name.
    #[schema(min_length = 1)]
    pub(super) name: String,
    /// What is said about it where it has to be approved, at most 2000 characters.
    #[serde(default)]
    pub(super) reason: String,
}

/// What is said about a deletion.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Deletion {
    /// What is said about it where it has to be approved, at most 2000 characters.
    #[serde(default)]
    pub(super) reason: String,
}

/// A connector that goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Resumed {
    /// Unfinished runs that go on.
    pub(super) runs: u32,
}

/// Reads a connector file that came with a request. Relative paths would be relative to nothing.
pub(crate) fn parse(text: &str) -> Result<Connector, Problem> {
    const NOWHERE: &str = "/relative path";
    let invalid = |error: String| Problem::unprocessable(format!("connector_file: {error}"));
    let connector = Connector::parse(text, Path::new(NOWHERE));
    let connector = connector.map_err(|error| invalid(error.to_string()))?;
    let written = connector
        .to_toml()
        .map_err(|error| invalid(error.to_string()))?;
    if written.contains(NOWHERE) {
        return Err(invalid("paths must be absolute".to_owned()));
    }
    Ok(connector)
}

impl From<ConnectorSummary> for ConnectorState {
    fn from(summary: ConnectorSummary) -> Self {
        let state = word(summary.state().as_str_name(), "CONNECTOR_STATE");
        let horizons = summary.horizons.into_iter().map(|horizon| Horizon {
            database: horizon.database,
            purged: horizon.purged.map(time),
        });
        Self {
            id: summary.connector,
            name: summary.name,
            state,
            due: summary.due.map(time),
            covered: summary.covered.map(time),
            changed: summary.changed.map(precise_time),
            last_run: summary.last_run.map(LastRun::from),
            open_backfills: summary.backfills.len(),
            proposals: summary.proposals,
            horizons: horizons.collect(),
        }
    }
}

impl From<RunSummary> for LastRun {
    fn from(run: RunSummary) -> Self {
        Self {
            number: run.number,
            state: word(run.state().as_str_name(), "RUN_STATE"),
            reason: run.reason,
        }
    }
}

impl From<GetConnectorResponse> for ConnectorDocument {
    fn from(stored: GetConnectorResponse) -> Self {
        Self {
            state: stored.summary.unwrap_or_default().into(),
            connector_file: stored.connector_file,
            schedule: stored.schedule,
        }
    }
}
