//! Claims of records, once per connector, and the search for copies of one conversation.

use std::collections::{BTreeSet, HashMap, HashSet};

use chatkeep_proto::v1::{
    ClaimAnswer, ClaimRequest, KnownRecordsRequest, Quarantined, RecordClaim, Session,
};

use super::{
    Ledger, contested,
    task::{self, TaskRow, TaskState},
};
use crate::{
    database::{Cell, Connection, DatabaseError, chunks, insert, query},
    error::{During as _, LedgerError},
};

/// Copies of one conversation start at most this many seconds apart.
const TOLERANCE: i64 = 2;
const SECONDS_PER_DAY: i64 = 86_400;

/// Who has claimed a record, and binds others by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    task: i64,
    /// It has not captured the record yet.
    is_open: bool,
}

/// A session that was claimed before.
#[derive(Debug)]
struct Claimed {
    record: Vec<u8>,
    session: Session,
    holder: Holder,
}

impl Claimed {
    fn is_candidate_for(&self, other: &Session) -> bool {
        let is_of_one_origin = !other.origin.is_empty() && self.session.origin == other.origin;
        !is_of_one_origin
            && self.session.participants == other.participants
            && (self.session.start - other.start).abs() <= TOLERANCE
    }
}

impl Ledger {
    /// Which of these records somebody else has claimed.
    pub(crate) async fn known_records(
        &self,
        request: KnownRecordsRequest,
    ) -> Result<Vec<bool>, LedgerError> {
        let mut conn = self.database.read().await?;
        let task = task::find(&mut conn, &request.task).await?;
        let keys = request.records.iter();
        let keys: Vec<_> = keys.map(|one| (one.day.into(), &one.id[..])).collect();
        let holders = holders(&mut conn, task.connector, &keys).await?;
        let is_known = |id: &[u8]| {
            let holder = holders.get(id);
            holder.is_some_and(|holder| holder.task != task.key)
        };
        Ok(keys.iter().map(|(_, id)| is_known(id)).collect())
    }

    /// Claims records. A repeat by the same task is answered *yours* again, whatever happened since.
    pub(crate) async fn claim(
        &self,
        request: ClaimRequest,
    ) -> Result<Vec<ClaimAnswer>, LedgerError> {
        let records = &request.records;
        let mut tx = self.database.begin().await?;
        let task = self.open_task(&mut tx, &request.task).await?;
        let sessions = candidates(&mut tx, task.connector, records).await?;
        if sessions.is_empty() && !has_copies(records) {
            let new = insert_claims(&mut tx, &task, records.iter(), KEEP).await?;
            if new == records.len() as u64 {
                insert_sessions(&mut tx, &task, records.iter()).await?;
                task::count_claims(&mut tx, task.key, new).await?;
                tx.commit().await.during("claim records")?;
                return Ok(vec![yours(); records.len()]);
            }
            // Somebody has claimed some of them: look who, on a clean slate.
            tx.roll_back().await.during("claim records")?;
            tx = self.database.begin().await?;
            super::lock(&mut tx, task.connector).await?;
        }
        let keys = records.iter();
        let keys: Vec<_> = keys.map(|one| (one.day.into(), &one.id[..])).collect();
        let claimed = holders(&mut tx, task.connector, &keys).await?;
        let decided = decide(records, claimed, sessions, task.key);
        let mine = decided.new.iter().map(|&index| &records[index]);
        let new = insert_claims(&mut tx, &task, mine.clone(), TAKE_OVER).await?;
        insert_sessions(&mut tx, &task, mine).await?;
        task::count_claims(&mut tx, task.key, new).await?;
        contested::remember(&mut tx, &task, &decided.contested).await?;
        tx.commit().await.during("claim records")?;
        Ok(decided.answers)
    }
}

/// What comes of a request.
#[derive(Debug, Default)]
struct Decided {
    answers: Vec<ClaimAnswer>,
    /// Positions of the records to insert.
    new: Vec<usize>,
    /// Tasks that may not capture in the end what they claimed, and the entries that hold copies of it.
    contested: BTreeSet<(i64, u32)>,
}

/// Decides record by record, in order: within a request, too, the first copy wins.
fn decide(
    records: &[RecordClaim],
    mut claimed: HashMap<Vec<u8>, Holder>,
    mut sessions: Vec<Claimed>,
    task: i64,
) -> Decided {
    let mut decided = Decided::default();
    let me = Holder {
        task,
        is_open: true,
    };
    // Whoever has the copy of the session before.
    let mut copied = None;
    for (index, record) in records.iter().enumerate() {
        let others = |session| {
            sessions.iter().filter(move |other: &&Claimed| {
                other.is_candidate_for(session) && record.id != other.record
            })
        };
        let holder = claimed.get(&record.id[..]).copied();
        let copy = record.session.as_ref().and_then(|session| {
            others(session).find(|other| other.session.sequence == session.sequence)
        });
        if !record.follows {
            copied = None;
        }
        let other = match holder {
            Some(holder) if holder.task != task => Some(holder),
            _ if record.follows && copied.is_some() => copied,
            Some(_) => None,
            None => {
                copied = copy.map(|copy| copy.holder);
                copied
            }
        };
        let similar = match &record.session {
            Some(session) if other.is_none() => {
                let differs = |other: &&Claimed| other.session.sequence != session.sequence;
                let similar = others(session).filter(differs);
                similar.map(|other| other.session.clone()).collect()
            }
            _ => Vec::new(),
        };
        decided.answers.push(ClaimAnswer {
            yours: other.is_none(),
            similar,
        });
        if let Some(other) = other {
            if other.is_open && other.task != task {
                decided.contested.insert((other.task, record.entry));
            }
        } else if holder.is_none() {
            decided.new.push(index);
            claimed.insert(record.id.to_vec(), me);
            sessions.extend(record.session.clone().map(|session| Claimed {
                record: record.id.to_vec(),
                session,
                holder: me,
            }));
        }
    }
    decided
}

fn yours() -> ClaimAnswer {
    ClaimAnswer {
        yours: true,
        similar: Vec::new(),
    }
}

/// True when two sessions of one request may be the same conversation.
fn has_copies(records: &[RecordClaim]) -> bool {
    let mut seen = HashSet::new();
    let sessions = records.iter().filter_map(|record| record.session.as_ref());
    // Whoever starts within the tolerance has the same or the neighbouring slot.
    sessions.into_iter().any(|session| {
        let slot = session.start.div_euclid(TOLERANCE + 1);
        let near = [slot - 1, slot, slot + 1];
        let found = near
            .iter()
            .any(|&slot| seen.contains(&(&session.participants, slot)));
        seen.insert((&session.participants, slot));
        found
    })
}

/// Sessions that may be copies of these, with whoever has claimed them.
async fn candidates(
    conn: &mut Connection,
    connector: i64,
    records: &[RecordClaim],
) -> Result<Vec<Claimed>, LedgerError> {
    let found = sessions_near(conn, connector, records).await?;
    let keys = found.iter();
    let keys: Vec<_> = keys
        .map(|(record, session)| (session.start.div_euclid(SECONDS_PER_DAY), &record[..]))
        .collect();
    let holders = holders(conn, connector, &keys).await?;
    let claimed = found.into_iter().filter_map(|(record, session)| {
        let holder = *holders.get(&record)?;
        Some(Claimed {
            record,
            session,
            holder,
        })
    });
    Ok(claimed.collect())
}

async fn sessions_near(
    conn: &mut Connection,
    connector: i64,
    records: &[RecordClaim],
) -> Result<Vec<(Vec<u8>, Session)>, LedgerError> {
    let sessions = records.iter().filter_map(|record| record.session.as_ref());
    let wanted: Vec<_> = sessions
        .map(|session| [Cell::Int(session.start), Cell::bytes(&session.participants)])
        .collect();
    let mut found = Vec::new();
    for chunk in chunks(&wanted) {
        let statement = query(
            "SELECT DISTINCT s.record, s.participants, s.start, s.messages, s.sequence, s.item, \
             s.origin FROM (",
        );
        let text = ") AS v CROSS JOIN sessions s WHERE s.start BETWEEN v.column1 - 2 AND v.column1 + 2 \
                AND s.participants = v.column2 AND s.connector = ";
        let statement = statement.rows(chunk).sql(text).int(connector);
        let rows = statement.fetch(conn).await;
        for row in rows.during("find copies")? {
            let session = || {
                Ok::<_, DatabaseError>(Session {
                    participants: row.bytes(1)?.into(),
                    start: row.int(2)?,
                    messages: task::narrow(row.int(3)?),
                    sequence: row.bytes(4)?.into(),
                    item: row.bytes(5)?.into(),
                    origin: row.text(6)?,
                })
            };
            let record = row.bytes(0).during("find copies")?;
            found.push((record, session().during("find copies")?));
        }
    }
    Ok(found)
}

/// Who holds these records, each with its day. A claim of a task that was taken apart or quarantined
/// binds nobody: the task will never capture the record.
async fn holders(
    conn: &mut Connection,
    connector: i64,
    keys: &[(i64, &[u8])],
) -> Result<HashMap<Vec<u8>, Holder>, LedgerError> {
    let wanted = keys.iter();
    let wanted: Vec<_> = wanted
        .map(|(day, record)| [Cell::Int(*day), Cell::bytes(record)])
        .collect();
    let mut found = HashMap::new();
    for chunk in chunks(&wanted) {
        let statement = query("SELECT c.record, c.task, t.state FROM (");
        let text = ") AS v CROSS JOIN claims c CROSS JOIN tasks t WHERE c.day = v.column1 \
                AND c.record = v.column2 AND t.id = c.task AND t.state IN (0, 1) AND c.connector = ";
        let statement = statement.rows(chunk).sql(text).int(connector);
        let rows = statement.fetch(conn).await;
        for row in rows.during("find claims")? {
            let record = row.bytes(0).during("find claims")?;
            let state = row.int(2).during("find claims")?;
            let holder = Holder {
                task: row.int(1).during("find claims")?,
                is_open: state == TaskState::Open as i64,
            };
            found.insert(record, holder);
        }
    }
    Ok(found)
}

/// Whoever has claimed a record before keeps it.
const KEEP: &str = " ON CONFLICT DO NOTHING";
/// Who has claimed a record before is known to hold it no more.
const TAKE_OVER: &str = " ON CONFLICT (connector, day, record) DO UPDATE SET task = excluded.task";

async fn insert_claims<'a>(
    conn: &mut Connection,
    task: &TaskRow,
    records: impl Iterator<Item = &'a RecordClaim>,
    on_conflict: &str,
) -> Result<u64, LedgerError> {
    let rows: Vec<_> = records
        .map(|record| {
            [
                Cell::Int(task.connector),
                Cell::Int(record.day.into()),
                Cell::bytes(&record.id),
                Cell::Int(task.key),
            ]
        })
        .collect();
    let table = "claims (connector, day, record, task)";
    let claimed = insert(conn, table, &rows, on_conflict).await;
    claimed.during("claim records")
}

/// Frees the records of what was found at fault for whoever hands them over next.
pub(super) async fn release(
    conn: &mut Connection,
    connector: i64,
    quarantined: &Quarantined,
) -> Result<(), LedgerError> {
    for record in &quarantined.claimed {
        let delete = query("DELETE FROM claims WHERE connector = $1 AND day = $2 AND record = $3");
        let delete = delete.bind(connector).bind(i64::from(quarantined.day));
        let delete = delete.bind(record.to_vec()).execute(&mut *conn).await;
        delete.during("release records")?;
    }
    Ok(())
}

/// Claims the records of a quarantined conversation again for the task that renders it. False when
/// somebody else holds one of them by now.
pub(super) async fn reclaim(
    conn: &mut Connection,
    task: &TaskRow,
    quarantined: &Quarantined,
) -> Result<bool, LedgerError> {
    let day = i64::from(quarantined.day);
    let records = quarantined.claimed.iter();
    let keys: Vec<_> = records.map(|record| (day, &record[..])).collect();
    if !holders(conn, task.connector, &keys).await?.is_empty() {
        return Ok(false);
    }
    let rows = keys.iter().map(|(day, record)| {
        [
            Cell::Int(task.connector),
            Cell::Int(*day),
            Cell::bytes(record),
            Cell::Int(task.key),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "claims (connector, day, record, task)";
    let claimed = insert(conn, table, &rows, TAKE_OVER).await;
    claimed.during("claim records again")?;
    Ok(true)
}

async fn insert_sessions<'a>(
    conn: &mut Connection,
    task: &TaskRow,
    records: impl Iterator<Item = &'a RecordClaim>,
) -> Result<(), LedgerError> {
    let sessions = records.filter_map(|record| Some((record, record.session.as_ref()?)));
    let rows: Vec<_> = sessions
        .map(|(record, session)| {
            [
                Cell::Int(task.connector),
                Cell::Int(session.start),
                Cell::bytes(&record.id),
                Cell::bytes(&session.participants),
                Cell::Int(session.messages.into()),
                Cell::bytes(&session.sequence),
                Cell::bytes(&session.item),
                Cell::text(&session.origin),
            ]
        })
        .collect();
    let table = "sessions (connector, start, record, participants, messages, sequence, item, \
        origin)";
    let inserted = insert(conn, table, &rows, " ON CONFLICT DO NOTHING").await;
    inserted.during("remember sessions")?;
    Ok(())
}
