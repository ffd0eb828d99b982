//! Progress and balance of runs.

use chatkeep_proto::v1::{
    ListRunsRequest, ListRunsResponse, Listed, LogSummary, ProgressResponse, ReportRequest,
    ReportResponse, RunState, TaskKind,
};

use super::{connector_name, numbered};
use crate::{
    balance::{self, Balance},
    coverage,
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger,
        capture::connector_key,
        findings, now,
        run::{self, RunRow},
    },
    mail::mailings,
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
        let found = brief(&mut conn, &run).await?;
        if found.records.is_none() {
            return report(&mut conn, &run).await;
        }
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
        let mut response = ListRunsResponse::default();
        for run in runs {
            let name = connector_name(&mut conn, run.connector).await?;
            response.connector_names.push(name);
            response.runs.push(if request.brief {
                brief(&mut conn, &run).await?
            } else {
                report(&mut conn, &run).await?
            });
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
    let (report, _) = outline(conn, run).await?;
    Ok(ReportResponse {
        coverage,
        ..with_balance(report, &balance, run)
    })
}

/// What is known of a run without adding anything up.
async fn brief(conn: &mut Connection, run: &RunRow) -> Result<ReportResponse, LedgerError> {
    let (report, sealed) = outline(conn, run).await?;
    let is_closed = run.closed.is_some() && run.status != RunState::Running;
    Ok(match sealed.filter(|_| is_closed) {
        Some(balance) => with_balance(report, &balance, run),
        None => report,
    })
}

fn with_balance(report: ReportResponse, balance: &Balance, run: &RunRow) -> ReportResponse {
    ReportResponse {
        records: Some(balance.records(run.counters.outside)),
        items: u64::try_from(balance.items).unwrap_or(0),
        deliveries: Some(balance.deliveries()),
        ..report
    }
}

/// A run without its balance, and the one in its newest seal.
async fn outline(
    conn: &mut Connection,
    run: &RunRow,
) -> Result<(ReportResponse, Option<Balance>), LedgerError> {
    let statement = query(
        "SELECT file, sha256, balance FROM seals WHERE run = $1 ORDER BY number DESC LIMIT 1",
    );
    let seal = statement
        .bind(run.id)
        .fetch_optional(conn)
        .await
        .during("find seal")?;
    let (seal, sha256, balance) = match seal {
        Some(row) => (
            row.text(0).during("find seal")?,
            row.bytes(1).during("find seal")?,
            row.text(2).during("find seal")?,
        ),
        None => (String::new(), Vec::new(), String::new()),
    };
    let counters = run.counters;
    let outline = ReportResponse {
        run: run.id,
        number: run.number,
        kind: run.kind.clone(),
        state: run.status.into(),
        reason: run.reason.clone(),
        from: run.from,
        to: run.to,
        opened: run.opened.div_euclid(1000),
        closed: run.closed.map(|closed| closed.div_euclid(1000)),
        items: counters.items,
        listed: Some(Listed {
            files: counters.files,
            foreign: counters.foreign,
            unchanged: counters.unchanged,
            young: counters.young,
            ..Listed::default()
        }),
        seal,
        seal_sha256: sha256.into(),
        copies_removed: counters.copies,
        earlier_deliveries: counters.earlier,
        scheduled: run.scheduled,
        backfill: run.backfill,
        findings: findings::count(conn, run.id).await?,
        mailings: mailings::of_run(conn, run.id).await?,
        ..ReportResponse::default()
    };
    Ok((outline, serde_json::from_str(&balance).ok()))
}
