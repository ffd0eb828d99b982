//! The audit trail: who did what, in a chain that shows when something of it was altered.
//!
//! An entry is written in the transaction of what it tells, so that there is neither a change without an
//! entry nor an entry without a change. [`append`] takes the trail's lock and is the last thing that a
//! transaction does before it commits: entries of several processes make one chain, and nobody waits for a
//! lock while holding the trail's.

mod chain;
pub(crate) mod changes;
mod list;

use chatkeep_proto::v1::{Actor, AuditEntry};
use serde_json::Value;

use self::chain::START;
pub use self::chain::{BrokenEntry, Line, Trail, TrailError, verify_export};
use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::Ledger,
};

/// Stands for the audit trail where a connector's key is asked for.
const TRAIL: i64 = -1;

/// Who makes a call that does not say.
const UNKNOWN: &str = "unknown";

/// What somebody does.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    actor: Actor,
    action: String,
    connector: String,
    object: String,
}

/// What became of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// It contradicts something, or the state is another one.
    Refused,
    /// Nobody may do it who has not the right to.
    Denied,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Denied => "denied",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [Self::Done, Self::Refused, Self::Denied];
        all.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl Deed {
    /// Somebody's deed; nobody's in particular when they are not known.
    pub(crate) fn of(actor: Option<Actor>, action: impl Into<String>) -> Self {
        let unknown = || Actor {
            subject: UNKNOWN.to_owned(),
            ..Actor::default()
        };
        Self {
            actor: actor.unwrap_or_else(unknown),
            action: action.into(),
            connector: String::new(),
            object: String::new(),
        }
    }

    /// The same deed under another name.
    pub(crate) fn named(&self, action: &str) -> Self {
        Self {
            action: action.to_owned(),
            ..self.clone()
        }
    }

    /// Who does it.
    pub(crate) fn subject(&self) -> &str {
        &self.actor.subject
    }

    /// Whether somebody does it who is known, and is this one.
    pub(crate) fn is_by(&self, subject: &str) -> bool {
        self.actor.subject == subject && subject != UNKNOWN
    }

    /// It is about this connector.
    pub(crate) fn to(&self, connector: &str) -> Self {
        Self {
            connector: connector.to_owned(),
            ..self.clone()
        }
    }

    /// It is about this, beside the connector.
    pub(crate) fn about(&self, object: &impl ToString) -> Self {
        Self {
            object: object.to_string(),
            ..self.clone()
        }
    }
}

impl Ledger {
    /// Notes what was done, in the transaction that does it, behind everything else in it. `detail` is a
    /// JSON object without secrets and without content.
    pub(crate) async fn note(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        detail: &Value,
    ) -> Result<(), LedgerError> {
        let now = self.clock.now();
        append(conn, deed, (Outcome::Done, detail, now))
            .await
            .map(drop)
    }

    /// Notes what has no transaction of its own: a refusal, a download, what another service saw. Returns
    /// the entry's sequence number.
    pub(crate) async fn note_alone(
        &self,
        deed: &Deed,
        outcome: Outcome,
        detail: &Value,
    ) -> Result<i64, LedgerError> {
        let mut tx = self.database.begin().await?;
        let sequence = append(&mut tx, deed, (outcome, detail, self.clock.now())).await?;
        tx.commit().await.during("append to audit trail")?;
        Ok(sequence)
    }
}

/// Appends an entry; returns its sequence number.
async fn append(
    conn: &mut Connection,
    deed: &Deed,
    (outcome, detail, now): (Outcome, &Value, i64),
) -> Result<i64, LedgerError> {
    let action = "append to audit trail";
    conn.lock(TRAIL).await.during(action)?;
    let last = query("SELECT sequence, time, hash FROM audit ORDER BY sequence DESC LIMIT 1");
    let last = last.fetch_optional(conn).await.during(action)?;
    let (sequence, time, previous) = match last {
        // A clock that was set back makes no entry that is older than the one before it.
        Some(row) => (
            row.int(0).during(action)? + 1,
            now.max(row.int(1).during(action)?),
            row.bytes(2).during(action)?,
        ),
        None => (1, now, START.to_vec()),
    };
    let entry = AuditEntry {
        sequence,
        time,
        actor: Some(deed.actor.clone()),
        action: deed.action.clone(),
        connector: deed.connector.clone(),
        object: deed.object.clone(),
        outcome: outcome.as_str().to_owned(),
        detail: detail.to_string(),
        previous: previous.into(),
        hash: Vec::new().into(),
    };
    insert(conn, &entry, chain::hash(&entry)).await?;
    Ok(sequence)
}

async fn insert(
    conn: &mut Connection,
    entry: &AuditEntry,
    hash: [u8; 32],
) -> Result<(), LedgerError> {
    let actor = entry.actor.clone().unwrap_or_default();
    let roles = Value::from(actor.roles).to_string();
    let insert = query(
        "INSERT INTO audit (sequence, time, subject, name, roles, address, action, connector, \
         object, outcome, detail, previous, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(entry.sequence)
    .bind(entry.time)
    .bind(&actor.subject)
    .bind(&actor.name)
    .bind(&roles)
    .bind(&actor.address)
    .bind(&entry.action)
    .bind(&entry.connector)
    .bind(&entry.object)
    .bind(&entry.outcome)
    .bind(&entry.detail)
    .bind(&entry.previous[..])
    .bind(&hash[..]);
    let inserted = insert.execute(conn).await;
    inserted.during("append to audit trail").map(drop)
}

const COLUMNS: &str = "sequence, time, subject, name, roles, address, action, connector, object, \
    outcome, detail, previous, hash";

fn read(row: &Row) -> Result<AuditEntry, DatabaseError> {
    // What is no list any more is told as it stands: the entry's hash says that it was altered.
    let roles = row.text(4)?;
    let roles = serde_json::from_str(&roles).unwrap_or_else(|_| vec![roles]);
    Ok(AuditEntry {
        sequence: row.int(0)?,
        time: row.int(1)?,
        actor: Some(Actor {
            subject: row.text(2)?,
            name: row.text(3)?,
            roles,
            address: row.text(5)?,
        }),
        action: row.text(6)?,
        connector: row.text(7)?,
        object: row.text(8)?,
        outcome: row.text(9)?,
        detail: row.text(10)?,
        previous: row.bytes(11)?.into(),
        hash: row.bytes(12)?.into(),
    })
}
