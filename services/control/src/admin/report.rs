//! Progress and balance of runs.

use std::{collections::HashMap, slice};

use chatkeep_proto::v1::{
    ListRunsRequest, ListRunsResponse, LogSummary, ProgressResponse, ReportRequest, ReportResponse,
    RunState, TaskKind,
};

use super::{connector_name, known::Known, numbered};
use crate::{
    balance::{self, Balance},
    coverage,
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger,
        capture::connector_key,
        now,
        run::{self, RunRow},
    },
};

impl Ledger {
    /// Counters of a run in progress.
    pub(crate) async fn progress(&self, id: i64) -> Result<ProgressResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let run = run::find(&mut conn, id).await?;
        let statement = query(
            "SELECT kind, COUNT(*) FROM tasks WHERE state = 0 AND run = $1 \
             AND kind IN (1, 2, 3, 4, 5, 6, 7, 8) GROUP BY kind",
        );
        let rows = statement
            .bind(id)
            .fetch(&mut conn)
            .await
            .during("count open tasks")?;
        let mut open = [0_u64; 9];
        for row in rows {
            let kind = usize::try_from(row.int(0).during("count open tasks")?).unwrap_or(0);
            if let Some(open) = open.get_mut(kind) {
                *open = row.count(1).during("count open tasks")?;
            }
        }
        let of = |kinds: &[TaskKind]| kinds.iter().map(|&kind| open[kind as usize]).sum();
        Ok(ProgressResponse {
            state: run.status.into(),
            reason: run.reason,
            files: run.counters.files,
            records: run.counters.records,
            items: run.counters.items,
            deliveries_planned: run.counters.planned,
            deliveries_done: run.counters.done,
            ingestion_tasks: of(&[TaskKind::List, TaskKind::Capture, TaskKind::Assemble]),
            conversion_tasks: of(&[TaskKind::Convert]),
            mapping_tasks: of(&[TaskKind::Refresh, TaskKind::Plan, TaskKind::Resolve]),
            import_tasks: of(&[TaskKind::Import]),
            deliveries_waiting: throttled(&mut conn, run.connector).await?,
        })
    }

    /// A run's balance, computed from the rows, or a sealed run's from its seal.
    pub(crate) async fn report(
        &self,
        request: ReportRequest,
    ) -> Result<ReportResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let run = numbered(&mut conn, &request.connector, request.number).await?;
        if !request.brief {
            return report(&mut conn, &run).await;
        }
        let found = briefs(&mut conn, slice::from_ref(&run)).await?;
        let found = found.into_iter().find(|found| found.records.is_some());
        let Some(found) = found else {
            return report(&mut conn, &run).await;
        };
        let coverage = coverage::find(&mut conn, run.id).await?;
        Ok(ReportResponse { coverage, ..found })
    }

    /// Runs, newest first.
    pub(crate) async fn list_runs(
        &self,
        request: ListRunsRequest,
    ) -> Result<ListRunsResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let limit = i64::from(request.limit.clamp(1, 1000));
        let before = match request.before {
            0 => i64::MAX,
            before => before,
        };
        let runs = if request.connector.is_empty() {
            let condition = "number > 0 AND id < $1";
            let tail = "ORDER BY id DESC LIMIT $2";
            run::select(&mut conn, condition, &[before, limit], tail).await?
        } else {
            let connector = connector_key(&mut conn, &request.connector).await?;
            let condition = "connector = $1 AND number > 0 AND number < $2";
            let tail = "ORDER BY number DESC LIMIT $3";
            run::select(&mut conn, condition, &[connector, before, limit], tail).await?
        };
        let connector_names = names(&mut conn, &runs).await?;
        let mut response = ListRunsResponse {
            connector_names,
            ..ListRunsResponse::default()
        };
        if request.brief {
            response.runs = briefs(&mut conn, &runs).await?;
            return Ok(response);
        }
        for run in runs {
            response.runs.push(report(&mut conn, &run).await?);
        }
        Ok(response)
    }

    /// First entry of a run's log.
    pub(crate) async fn log_summary(&self, run: &RunRow) -> Result<LogSummary, LedgerError> {
        let mut conn = self.database.read().await?;
        let balance = balance::compute(&mut conn, run).await?;
        let deliveries = balance.deliveries();
        Ok(LogSummary {
            import_completion_time: run.closed.unwrap_or(0).div_euclid(1000),
            items_available_from_source: u64::try_from(balance.items).unwrap_or(0),
            items_available_for_import: deliveries.planned,
            items_imported: deliveries.imported,
            items_partially_imported: deliveries.partially_imported,
            items_skipped: deliveries.skipped,
            items_failed: deliveries.failed,
            items_held: deliveries.held,
        })
    }

    /// The run with this number, for streams about it.
    pub(crate) async fn run_numbered(
        &self,
        connector: &str,
        number: i64,
    ) -> Result<RunRow, LedgerError> {
        let mut conn = self.database.read().await?;
        numbered(&mut conn, connector, number).await
    }
}

/// The name of each run's connector.
async fn names(conn: &mut Connection, runs: &[RunRow]) -> Result<Vec<String>, LedgerError> {
    let mut known: HashMap<i64, String> = HashMap::new();
    let mut names = Vec::new();
    for run in runs {
        let name = match known.get(&run.connector) {
            Some(name) => name.clone(),
            None => connector_name(conn, run.connector).await?,
        };
        known.insert(run.connector, name.clone());
        names.push(name);
    }
    Ok(names)
}

/// Deliveries that wait for a time.
async fn throttled(conn: &mut Connection, connector: i64) -> Result<u64, LedgerError> {
    let statement = query(
        "SELECT CAST(COALESCE(SUM(waiting), 0) AS BIGINT) FROM lanes \
         WHERE connector = $1 AND due > $2",
    );
    let row = statement.bind(connector).bind(now()).fetch_one(conn).await;
    row.and_then(|row| row.count(0))
        .during("count waiting deliveries")
}

/// A run with its balance, added up from the rows.
pub(crate) async fn report(
    conn: &mut Connection,
    run: &RunRow,
) -> Result<ReportResponse, LedgerError> {
    let balance = balance::compute(conn, run).await?;
    let coverage = coverage::find(conn, run.id).await?;
    let (report, _) = Known::of(conn, slice::from_ref(run)).await?.outline(run);
    Ok(ReportResponse {
        coverage,
        ..with_balance(report, &balance, run)
    })
}

/// What is known of runs without adding anything up.
async fn briefs(
    conn: &mut Connection,
    runs: &[RunRow],
) -> Result<Vec<ReportResponse>, LedgerError> {
    let mut known = Known::of(conn, runs).await?;
    let brief = |run: &RunRow| {
        let (report, sealed) = known.outline(run);
        let is_closed = run.closed.is_some() && run.status != RunState::Running;
        match sealed.filter(|_| is_closed) {
            Some(balance) => with_balance(report, &balance, run),
            None => report,
        }
    };
    Ok(runs.iter().map(brief).collect())
}

fn with_balance(report: ReportResponse, balance: &Balance, run: &RunRow) -> ReportResponse {
    ReportResponse {
        records: Some(balance.records(run.counters.outside)),
        items: u64::try_from(balance.items).unwrap_or(0),
        deliveries: Some(balance.deliveries()),
        ..report
    }
}
