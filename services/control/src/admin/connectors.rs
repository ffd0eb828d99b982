//! Connectors as administrators keep them: stored, listed, paused, resumed.

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    BackfillState, ConnectorState, ConnectorSummary, ListConnectorsResponse, PutConnectorRequest,
    PutConnectorResponse, ResumeConnectorResponse, RunState, RunSummary,
};

use super::open::resume;
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    horizon,
    ledger::{
        Ledger,
        capture::{connector_key, signed},
        lock, parse,
        run::{self, RunRow},
    },
    schedule::{self, Schedule, backfill},
};

/// Stands for the list of connectors where a connector's key is asked for.
const ALL_CONNECTORS: i64 = 0;

/// Why the runs of a paused connector do not go on.
const PAUSED: &str = "the connector is paused";

impl Ledger {
    /// Stores a connector file, or replaces it, and schedules its runs, or ends that.
    pub(crate) async fn put_connector(
        &self,
        request: PutConnectorRequest,
    ) -> Result<PutConnectorResponse, LedgerError> {
        let file = &request.connector_file;
        let connector = parse(file)?;
        let mut tx = self.database.begin().await?;
        let (key, is_new) = register(&mut tx, &connector, file).await?;
        let before = schedule::find(&mut tx, key).await?;
        let due = request
            .schedule
            .then(|| schedule::next_due(&connector.schedule, before.due, self.clock.now()));
        let after = Schedule {
            due,
            max_part_bytes: signed(request.max_part_bytes),
            ..before
        };
        schedule::store(&mut tx, key, after).await?;
        tx.commit().await.during("store connector")?;
        self.outstanding.ring();
        tracing::info!(
            chatkeep.connector.id = connector.id(),
            is_new,
            is_scheduled = request.schedule,
            "connector stored"
        );
        Ok(PutConnectorResponse {
            connector: connector.id(),
            is_new,
            due: due.map(|due| due.div_euclid(1000)),
            version: 0,
        })
    }

    /// Every connector, by name.
    pub(crate) async fn list_connectors(&self) -> Result<ListConnectorsResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let rows = query("SELECT id, name_id, name FROM connectors ORDER BY name, id");
        let rows = rows.fetch(&mut conn).await.during("list connectors")?;
        let mut response = ListConnectorsResponse::default();
        for row in rows {
            let columns = || Ok((row.int(0)?, row.text(1)?, row.text(2)?));
            let (key, connector, name) = columns().during("list connectors")?;
            let summary = summary(&mut conn, key).await?;
            response.connectors.push(ConnectorSummary {
                connector,
                name,
                ..summary
            });
        }
        Ok(response)
    }

    /// Opens no more runs of a connector, and publishes no more tasks of those that are open.
    pub(crate) async fn pause_connector(&self, connector: &str) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, connector).await?;
        lock(&mut tx, key).await?;
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
        tx.commit().await.during("pause connector")?;
        tracing::info!(chatkeep.connector.id = connector, "connector paused");
        Ok(())
    }

    /// Lets a connector and its unfinished runs go on.
    pub(crate) async fn resume_connector(
        &self,
        connector: &str,
    ) -> Result<ResumeConnectorResponse, LedgerError> {
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, connector).await?;
        lock(&mut tx, key).await?;
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
            if run.reason == PAUSED {
                run::set_status(&mut tx, run.id, RunState::Running, "").await?;
            } else {
                resume(&mut tx, run, file_to_resume_with(run, &file)?).await?;
            }
        }
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

/// Keeps a paused connector's runs as they are.
pub(super) async fn refuse_if_paused(conn: &mut Connection, key: i64) -> Result<(), LedgerError> {
    if schedule::find(conn, key).await?.is_paused {
        return Err(LedgerError::Closed(
            "the connector is paused; resume it first",
        ));
    }
    Ok(())
}

/// The connector file as it was stored last.
pub(crate) async fn file_of(conn: &mut Connection, key: i64) -> Result<String, LedgerError> {
    let statement = query("SELECT file FROM connectors WHERE id = $1").bind(key);
    let row = statement.fetch_one(conn).await;
    row.and_then(|row| row.text(0))
        .during("read connector file")
}

/// The connector file that a stopped run goes on with: the newest, unless the sources are others.
pub(crate) fn file_to_resume_with<'a>(
    run: &'a RunRow,
    newest: &'a str,
) -> Result<&'a str, LedgerError> {
    let has_its_sources = parse(&run.file)?.sources == parse(newest)?.sources;
    Ok(if has_its_sources { newest } else { &run.file })
}

/// What a connector's schedule is up to, its names left out.
async fn summary(conn: &mut Connection, key: i64) -> Result<ConnectorSummary, LedgerError> {
    let schedule = schedule::find(conn, key).await?;
    let state = match schedule {
        Schedule {
            is_paused: true, ..
        } => ConnectorState::Paused,
        Schedule { due: Some(_), .. } => ConnectorState::Scheduled,
        _ => ConnectorState::Manual,
    };
    let last = run::one(conn, "connector = $1 AND number > 0", &[key]).await?;
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
        ..ConnectorSummary::default()
    })
}

/// Stores the connector, or checks that nothing changed that is fixed. Returns its key and whether it is
/// new; nobody else works on it from here on.
pub(super) async fn register(
    conn: &mut Connection,
    connector: &Connector,
    file: &str,
) -> Result<(i64, bool), LedgerError> {
    lock(conn, ALL_CONNECTORS).await?;
    let (key, is_new) = match find(conn, connector).await? {
        Some(key) => (key, false),
        None => (add(conn, connector, file).await?, true),
    };
    lock(conn, key).await?;
    if !is_new {
        let update = query("UPDATE connectors SET name = $1, file = $2 WHERE id = $3");
        let update = update.bind(&connector.name).bind(file).bind(key);
        update.execute(conn).await.during("update connector")?;
    }
    Ok((key, is_new))
}

/// The key of the connector with this id, if what is fixed of it did not change.
async fn find(conn: &mut Connection, connector: &Connector) -> Result<Option<i64>, LedgerError> {
    let id = connector.id();
    let statement = query("SELECT id, domain FROM connectors WHERE name_id = $1").bind(&id);
    let row = statement
        .fetch_optional(conn)
        .await
        .during("find connector")?;
    let Some(row) = row else {
        return Ok(None);
    };
    let domain = row.text(1).during("find connector")?;
    if !domain.eq_ignore_ascii_case(&connector.domain) {
        return Err(LedgerError::Refused {
            key: "domain".to_owned(),
            problem: format!(
                "was {domain} when the connector was first used and stands in every Message-ID; \
                 set it back, or give the connector another id"
            ),
        });
    }
    row.int(0).map(Some).during("find connector")
}

/// Adds a connector, unless another one has its name.
async fn add(conn: &mut Connection, connector: &Connector, file: &str) -> Result<i64, LedgerError> {
    let statement = query("SELECT name_id FROM connectors WHERE name = $1").bind(&connector.name);
    let row = statement
        .fetch_optional(&mut *conn)
        .await
        .during("find connector")?;
    if let Some(row) = row {
        let fixed = row.text(0).during("find connector")?;
        return Err(LedgerError::Refused {
            key: "id".to_owned(),
            problem: format!(
                "was {fixed} when the connector was first used and cannot change; set it back, or \
                 give the connector another name"
            ),
        });
    }
    let insert = query(
        "INSERT INTO connectors (name_id, name, domain, file, resolved) \
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(connector.id())
    .bind(&connector.name)
    .bind(&connector.domain)
    .bind(file)
    .bind(Vec::new());
    let row = insert.fetch_one(conn).await.during("add connector")?;
    row.int(0).during("add connector")
}
