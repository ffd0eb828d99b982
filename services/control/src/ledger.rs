//! The ledger: the only mutable truth. Every call of a stage is one transaction here.

pub(crate) mod again;
#[cfg(test)]
pub(crate) mod alone;
pub(crate) mod capture;
mod claim;
pub(crate) mod contested;
pub(crate) mod convert;
pub(crate) mod cursor;
mod fail;
pub(crate) mod findings;
pub(crate) mod held;
mod hours;
mod import;
mod journal;
pub(crate) mod mailbox;
pub(crate) mod mirror;
mod plan;
mod rooms;
pub(crate) mod run;
pub(crate) mod task;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chatkeep_model::connector::{Connector, HoldFor};
use chatkeep_pipeline::crash_point;
use chatkeep_proto::v1::{
    CompleteRequest, NewTask, Run, RunState, TaskKind, complete_request::Result as Outcome,
};
use chatkeep_staging::Staging;

use self::task::{Family, TaskRow, TaskState};
use crate::{
    access::{Keyring, Reference},
    clock::Clock,
    database::{Connection, Database, Tx, query},
    direction::Direction,
    error::{During as _, LedgerError},
    mail::SmtpSettings,
    publish::Outstanding,
    seal::Seals,
};

/// More runs than this are not in flight at once.
const REMEMBERED: usize = 64;

/// What the ledger holds itself to.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How long something that was sent may still arrive.
    pub(crate) fence: Duration,
    /// How often deliveries of a failing import task are tried.
    pub(crate) attempts: u32,
    /// Waiting deliveries that make a mailbox worth a task while its run still plans.
    pub(crate) enough: u32,
    /// How long a change waits that has to be approved; `None`: none has to be.
    pub(crate) approval: Option<Duration>,
    /// How long it is known in which trace a delivery was settled.
    pub(crate) traces: HoldFor,
    /// What connector files may have the services read; `None`: anything.
    pub(crate) references: Option<Vec<Reference>>,
}

/// The ledger of one installation.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) database: Database,
    pub(crate) staging: Staging,
    /// Where manifests are kept.
    pub(crate) seals: Seals,
    /// Tasks that are out; whoever changes tasks rings its bell.
    pub(crate) outstanding: Arc<Outstanding>,
    /// What secrets are encrypted with.
    pub(crate) keyring: Keyring,
    /// Which connectors this process directs.
    pub(crate) direction: Direction,
    /// What schedules go by.
    pub(crate) clock: Clock,
    /// The server that takes reports; without one nobody is told.
    pub(crate) smtp: Option<SmtpSettings>,
    limits: Limits,
    /// By run: its connector file, and what tells the target in it apart from others.
    targets: Mutex<HashMap<i64, (String, Arc<str>)>>,
}

impl Ledger {
    pub(crate) fn new(
        database: Database,
        (staging, seals): (Staging, Seals),
        outstanding: Arc<Outstanding>,
        (clock, limits): (Clock, Limits),
        (keyring, smtp): (Keyring, Option<SmtpSettings>),
    ) -> Self {
        Self {
            database,
            staging,
            seals,
            outstanding,
            keyring,
            direction: Direction::default(),
            clock,
            smtp,
            limits,
            targets: Mutex::default(),
        }
    }

    /// How long a change waits that has to be approved; `None`: none has to be.
    pub(crate) fn approval(&self) -> Option<Duration> {
        self.limits.approval
    }

    /// How long it is known in which trace a delivery was settled.
    pub(crate) fn traces(&self) -> HoldFor {
        self.limits.traces
    }

    /// Whether any connector file may have the services read this.
    pub(crate) fn is_listed(&self, reference: &str) -> bool {
        let listed = self.limits.references.as_ref();
        listed.is_none_or(|listed| listed.iter().any(|one| one.covers(reference)))
    }

    /// The run a task belongs to.
    pub(crate) async fn get_run(&self, id: i64) -> Result<Run, LedgerError> {
        let mut conn = self.database.read().await?;
        let run = run::find(&mut conn, id).await?;
        let connector = connector_id(&mut conn, run.connector).await?;
        let mirror = mirror::find(&mut conn, run.connector).await?;
        Ok(Run {
            mirror,
            ..run.to_proto(connector)
        })
    }

    /// Ends a task: its result and its next tasks in one transaction. A repeat changes nothing.
    pub(crate) async fn complete(&self, request: CompleteRequest) -> Result<(), LedgerError> {
        let result = request.result.ok_or(LedgerError::Malformed("result"))?;
        let mut tx = self.database.begin().await?;
        let task = self.task(&mut tx, &request.task).await?;
        match task.state {
            TaskState::Open => {}
            TaskState::Done => {
                // Published once more while it was being done.
                self.outstanding.closed(task.key);
                return Ok(());
            }
            TaskState::Split | TaskState::Buried => {
                return Err(LedgerError::Closed("task is closed"));
            }
        }
        if !fits(task.kind, &result) {
            return Err(LedgerError::Malformed("result"));
        }
        if let Outcome::Captured(captured) = &result
            && captured.kept != task::claims(&mut tx, task.key).await?
        {
            return self.repeat(tx, &task).await;
        }
        let mut family = Family {
            parent: task.key,
            ..Family::of_run(task.run, task.connector)
        };
        let mut records_read = 0;
        match result {
            Outcome::Refreshed(refreshed) => {
                crate::flow::refreshed(&mut tx, &task, refreshed).await?;
            }
            Outcome::Listed(listed) => capture::listed(&mut tx, &task, &listed).await?,
            Outcome::Captured(captured) => {
                records_read = capture::captured(&mut tx, &task, &captured).await?;
            }
            Outcome::Assembled(assembled) => capture::assembled(&mut tx, &task, &assembled).await?,
            Outcome::Converted(converted) => {
                family.items = convert::converted(&mut tx, &task, &converted).await?;
            }
            Outcome::Planned(planned) => {
                // What is left of a large batch is planned by a task that follows.
                family.items = task.items;
                let is_whole = request.next.is_empty();
                self.planned(&mut tx, &task, planned, is_whole).await?;
            }
            Outcome::Resolved(resolved) => {
                self.resolved(&mut tx, &task, &resolved.rows).await?;
            }
            Outcome::Imported(_) => import::imported(&mut tx, &task).await?,
        }
        findings::record(&mut tx, (task.run, task.key), &request.findings).await?;
        task::add(&mut tx, family, &request.next).await?;
        task::finish(&mut tx, task.key, TaskState::Done, records_read, "").await?;
        tx.commit().await.during("complete task")?;
        match task.kind {
            TaskKind::Capture => crash_point("recorded"),
            TaskKind::Plan => crash_point("planned"),
            _ => {}
        }
        let kinds = request.next.iter().map(|next| next.kind);
        // The one task that control adds while it ends another.
        let resolve = (task.kind == TaskKind::Refresh).then_some(TaskKind::Resolve.into());
        self.outstanding.added(task.run, kinds.chain(resolve));
        self.outstanding.closed(task.key);
        Ok(())
    }

    /// Has a task done anew under another id, which takes over what it finds of this one's claims: some
    /// are of an attempt that read other records, and would stay claimed and never be captured.
    async fn repeat(&self, mut tx: Tx, task: &TaskRow) -> Result<(), LedgerError> {
        let family = Family {
            parent: task.key,
            is_repeat: true,
            ..Family::of_run(task.run, task.connector)
        };
        task::add(&mut tx, family, &[task.part(task.first, task.count)]).await?;
        let reason = "claimed what it did not capture";
        task::finish(&mut tx, task.key, TaskState::Split, 0, reason).await?;
        tx.commit().await.during("repeat task")?;
        self.outstanding.added(task.run, [task.kind.into()]);
        self.outstanding.closed(task.key);
        Ok(())
    }

    /// The task with this id, whatever its state. In a transaction nobody else works on its connector
    /// from here on. What never changes of a task that is out is known.
    async fn task(&self, conn: &mut Connection, id: &str) -> Result<TaskRow, LedgerError> {
        let known = match self.outstanding.find(id) {
            Some(known) => TaskRow::clone(&known),
            None => task::find(conn, id).await?,
        };
        lock(conn, known.connector).await?;
        let state = task::state(conn, known.key).await?;
        Ok(TaskRow { state, ..known })
    }

    /// The task with this id, which must be open.
    async fn open_task(&self, conn: &mut Connection, id: &str) -> Result<TaskRow, LedgerError> {
        let task = self.task(conn, id).await?;
        if task.state == TaskState::Open {
            Ok(task)
        } else {
            Err(LedgerError::Closed("task is closed"))
        }
    }

    /// Gives a task up: splits it, quarantines what remains of it, or fails its run.
    pub(crate) async fn fail(&self, id: &str, reason: &str) -> Result<(), LedgerError> {
        let mut conn = self.database.read().await?;
        let task = task::find(&mut conn, id).await?;
        drop(conn);
        if task.state != TaskState::Open {
            return Ok(());
        }
        let plan = self.failure(&task).await?;
        let mut tx = self.database.begin().await?;
        // Somebody else may have been faster.
        if self.task(&mut tx, id).await?.state != TaskState::Open {
            return Ok(());
        }
        self.give_up(&mut tx, &task, plan, reason).await?;
        tx.commit().await.during("give task up")?;
        self.outstanding.added(task.run, [task.kind.into()]);
        self.outstanding.closed(task.key);
        Ok(())
    }

    pub(crate) fn fence_millis(&self) -> i64 {
        i64::try_from(self.limits.fence.as_millis()).unwrap_or(i64::MAX / 4)
    }

    /// What tells the run's target apart from others.
    async fn target_of(&self, conn: &mut Connection, run: i64) -> Result<Arc<str>, LedgerError> {
        let file = query("SELECT file FROM runs WHERE id = $1").bind(run);
        let file = file.fetch_one(conn).await.and_then(|row| row.text(0));
        let file = file.during("read connector file")?;
        let known = self
            .targets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&run)
            .filter(|(of, _)| *of == file)
            .map(|(_, target)| Arc::clone(target));
        // The file changes when a run is resumed, in whatever process.
        if let Some(known) = known {
            return Ok(known);
        }
        let target: Arc<str> = mailbox::target_identity(&parse(&file)?).into();
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.len() >= REMEMBERED {
            targets.clear();
        }
        targets.insert(run, (file, Arc::clone(&target)));
        Ok(target)
    }
}

/// Makes whoever else works on a connector wait; see [`Connection::lock`].
pub(crate) async fn lock(conn: &mut Connection, connector: i64) -> Result<(), LedgerError> {
    conn.lock(connector).await.during("wait for connector")
}

/// True when a task of this kind can end like this.
fn fits(kind: TaskKind, result: &Outcome) -> bool {
    // Without a directory the run would be as before, and be refreshed again.
    if matches!(result, Outcome::Refreshed(refreshed) if refreshed.directory.is_none()) {
        return false;
    }
    matches!(
        (kind, result),
        (TaskKind::Refresh, Outcome::Refreshed(_))
            | (TaskKind::List, Outcome::Listed(_))
            | (TaskKind::Capture, Outcome::Captured(_))
            | (TaskKind::Assemble, Outcome::Assembled(_))
            | (TaskKind::Convert, Outcome::Converted(_))
            | (TaskKind::Plan, Outcome::Planned(_))
            | (TaskKind::Resolve, Outcome::Resolved(_))
            | (TaskKind::Import, Outcome::Imported(_))
    )
}

/// A connector as the ledger stores it: with absolute paths.
pub(crate) fn parse(file: &str) -> Result<Connector, LedgerError> {
    use chatkeep_model::connector::ConnectorError;
    Connector::parse(file, Path::new("/")).map_err(|error| match error {
        ConnectorError::Invalid { key, problem } => LedgerError::Refused { key, problem },
        _ => LedgerError::Refused {
            key: "connector file".to_owned(),
            problem: "cannot be read; `chatkeep check` says where".to_owned(),
        },
    })
}

/// The public id of a connector.
pub(crate) async fn connector_id(conn: &mut Connection, key: i64) -> Result<String, LedgerError> {
    let statement = query("SELECT name_id FROM connectors WHERE id = $1").bind(key);
    let row = statement.fetch_one(conn).await.during("find connector")?;
    row.text(0).during("find connector")
}

/// True for a run that is to make progress.
pub(crate) fn is_running(status: RunState) -> bool {
    status == RunState::Running
}

/// The system's time, Unix milliseconds.
pub(crate) fn now() -> i64 {
    Clock::default().now()
}

impl TaskRow {
    /// A task that does the same with some of the entries.
    fn part(&self, first: i64, count: i64) -> NewTask {
        NewTask {
            kind: self.kind.into(),
            input: self.input.clone(),
            first: task::narrow(first),
            count: task::narrow(count),
            source: task::narrow(self.source),
            shard: task::narrow(self.shard),
        }
    }

    /// The range of entries as positions: first, and one behind the last of `total`.
    pub(crate) fn range(&self, total: i64) -> (i64, i64) {
        let end = if self.count == 0 {
            total
        } else {
            self.first + self.count
        };
        (self.first, end.max(self.first))
    }
}
