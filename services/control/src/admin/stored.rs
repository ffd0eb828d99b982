//! Connector files as they are stored: put, got, deleted, each under a version.

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    DeleteConnectorRequest, GetConnectorResponse, PutConnectorRequest, PutConnectorResponse,
};
use serde_json::{Value, json};

use super::connectors::summary;
use crate::{
    access::places,
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

/// Stands for the list of connectors where a connector's key is asked for.
const ALL_CONNECTORS: i64 = 0;

/// What is done with a connector that was deleted.
const DELETED: &str = "the connector was deleted; store it again first";

/// What is stored of a connector beside its schedule.
#[derive(Clone, Debug)]
struct Stored {
    file: String,
    version: i64,
    is_deleted: bool,
}

/// A connector under its lock: what was stored of it before, if anything was.
#[derive(Clone, Debug)]
struct Registered {
    key: i64,
    before: Option<Stored>,
}

impl Ledger {
    /// Stores a connector file, or replaces it, and schedules its runs, or ends that.
    pub(crate) async fn put_connector(
        &self,
        deed: &Deed,
        request: PutConnectorRequest,
    ) -> Result<PutConnectorResponse, LedgerError> {
        let file = &request.connector_file;
        let connector = parse(file)?;
        let mut tx = self.database.begin().await?;
        let now = self.clock.now();
        let Registered { key, before } = register(&mut tx, &connector, (file, now)).await?;
        check_version(before.as_ref(), request.expected_version)?;
        let was = schedule::find(&mut tx, key).await?;
        let due = request
            .schedule
            .then(|| schedule::next_due(&connector.schedule, was.due, now));
        let is = Schedule {
            due,
            max_part_bytes: signed(request.max_part_bytes),
            ..was
        };
        schedule::store(&mut tx, key, is).await?;
        let told = tell(before.as_ref(), (&connector, file), (was, is))?;
        if let (Some(_), Some(_)) = (&before, &told) {
            replace(&mut tx, key, &connector, (file, now)).await?;
        }
        if let Some((action, detail)) = told {
            bind(&mut tx, deed, (key, &connector), before.as_ref()).await?;
            let deed = deed.named(action).to(&connector.id());
            self.note(&mut tx, &deed, &detail).await?;
        }
        let version = version(&mut tx, key).await?;
        tx.commit().await.during("store connector")?;
        self.outstanding.ring();
        let is_new = before.is_none();
        tracing::info!(
            chatkeep.connector.id = connector.id(),
            is_new,
            is_scheduled = request.schedule,
            version,
            "connector stored"
        );
        Ok(PutConnectorResponse {
            connector: connector.id(),
            is_new,
            due: due.map(|due| due.div_euclid(1000)),
            version,
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

    /// Deletes a connector: what it captured, and what is known of its runs, stays.
    pub(crate) async fn delete_connector(
        &self,
        deed: &Deed,
        request: DeleteConnectorRequest,
    ) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let key = connector_key(&mut tx, &request.connector).await?;
        lock(&mut tx, key).await?;
        let before = stored(&mut tx, key).await?;
        if before.is_deleted {
            return Err(LedgerError::Unknown("connector"));
        }
        check_version(Some(&before), request.expected_version)?;
        refuse_if_busy(&mut tx, key).await?;
        let delete = query(
            "UPDATE connectors SET deleted = $1, changed = $1, version = version + 1 WHERE id = $2",
        );
        let delete = delete.bind(self.clock.now()).bind(key);
        delete.execute(&mut tx).await.during("delete connector")?;
        let schedule = Schedule {
            due: None,
            is_paused: false,
            ..schedule::find(&mut tx, key).await?
        };
        schedule::store(&mut tx, key, schedule).await?;
        let detail = json!({ "before": changes::whole(&parse(&before.file)?) });
        self.note(&mut tx, deed, &detail).await?;
        tx.commit().await.during("delete connector")?;
        tracing::info!(
            chatkeep.connector.id = request.connector,
            "connector deleted"
        );
        Ok(())
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
        let unchanged = (Schedule::default(), Schedule::default());
        let told = tell(before.as_ref(), (connector, file), unchanged)?;
        if let Some((action, detail)) = told {
            if before.is_some() {
                replace(conn, key, connector, (file, now)).await?;
            }
            bind(conn, deed, (key, connector), before.as_ref()).await?;
            let deed = deed.named(action).to(&connector.id());
            self.note(conn, &deed, &detail).await?;
        }
        Ok(key)
    }
}

/// Lets no secret be sent elsewhere by what is stored.
async fn bind(
    conn: &mut Connection,
    deed: &Deed,
    own: (i64, &Connector),
    before: Option<&Stored>,
) -> Result<(), LedgerError> {
    let before = before.and_then(|before| parse(&before.file).ok());
    places::bind(conn, deed, own, before.as_ref()).await
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

async fn stored(conn: &mut Connection, key: i64) -> Result<Stored, LedgerError> {
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

/// Finds the connector and checks that nothing changed that is fixed, or stores it. Nobody else works on it
/// from here on.
async fn register(
    conn: &mut Connection,
    connector: &Connector,
    (file, now): (&str, i64),
) -> Result<Registered, LedgerError> {
    lock(conn, ALL_CONNECTORS).await?;
    let Some(key) = find(conn, connector).await? else {
        let key = add(conn, connector, (file, now)).await?;
        lock(conn, key).await?;
        return Ok(Registered { key, before: None });
    };
    lock(conn, key).await?;
    let before = stored(conn, key).await?;
    Ok(Registered {
        key,
        before: Some(before),
    })
}

/// Stores another file of a connector, or the same again after it was deleted.
async fn replace(
    conn: &mut Connection,
    key: i64,
    connector: &Connector,
    (file, now): (&str, i64),
) -> Result<(), LedgerError> {
    refuse_name_of_another(conn, connector).await?;
    let update = query(
        "UPDATE connectors SET name = $1, file = $2, version = version + 1, changed = $3, \
         deleted = NULL WHERE id = $4",
    )
    .bind(&connector.name)
    .bind(file)
    .bind(now)
    .bind(key);
    update.execute(conn).await.during("update connector")?;
    Ok(())
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
async fn add(
    conn: &mut Connection,
    connector: &Connector,
    (file, now): (&str, i64),
) -> Result<i64, LedgerError> {
    refuse_name_of_another(conn, connector).await?;
    let insert = query(
        "INSERT INTO connectors (name_id, name, domain, file, resolved, changed) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(connector.id())
    .bind(&connector.name)
    .bind(&connector.domain)
    .bind(file)
    .bind(Vec::new())
    .bind(now);
    let row = insert.fetch_one(conn).await.during("add connector")?;
    row.int(0).during("add connector")
}

/// A name belongs to the connector that had it first, a deleted one included: reports and logs name it.
async fn refuse_name_of_another(
    conn: &mut Connection,
    connector: &Connector,
) -> Result<(), LedgerError> {
    let statement = query("SELECT name_id FROM connectors WHERE name = $1 AND name_id <> $2");
    let statement = statement.bind(&connector.name).bind(connector.id());
    let row = statement.fetch_optional(conn).await;
    let Some(row) = row.during("find connector")? else {
        return Ok(());
    };
    let fixed = row.text(0).during("find connector")?;
    Err(LedgerError::Refused {
        key: "id".to_owned(),
        problem: format!(
            "was {fixed} when the connector was first used and cannot change; set it back, or \
             give the connector another name"
        ),
    })
}
