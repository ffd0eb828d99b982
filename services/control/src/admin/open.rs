//! Opening, resuming and retrying runs.

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    DeliverHeldRequest, OpenRunRequest, OpenRunResponse, RetryRequest, RetryResponse, RunState,
};

use serde_json::json;

use super::{
    connectors::file_to_resume_with,
    numbered,
    stored::{file_of, refuse_if_idle},
};
use crate::{
    audit::Deed,
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger, again,
        capture::{connector_key, signed},
        lock, mailbox, parse,
        run::{self, RunRow, UNFINISHED},
    },
    schedule,
};

/// What a run is opened for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) held_only: bool,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    pub(crate) scheduled: bool,
    /// The backfill whose slice it is; 0 when it is none.
    pub(crate) backfill: i64,
    /// 0 is the connector's own limit.
    pub(crate) max_part_bytes: u64,
}

/// A run to open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) connector: i64,
    pub(crate) model: &'a Connector,
    pub(crate) file: &'a str,
    pub(crate) scope: Scope,
    /// Now, Unix milliseconds.
    pub(crate) at: i64,
}

impl Ledger {
    /// Opens a run, or resumes the connector's unfinished one.
    pub(crate) async fn open_run(
        &self,
        deed: &Deed,
        request: OpenRunRequest,
    ) -> Result<OpenRunResponse, LedgerError> {
        let scope = Scope {
            from: request.from,
            to: request.to,
            scheduled: request.scheduled,
            max_part_bytes: request.max_part_bytes,
            ..Scope::default()
        };
        self.open(deed, &request.connector_file, scope).await
    }

    /// Opens a run that captures nothing and delivers what was held, or resumes the unfinished one.
    pub(crate) async fn deliver_held(
        &self,
        deed: &Deed,
        request: DeliverHeldRequest,
    ) -> Result<OpenRunResponse, LedgerError> {
        let scope = Scope {
            held_only: true,
            max_part_bytes: request.max_part_bytes,
            ..Scope::default()
        };
        self.open(deed, &request.connector_file, scope).await
    }

    async fn open(
        &self,
        deed: &Deed,
        file: &str,
        scope: Scope,
    ) -> Result<OpenRunResponse, LedgerError> {
        let connector = parse(file)?;
        let mut tx = self.database.begin().await?;
        let key = self.engage(&mut tx, deed, (&connector, file)).await?;
        let before = run::one(&mut tx, UNFINISHED, &[key]).await?;
        let (run, number) = if let Some(run) = &before {
            check_resumable(run, &connector, scope)?;
            widen(&mut tx, run, scope).await?;
            resume(&mut tx, run, file).await?;
            (run.id, run.number)
        } else {
            let opening = Opening {
                connector: key,
                model: &connector,
                file,
                scope,
                at: self.clock.now(),
            };
            insert(&mut tx, opening).await?
        };
        let resumed = before.is_some();
        let deed = deed.to(&connector.id()).about(&number);
        let detail = json!({ "resumed": resumed, "from": scope.from, "to": scope.to });
        self.note(&mut tx, &deed, &detail).await?;
        tx.commit().await.during("open run")?;
        self.outstanding.rewind(run);
        tracing::info!(chatkeep.run.id = run, resumed, "run opened");
        Ok(OpenRunResponse {
            run,
            number,
            resumed,
        })
    }

    /// Gives a closed run's failed and partially imported deliveries back, and has rendered again what
    /// could not be.
    pub(crate) async fn retry(
        &self,
        deed: &Deed,
        request: RetryRequest,
    ) -> Result<RetryResponse, LedgerError> {
        let RetryRequest { connector, number } = &request;
        let run = self.run_numbered(connector, *number).await?;
        let unrendered = self.unrendered(run.id).await?;
        let mut tx = self.database.begin().await?;
        let connector = connector_key(&mut tx, &request.connector).await?;
        lock(&mut tx, connector).await?;
        refuse_if_idle(&mut tx, connector).await?;
        let run = numbered(&mut tx, &request.connector, request.number).await?;
        // While one is stopped nothing is imported, a backfill's included.
        let unfinished = "connector = $1 AND seals = 0 AND number > 0 \
            AND (status IN (2, 6) OR status = 1 AND backfill = 0)";
        let unfinished = run::one(&mut tx, unfinished, &[connector]).await?;
        if unfinished.is_some() {
            return Err(LedgerError::Closed(
                "an unfinished run must be resumed first",
            ));
        }
        let deliveries = give_back(&mut tx, &run, "").await?;
        let conversations = again::render_again(&mut tx, &unrendered).await?;
        if deliveries > 0 || conversations > 0 {
            let file = file_of(&mut tx, connector).await?;
            run::reopen_with(&mut tx, run.id, file_to_resume_with(&run, &file)?).await?;
        }
        let detail = json!({ "deliveries": deliveries, "conversations": conversations });
        let deed = deed.about(&run.number);
        self.note(&mut tx, &deed, &detail).await?;
        tx.commit().await.during("retry deliveries")?;
        self.outstanding.rewind(run.id);
        Ok(RetryResponse {
            run: run.id,
            deliveries,
            conversations,
        })
    }
}

/// An unfinished run goes on with what it began with.
fn check_resumable(run: &RunRow, connector: &Connector, scope: Scope) -> Result<(), LedgerError> {
    if run.cancelled {
        return Err(LedgerError::Closed("a cancelled run has yet to end"));
    }
    let before = parse(&run.file)?;
    let refuse = |key: &str, what: &str| {
        Err(LedgerError::Refused {
            key: key.to_owned(),
            problem: format!(
                "changed while run {} is unfinished; {what}, and change it when the run has ended",
                run.number
            ),
        })
    };
    if before.sources != connector.sources {
        return refuse("sources", "set them back, finish the run");
    }
    let is_other_window = run.from != scope.from || run.to != scope.to;
    if !run.held_only && !scope.held_only && is_other_window && !scope.scheduled {
        return refuse(
            "--from/--to",
            "finish the run with the window it began with",
        );
    }
    Ok(())
}

async fn widen(conn: &mut Connection, run: &RunRow, scope: Scope) -> Result<(), LedgerError> {
    if run.held_only && !scope.held_only {
        // Now it captures, too.
        let kind = kind(conn, run.connector, scope).await?;
        let widen = query(
            "UPDATE runs SET held_only = 0, planned = 0, from_time = $1, to_time = $2, \
             scheduled = $3, kind = $4 WHERE id = $5",
        )
        .bind(scope.from)
        .bind(scope.to)
        .bind(i64::from(scope.scheduled))
        .bind(kind)
        .bind(run.id);
        widen.execute(conn).await.during("resume run")?;
    }
    Ok(())
}

/// Lets an unfinished run go on, with this connector file.
pub(crate) async fn resume(
    conn: &mut Connection,
    run: &RunRow,
    file: &str,
) -> Result<(), LedgerError> {
    if run.status == RunState::Paused {
        // What the cause made fail is tried again.
        give_back(conn, run, &run.reason).await?;
    }
    let update = query(
        "UPDATE runs SET status = $1, reason = '', file = $2, watch_good = 0, watch_bad = 0, \
         watch_reason = '', resumes = 0 WHERE id = $3",
    )
    .bind(i64::from(RunState::Running as i32))
    .bind(file)
    .bind(run.id);
    update.execute(conn).await.during("resume run")?;
    Ok(())
}

/// Adds a run; returns its key and number.
pub(crate) async fn insert(
    conn: &mut Connection,
    opening: Opening<'_>,
) -> Result<(i64, i64), LedgerError> {
    let Opening {
        connector,
        model,
        file,
        scope,
        at,
    } = opening;
    let statement =
        query("SELECT COALESCE(MAX(number), 0) + 1 FROM runs WHERE connector = $1 AND number > 0");
    let row = statement
        .bind(connector)
        .fetch_one(&mut *conn)
        .await
        .during("number run")?;
    let number = row.int(0).during("number run")?;
    let max_part_bytes = match scope.max_part_bytes {
        0 => model.target.max_item(),
        limit => limit,
    };
    let kind = kind(conn, connector, scope).await?;
    let columns = query(
        "INSERT INTO runs (connector, number, held_only, kind, status, reason, file, from_time, \
         to_time, scheduled, opened, closed, max_part_bytes, directory, custom, sources, source, \
         planned, seals, waiting, n_files, n_foreign, n_unchanged, n_young, n_records, n_outside, \
         n_items, n_planned, n_done, n_copies, n_earlier, watch_good, watch_bad, watch_reason, \
         trace, backfill, resume_at) \
         VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, NULL, $11, $12, $12, $13, \
         0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', $14, $15, $16) RETURNING id",
    )
    .bind(connector)
    .bind(number)
    .bind(i64::from(scope.held_only))
    .bind(kind)
    .bind(i64::from(RunState::Running as i32))
    .bind(file)
    .bind(scope.from)
    .bind(scope.to)
    .bind(i64::from(scope.scheduled))
    .bind(at)
    .bind(signed(max_part_bytes))
    .bind(Vec::new())
    .bind(signed(model.sources.len() as u64))
    .bind(chatkeep_runtime::trace::current().unwrap_or_default())
    .bind(scope.backfill)
    .bind(schedule::resume_at(at, 0));
    let row = columns.fetch_one(conn).await.during("insert run")?;
    Ok((row.int(0).during("insert run")?, number))
}

/// The first run of a window captures it, later ones supplement it.
async fn kind(
    conn: &mut Connection,
    connector: i64,
    scope: Scope,
) -> Result<&'static str, LedgerError> {
    if scope.held_only {
        return Ok("none");
    }
    let runs = run::select(
        conn,
        "connector = $1 AND number > 0 AND held_only = 0",
        &[connector],
        "ORDER BY id DESC LIMIT 1000",
    )
    .await?;
    let same = runs
        .iter()
        .any(|run| (run.from, run.to) == (scope.from, scope.to));
    Ok(if same { "supplement" } else { "capture" })
}

/// Makes a run's failed (and, without a reason, partially imported) deliveries wait again.
async fn give_back(conn: &mut Connection, run: &RunRow, reason: &str) -> Result<u64, LedgerError> {
    let update = query(
        "UPDATE deliveries SET state = 0, not_before = 0, failures = 0, settled = 0 \
         WHERE (state = 4 AND (reason = $1 OR $1 = '') OR state = 2 AND $1 = '') \
         AND run = $2 AND item IN (SELECT i.id FROM batches b \
         CROSS JOIN items i WHERE b.run = $2 AND i.id >= b.first AND i.id < b.first + b.items)",
    );
    let update = update.bind(reason).bind(run.id).execute(&mut *conn).await;
    let given = update.during("give deliveries back")?;
    if given == 0 {
        return Ok(0);
    }
    mailbox::recount(conn, run.connector).await?;
    let update =
        query("UPDATE runs SET waiting = waiting + $1, n_done = n_done - $1 WHERE id = $2");
    let update = update.bind(signed(given)).bind(run.id);
    update.execute(conn).await.during("give deliveries back")?;
    Ok(given)
}
