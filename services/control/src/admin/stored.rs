//! Connector files as they are stored: put, got, deleted, each under a version.

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    DeleteConnectorRequest, GetConnectorResponse, ProposalKind, PutConnectorRequest,
    PutConnectorResponse,
};
use serde_json::{Value, json};

use super::{
    connectors::summary,
    register::{Registered, locate, refuse_name_of_another, register, replace},
};
use crate::{
    approval::Change,
    audit::{Deed, changes},
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger,
        capture::{connector_key, signed},
        lock, parse, run,
    },
    schedule::{self, Schedule, backfill},
};

/// What is done with a connector that was deleted.
const DELETED: &str = "the connector was deleted; store it again first";

/// What is stored of a connector beside its schedule.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) file: String,
    pub(super) version: i64,
    pub(super) is_deleted: bool,
}

impl Ledger {
    /// Stores a connector file, or replaces it, and schedules its runs, or ends that; or proposes to.
    pub(crate) async fn put_connector(
        &self,
        deed: &Deed,
        request: PutConnectorRequest,
    ) -> Result<PutConnectorResponse, LedgerError> {
        let connector = parse(&request.connector_file)?;
        let mut tx = self.database.begin().await?;
        let before = locate(&mut tx, &connector).await?;
        let in_use = before.as_ref().map(|(_, stored)| stored);
        check_version(in_use, request.expected_version)?;
        if self.needs_approval(in_use_of(in_use)?.as_ref(), Some(&connector)) {
            let answer = self.propose_put(&mut tx, deed, (&request, &connector, before));
            let answer = answer.await?;
            tx.commit().await.during("propose change")?;
            return Ok(answer);
        }
        let answer = self.store(&mut tx, deed, &request).await?;
        tx.commit().await.during("store connector")?;
        self.outstanding.ring();
        tracing::info!(
            chatkeep.connector.id = answer.connector,
            is_new = answer.is_new,
            is_scheduled = request.schedule,
            version = answer.version,
            "connector stored"
        );
        Ok(answer)
    }

    /// Stores a connector in somebody's transaction.
    pub(crate) async fn store(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        request: &PutConnectorRequest,
    ) -> Result<PutConnectorResponse, LedgerError> {
        let file = &request.connector_file;
        let connector = parse(file)?;
        let now = self.clock.now();
        let Registered { key, before } = register(conn, &connector, (file, now)).await?;
        let was = schedule::find(conn, key).await?;
        let due = request
            .schedule
            .then(|| schedule::next_due(&connector.schedule, was.due, now));
        let is = Schedule {
            due,
            max_part_bytes: signed(request.max_part_bytes),
            ..was
        };
        schedule::store(conn, key, is).await?;
        let told = tell(before.as_ref(), (&connector, file), (was, is))?;
        if let (Some(_), Some(_)) = (&before, &told) {
            replace(conn, key, &connector, (file, now)).await?;
        }
        let version = version(conn, key).await?;
        if let Some((action, detail)) = told {
            self.bind_stored(conn, deed, (key, &connector), before.as_ref())
                .await?;
            let deed = deed.named(action).to(&connector.id());
            self.note(conn, &deed, &detail).await?;
        }
        Ok(PutConnectorResponse {
            connector: connector.id(),
            is_new: before.is_none(),
            due: due.map(|due| due.div_euclid(1000)),
            version,
            proposal: 0,
        })
    }

    async fn propose_put(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        (request, connector, before): (&PutConnectorRequest, &Connector, Option<(i64, Stored)>),
    ) -> Result<PutConnectorResponse, LedgerError> {
        refuse_name_of_another(conn, connector).await?;
        let key = before.as_ref().map(|(key, _)| *key);
        let before = before.map(|(_, stored)| stored);
        let in_use = in_use_of(before.as_ref())?;
        let was = match key.filter(|_| in_use.is_some()) {
            Some(key) => Some(schedule::find(conn, key).await?),
            None => None,
        };
        let mut changes = changes::by_key(in_use.as_ref(), Some(connector));
        for (key, was, is) in [
            (
                "runs.scheduled",
                was.map(|was| json!(was.due.is_some())),
                json!(request.schedule),
            ),
            (
                "runs.max_part_bytes",
                was.map(|was| json!(was.max_part_bytes)),
                json!(request.max_part_bytes),
            ),
        ] {
            if was.as_ref() != Some(&is) {
                changes[key] = changes::pair(was.as_ref(), Some(&is));
            }
        }
        let base = before.as_ref().map_or(0, |before| before.version);
        let change = Change {
            connector: connector.id(),
            name: connector.name.clone(),
            kind: if in_use.is_some() {
                ProposalKind::Update
            } else {
                ProposalKind::Create
            },
            base,
            file: &request.connector_file,
            schedule: request.schedule,
            max_part_bytes: signed(request.max_part_bytes),
            changes,
            reason: &request.reason,
        };
        Ok(PutConnectorResponse {
            proposal: self.propose(conn, deed, &change).await?,
            connector: connector.id(),
            is_new: before.is_none(),
            due: None,
            version: base,
        })
    }

    /// A connector as it was stored last.
    pub(crate) async fn get_connector(
        &self,
        connector: &str,
    ) -> Result<GetConnectorResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let key = connector_key(&mut conn, connector).await?;
        let schedule = schedule::find(&mut conn, key).await?;
        Ok(GetConnectorResponse {
            summary: Some(summary(&mut conn, key).await?),
            connector_file: file_of(&mut conn, key).await?,
            schedule: schedule.due.is_some(),
            max_part_bytes: u64::try_from(schedule.max_part_bytes).unwrap_or(0),
        })
    }

    /// Deletes a connector: what it captured, and what is known of its runs, stays. Returns the number of the
    /// proposal where that has to be approved, else 0.
    pub(crate) async fn delete_connector(
        &self,
        deed: &Deed,
        request: DeleteConnectorRequest,
    ) -> Result<i64, LedgerError> {
        let mut tx = self.database.begin().await?;
        let (_, before) = to_delete(&mut tx, &request.connector).await?;
        check_version(Some(&before), request.expected_version)?;
        let connector = parse(&before.file)?;
        if self.needs_approval(Some(&connector), None) {
            let change = Change {
                connector: request.connector,
                name: connector.name.clone(),
                kind: ProposalKind::Delete,
                base: before.version,
                file: "",
                schedule: false,
                max_part_bytes: 0,
                changes: changes::by_key(Some(&connector), None),
                reason: &request.reason,
            };
            let proposal = self.propose(&mut tx, deed, &change).await?;
            tx.commit().await.during("propose deletion")?;
            return Ok(proposal);
        }
        self.delete(&mut tx, deed, &request.connector).await?;
        tx.commit().await.during("delete connector")?;
        tracing::info!(
            chatkeep.connector.id = request.connector,
            "connector deleted"
        );
        Ok(0)
    }

    /// Deletes a connector in somebody's transaction; returns its version.
    pub(crate) async fn delete(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        connector: &str,
    ) -> Result<i64, LedgerError> {
        let (key, before) = to_delete(conn, connector).await?;
        let delete = query(
            "UPDATE connectors SET deleted = $1, changed = $1, version = version + 1 WHERE id = $2",
        );
        let delete = delete.bind(self.clock.now()).bind(key);
        delete.execute(conn).await.during("delete connector")?;
        let schedule = Schedule {
            due: None,
            is_paused: false,
            ..schedule::find(conn, key).await?
        };
        schedule::store(conn, key, schedule).await?;
        let detail = json!({ "before": changes::whole(&parse(&before.file)?) });
        self.note(conn, deed, &detail).await?;
        Ok(before.version + 1)
    }

    /// The connector that a run is opened for: one that was deleted, or is paused, opens none. What the
    /// file changes is stored, and noted as somebody's deed.
    pub(super) async fn engage(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        (connector, file): (&Connector, &str),
    ) -> Result<i64, LedgerError> {
        let now = self.clock.now();
        let Registered { key, before } = register(conn, connector, (file, now)).await?;
        refuse_if_idle(conn, key).await?;
        self.refuse_unapproved(in_use_of(before.as_ref())?.as_ref(), connector)?;
        let unchanged = (Schedule::default(), Schedule::default());
        let told = tell(before.as_ref(), (connector, file), unchanged)?;
        if let Some((action, detail)) = told {
            if before.is_some() {
                replace(conn, key, connector, (file, now)).await?;
            }
            self.bind_stored(conn, deed, (key, connector), before.as_ref())
                .await?;
            let deed = deed.named(action).to(&connector.id());
            self.note(conn, &deed, &detail).await?;
        }
        Ok(key)
    }

    /// Lets no secret be sent elsewhere by what is stored.
    async fn bind_stored(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        own: (i64, &Connector),
        before: Option<&Stored>,
    ) -> Result<(), LedgerError> {
        let before =
            before.and_then(|before| Some((parse(&before.file).ok()?, !before.is_deleted)));
        let before = before.as_ref();
        let before = before.map(|(before, is_in_use)| (before, *is_in_use));
        self.bind(conn, deed, own, before).await
    }
}

/// A connector that may be deleted, under its lock.
async fn to_delete(conn: &mut Connection, connector: &str) -> Result<(i64, Stored), LedgerError> {
    let key = connector_key(conn, connector).await?;
    lock(conn, key).await?;
    let before = stored(conn, key).await?;
    if before.is_deleted {
        return Err(LedgerError::Unknown("connector"));
    }
    refuse_if_busy(conn, key).await?;
    Ok((key, before))
}

/// What is stored of a connector that is in use; `None` when there is none, or it was deleted.
fn in_use_of(before: Option<&Stored>) -> Result<Option<Connector>, LedgerError> {
    let in_use = before.filter(|before| !before.is_deleted);
    in_use.map(|before| parse(&before.file)).transpose()
}

/// What is to be told of what is stored, and under which name; `None` when nothing changes.
fn tell(
    before: Option<&Stored>,
    (connector, file): (&Connector, &str),
    (was, is): (Schedule, Schedule),
) -> Result<Option<(&'static str, Value)>, LedgerError> {
    let options = |schedule: Schedule| (schedule.due.is_some(), schedule.max_part_bytes);
    let plan = |schedule: Schedule| {
        let (is_scheduled, max_part_bytes) = options(schedule);
        json!({ "scheduled": is_scheduled, "max_part_bytes": max_part_bytes })
    };
    let Some(before) = before else {
        let detail = json!({ "after": changes::whole(connector), "runs": plan(is) });
        return Ok(Some(("connector.create", detail)));
    };
    let has_changed = before.file != file || options(was) != options(is);
    if !has_changed && !before.is_deleted {
        return Ok(None);
    }
    let mut detail = changes::between(&parse(&before.file)?, connector);
    if options(was) != options(is) {
        detail["runs"] = json!({ "before": plan(was), "after": plan(is) });
    }
    let action = if before.is_deleted {
        "connector.restore"
    } else {
        "connector.update"
    };
    Ok(Some((action, detail)))
}

/// Whether the stored version is the one that somebody knows.
fn check_version(before: Option<&Stored>, expected: Option<i64>) -> Result<(), LedgerError> {
    let in_use = before.filter(|before| !before.is_deleted);
    match (expected, in_use) {
        (None, _) | (Some(0), None) => Ok(()),
        (Some(0), Some(_)) => Err(LedgerError::Exists("connector")),
        (Some(expected), Some(before)) if before.version == expected => Ok(()),
        (Some(_), _) => Err(LedgerError::Changed),
    }
}

/// Keeps a connector whose work is not done.
async fn refuse_if_busy(conn: &mut Connection, key: i64) -> Result<(), LedgerError> {
    let unfinished = "connector = $1 AND number > 0 AND status IN (1, 2, 6)";
    if run::one(conn, unfinished, &[key]).await?.is_some() {
        let problem = "a run is unfinished; let it end, or cancel it, then delete the connector";
        return Err(LedgerError::Closed(problem));
    }
    if backfill::is_open(conn, key).await? {
        let problem = "a backfill is open; cancel it, then delete the connector";
        return Err(LedgerError::Closed(problem));
    }
    Ok(())
}

/// Lets nothing be begun for a connector that is paused or was deleted.
pub(super) async fn refuse_if_idle(conn: &mut Connection, key: i64) -> Result<(), LedgerError> {
    refuse_if_deleted(conn, key).await?;
    if schedule::find(conn, key).await?.is_paused {
        return Err(LedgerError::Closed(
            "the connector is paused; resume it first",
        ));
    }
    Ok(())
}

/// Lets nothing be changed of a connector that was deleted.
pub(super) async fn refuse_if_deleted(conn: &mut Connection, key: i64) -> Result<(), LedgerError> {
    if stored(conn, key).await?.is_deleted {
        return Err(LedgerError::Closed(DELETED));
    }
    Ok(())
}

/// The connector file as it was stored last.
pub(crate) async fn file_of(conn: &mut Connection, key: i64) -> Result<String, LedgerError> {
    stored(conn, key).await.map(|stored| stored.file)
}

async fn version(conn: &mut Connection, key: i64) -> Result<i64, LedgerError> {
    stored(conn, key).await.map(|stored| stored.version)
}

pub(super) async fn stored(conn: &mut Connection, key: i64) -> Result<Stored, LedgerError> {
    let statement = query("SELECT file, version, deleted FROM connectors WHERE id = $1");
    let row = statement.bind(key).fetch_one(conn).await;
    let stored = row.and_then(|row| {
        Ok(Stored {
            file: row.text(0)?,
            version: row.int(1)?,
            is_deleted: row.maybe_int(2)?.is_some(),
        })
    });
    stored.during("read connector")
}
