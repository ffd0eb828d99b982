use chatkeep_proto::v1::{
    BackfillState, BackfillSummary, CheckReportResponse, ConnectorState, ConnectorSummary,
    DataLossHorizon, GetConnectorResponse, RunSummary,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{name, runs, seconds};

#[derive(Deserialize)]
pub(in crate::server) struct ConnectorList {
    pub(in crate::server) connectors: Vec<Summary>,
}

/// A connector without its file.
#[derive(Deserialize)]
pub(in crate::server) struct Summary {
    id: String,
    name: String,
    state: String,
    due: Option<Timestamp>,
    covered: Option<Timestamp>,
    changed: Option<Timestamp>,
    last_run: Option<LastRun>,
    open_backfills: usize,
    proposals: u32,
    horizons: Vec<Horizon>,
}

#[derive(Deserialize)]
struct LastRun {
    number: i64,
    state: String,
    reason: String,
}

#[derive(Deserialize)]
struct Horizon {
    database: String,
    purged: Option<Timestamp>,
}

/// A connector with its file.
#[derive(Deserialize)]
pub(in crate::server) struct Document {
    #[serde(flatten)]
    summary: Summary,
    connector_file: String,
    schedule: bool,
}

#[derive(Deserialize)]
pub(in crate::server) struct Resumed {
    pub(in crate::server) runs: u32,
}

#[derive(Deserialize)]
pub(in crate::server) struct Ordered {
    pub(in crate::server) id: i64,
}

#[derive(Deserialize)]
pub(in crate::server) struct BackfillList {
    pub(in crate::server) backfills: Vec<Backfill>,
}

/// What was found of the mails about runs.
#[derive(Deserialize)]
pub(in crate::server) struct CheckedReport {
    recipients: u32,
    server: Option<String>,
    problem: Option<String>,
}

/// A backfill, and how far it is.
#[derive(Deserialize)]
pub(in crate::server) struct Backfill {
    id: i64,
    from: Timestamp,
    to: Timestamp,
    slice_days: u32,
    newest_first: bool,
    covered: Timestamp,
    state: String,
    runs: u32,
    items: u64,
    remaining: Option<i64>,
}

impl Document {
    /// `version` is what the answer's `ETag` says.
    pub(in crate::server) fn stored(self, version: i64) -> GetConnectorResponse {
        let summary = ConnectorSummary::from(self.summary);
        GetConnectorResponse {
            summary: Some(ConnectorSummary { version, ..summary }),
            connector_file: self.connector_file,
            schedule: self.schedule,
            // Whoever opens a run by the API leaves that to the server.
            max_part_bytes: 0,
        }
    }
}

impl From<Summary> for ConnectorSummary {
    fn from(document: Summary) -> Self {
        let word = ConnectorState::from_str_name(&name("CONNECTOR_STATE", &document.state));
        let last_run = document.last_run.map(|run| RunSummary {
            number: run.number,
            state: runs::state(&run.state).into(),
            reason: run.reason,
            ..RunSummary::default()
        });
        let horizons = document
            .horizons
            .into_iter()
            .map(|horizon| DataLossHorizon {
                database: horizon.database,
                purged: seconds(horizon.purged),
                ..DataLossHorizon::default()
            });
        Self {
            connector: document.id,
            name: document.name,
            state: word.unwrap_or_default().into(),
            due: seconds(document.due),
            covered: seconds(document.covered),
            last_run,
            // The API says how many.
            backfills: vec![BackfillSummary::default(); document.open_backfills],
            proposals: document.proposals,
            horizons: horizons.collect(),
            changed: document.changed.map(Timestamp::as_millisecond),
            ..Self::default()
        }
    }
}

impl From<CheckedReport> for CheckReportResponse {
    fn from(report: CheckedReport) -> Self {
        Self {
            recipients: report.recipients,
            server: report.server.unwrap_or_default(),
            problem: report.problem.unwrap_or_default(),
        }
    }
}

impl From<Backfill> for BackfillSummary {
    fn from(backfill: Backfill) -> Self {
        let state = BackfillState::from_str_name(&name("BACKFILL_STATE", &backfill.state));
        Self {
            backfill: backfill.id,
            from: backfill.from.as_second(),
            to: backfill.to.as_second(),
            slice_days: backfill.slice_days,
            covered: backfill.covered.as_second(),
            state: state.unwrap_or_default().into(),
            newest_first: backfill.newest_first,
            runs: backfill.runs,
            items: backfill.items,
            remaining: backfill.remaining,
        }
    }
}
