//! Proposals as they are stored.

use chatkeep_proto::v1::{Actor, Proposal, ProposalKind, ProposalState, ProposedChange};
use serde_json::{Map, Value};

use super::propose::Change;
use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
};

/// What a list shows. What a proposal changes is not among it: a page of that can be larger than a message
/// may be.
pub(super) const COLUMNS: &str = "p.id, p.connector, p.name, p.kind, p.state, p.base, p.subject, \
    p.subject_name, p.proposed, p.expires, p.reason, p.decider, p.decider_name, p.decided, p.decision, \
    c.version";

/// A proposal with what it would store.
pub(super) struct Stored {
    pub(super) proposal: Proposal,
    pub(super) schedule: bool,
    pub(super) max_part_bytes: i64,
}

/// Stores a proposal; returns its number.
pub(super) async fn insert(
    conn: &mut Connection,
    (change, actor): (&Change<'_>, &Actor),
    (now, expires): (i64, i64),
) -> Result<i64, LedgerError> {
    let changes = change.changes.to_string();
    let insert = query(
        "INSERT INTO proposals (connector, name, kind, state, base, file, scheduled, max_part_bytes, \
         changes, subject, subject_name, proposed, expires, reason, decider, decider_name, decided, decision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', '', NULL, '') RETURNING id",
    )
    .bind(&change.connector)
    .bind(&change.name)
    .bind(i64::from(change.kind as i32))
    .bind(i64::from(ProposalState::Waiting as i32))
    .bind(change.base)
    .bind(change.file)
    .bind(i64::from(change.schedule))
    .bind(change.max_part_bytes)
    .bind(&changes)
    .bind(&actor.subject)
    .bind(&actor.name)
    .bind(now)
    .bind(expires)
    .bind(change.reason);
    let row = insert.fetch_one(conn).await.during("store proposal")?;
    row.int(0).during("store proposal")
}

/// The waiting proposal in which somebody proposes just this, if there is one.
pub(super) async fn same(
    conn: &mut Connection,
    (change, actor): (&Change<'_>, &Actor),
) -> Result<Option<i64>, LedgerError> {
    let select = query(
        "SELECT id FROM proposals WHERE state = 1 AND connector = $1 AND kind = $2 AND base = $3 \
         AND file = $4 AND scheduled = $5 AND max_part_bytes = $6 AND subject = $7 ORDER BY id LIMIT 1",
    )
    .bind(&change.connector)
    .bind(i64::from(change.kind as i32))
    .bind(change.base)
    .bind(change.file)
    .bind(i64::from(change.schedule))
    .bind(change.max_part_bytes)
    .bind(&actor.subject);
    let row = select.fetch_optional(conn).await.during("find proposal")?;
    row.map(|row| row.int(0))
        .transpose()
        .during("find proposal")
}

/// The proposal of a number.
pub(super) async fn find(conn: &mut Connection, proposal: i64) -> Result<Stored, LedgerError> {
    let statement = query(format!(
        "SELECT {COLUMNS}, p.changes, p.file, p.scheduled, p.max_part_bytes FROM proposals p \
         LEFT JOIN connectors c ON c.name_id = p.connector WHERE p.id = $1"
    ));
    let row = statement.bind(proposal).fetch_optional(conn).await;
    let row = row.during("find proposal")?;
    let row = row.ok_or(LedgerError::Unknown("proposal"))?;
    let stored = || {
        let mut proposal = read(&row)?;
        proposal.changes = changes(&row.text(16)?);
        proposal.connector_file = row.text(17)?;
        Ok(Stored {
            proposal,
            schedule: row.int(18)? != 0,
            max_part_bytes: row.int(19)?,
        })
    };
    stored().during("read proposal")
}

/// Ends a proposal that waits; false when it does not.
pub(super) async fn end(
    conn: &mut Connection,
    (proposal, state): (i64, ProposalState),
    (actor, decision, now): (&Actor, &str, i64),
) -> Result<bool, LedgerError> {
    let update = query(
        "UPDATE proposals SET state = $1, decider = $2, decider_name = $3, decision = $4, decided = $5 \
         WHERE id = $6 AND state = 1",
    )
    .bind(i64::from(state as i32))
    .bind(&actor.subject)
    .bind(&actor.name)
    .bind(decision)
    .bind(now)
    .bind(proposal);
    let ended = update.execute(conn).await.during("end proposal")?;
    Ok(ended > 0)
}

/// How many changes of a connector wait, by its id; of all connectors when it is empty.
pub(crate) async fn waiting_of(conn: &mut Connection, connector: &str) -> Result<u64, LedgerError> {
    let all = "SELECT COUNT(*) FROM proposals WHERE state = 1";
    let statement = if connector.is_empty() {
        query(all)
    } else {
        query(format!("{all} AND connector = $1")).bind(connector)
    };
    let row = statement.fetch_one(conn).await.during("count proposals")?;
    row.count(0).during("count proposals")
}

/// A row of [`COLUMNS`]: a proposal without what it changes.
pub(super) fn read(row: &Row) -> Result<Proposal, DatabaseError> {
    let state = enumerated(row.int(4)?);
    let base_version = row.int(5)?;
    let is_waiting = state == ProposalState::Waiting as i32;
    Ok(Proposal {
        proposal: row.int(0)?,
        connector: row.text(1)?,
        connector_name: row.text(2)?,
        kind: enumerated(row.int(3)?),
        state,
        base_version,
        is_stale: is_waiting && row.maybe_int(15)?.unwrap_or(0) != base_version,
        proposer: row.text(6)?,
        proposer_name: row.text(7)?,
        proposed: row.int(8)?,
        expires: row.int(9)?,
        reason: row.text(10)?,
        decider: row.text(11)?,
        decider_name: row.text(12)?,
        decided: row.maybe_int(13)?,
        decision: row.text(14)?,
        changes: Vec::new(),
        connector_file: String::new(),
    })
}

fn enumerated(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(ProposalKind::Unspecified as i32)
}

/// The values that differ, out of the object that `audit::changes` makes.
fn changes(stored: &str) -> Vec<ProposedChange> {
    let stored: Map<String, Value> = serde_json::from_str(stored).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let changes = stored.iter().map(|(key, values)| ProposedChange {
        key: key.clone(),
        before: values.get("before").map(text),
        after: values.get("after").map(text),
    });
    changes.collect()
}
