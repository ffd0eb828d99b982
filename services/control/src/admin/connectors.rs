//! Connectors at work: listed, paused, resumed.

use chatkeep_proto::v1::{
    BackfillState, ConnectorState, ConnectorSummary, ListConnectorsRequest, ListConnectorsResponse,
    ResumeConnectorResponse, RunState, RunSummary,
};
use serde_json::json;

use super::{
    open::resume,
    stored::{file_of, refuse_if_deleted},
};
use crate::{
    approval::waiting_of,
    audit::Deed,
    database::{Connection, DatabaseError, query},
    error::{During as _, LedgerError},
    horizon,
    ledger::{
        Ledger,
        capture::connector_key,
        lock, parse,
        run::{self, RunRow},
    },
    schedule::{self, Schedule, backfill},
};

/// Why the runs of a paused connector do not go on.
const PAUSED: &str = "the connector is paused";

impl Ledger {
    /// Every connector, by name; those that were deleted only when they are asked for.
    pub(crate) async fn list_connectors(
        &self,
        request: ListConnectorsRequest,
    ) -> Result<ListConnectorsResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let rows =
            query("SELECT id FROM connectors WHERE deleted IS NULL OR $1 = 1 ORDER BY name, id");
        let rows = rows.bind(i64::from(request.deleted)).fetch(&mut conn).await;
        let rows = rows.during("list connectors")?;
        let mut response = ListConnectorsResponse::default();
        for row in rows {
            let key = row.int(0).during("list connectors")?;
            response.connectors.push(summary(&mut conn, key).await?);
        }
        Ok(response)
    }

    /// Opens no more runs of a connector, and publishes no more tasks of those that are open.
    pub(crate) async fn pause_connector(
        &self,
        deed: &Deed,
        connector: &str,
    ) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, connector).await?;
        lock(&mut tx, key).await?;
        refuse_if_deleted(&mut tx, key).await?;
        let before = schedule::find(&mut tx, key).await?;
        let after = Schedule {
            is_paused: true,
            ..before
        };
        schedule::store(&mut tx, key, after).await?;
        let running = run::select(&mut tx, "connector = $1 AND status = 1", &[key], "").await?;
        for run in running {
            run::set_status(&mut tx, run.id, RunState::Paused, PAUSED).await?;
        }
        self.note(&mut tx, deed, &json!({})).await?;
        tx.commit().await.during("pause connector")?;
        tracing::info!(chatkeep.connector.id = connector, "connector paused");
        Ok(())
    }

    /// Lets a connector and its unfinished runs go on.
    pub(crate) async fn resume_connector(
        &self,
        deed: &Deed,
        connector: &str,
    ) -> Result<ResumeConnectorResponse, LedgerError> {
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, connector).await?;
        lock(&mut tx, key).await?;
        refuse_if_deleted(&mut tx, key).await?;
        let before = schedule::find(&mut tx, key).await?;
        let after = Schedule {
            is_paused: false,
            ..before
        };
        schedule::store(&mut tx, key, after).await?;
        let stopped = "connector = $1 AND number > 0 AND status IN (2, 6)";
        let stopped = run::select(&mut tx, stopped, &[key], "").await?;
        let file = file_of(&mut tx, key).await?;
        for run in &stopped {
            resume(&mut tx, run, file_to_resume_with(run, &file)?).await?;
        }
        let runs: Vec<_> = stopped.iter().map(|run| run.number).collect();
        self.note(&mut tx, deed, &json!({ "runs": runs })).await?;
        tx.commit().await.during("resume connector")?;
        for run in &stopped {
            self.outstanding.rewind(run.id);
        }
        // What is due may be opened although no run was stopped.
        self.outstanding.ring();
        tracing::info!(chatkeep.connector.id = connector, "connector resumed");
        Ok(ResumeConnectorResponse {
            runs: u32::try_from(stopped.len()).unwrap_or(u32::MAX),
        })
    }
}

/// The connector file that a stopped run goes on with: the newest, unless the sources are others.
pub(crate) fn file_to_resume_with<'a>(
    run: &'a RunRow,
    newest: &'a str,
) -> Result<&'a str, LedgerError> {
    let has_its_sources = parse(&run.file)?.sources == parse(newest)?.sources;
    Ok(if has_its_sources { newest } else { &run.file })
}

/// What a connector's schedule is up to.
pub(super) async fn summary(
    conn: &mut Connection,
    key: i64,
) -> Result<ConnectorSummary, LedgerError> {
    let statement =
        query("SELECT name_id, name, version, changed, deleted FROM connectors WHERE id = $1");
    let row = statement.bind(key).fetch_one(conn).await;
    let row = row.during("find connector")?;
    let is_deleted = row.maybe_int(4).during("find connector")?.is_some();
    let names = || {
        Ok::<_, DatabaseError>(ConnectorSummary {
            connector: row.text(0)?,
            name: row.text(1)?,
            version: row.int(2)?,
            changed: row.maybe_int(3)?,
            ..ConnectorSummary::default()
        })
    };
    let names = names().during("find connector")?;
    let proposals = waiting_of(conn, &names.connector).await?;
    let schedule = schedule::find(conn, key).await?;
    let state = match schedule {
        _ if is_deleted => ConnectorState::Deleted,
        Schedule {
            is_paused: true, ..
        } => ConnectorState::Paused,
        Schedule { due: Some(_), .. } => ConnectorState::Scheduled,
        _ => ConnectorState::Manual,
    };
    let last = run::newest(conn, "connector = $1 AND number > 0", &[key]).await?;
    let mut backfills = backfill::summaries(conn, key).await?;
    backfills.retain(|backfill| backfill.state() == BackfillState::Open);
    Ok(ConnectorSummary {
        state: state.into(),
        due: schedule.due.map(|due| due.div_euclid(1000)),
        covered: schedule.covered,
        last_run: last.map(|run| RunSummary {
            run: run.id,
            number: run.number,
            state: run.status.into(),
            reason: run.reason,
            from: run.from,
            to: run.to,
        }),
        backfills,
        horizons: horizon::of_connector(conn, key).await?,
        proposals: u32::try_from(proposals).unwrap_or(u32::MAX),
        ..names
    })
}
