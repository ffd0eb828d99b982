//! Claims of records, once per connector, and the search for copies of one conversation.

use std::collections::{HashMap, HashSet};

use chatkeep_proto::v1::{ClaimAnswer, ClaimRequest, RecordClaim, Session};

use super::{Ledger, task, task::TaskRow};
use crate::{
    database::{Cell, Connection, DatabaseError, chunks, insert, query},
    error::{During as _, LedgerError},
};

/// Copies of one conversation start at most this many seconds apart.
const TOLERANCE: i64 = 2;

/// A session that was claimed before.
#[derive(Debug)]
struct Claimed {
    record: Vec<u8>,
    session: Session,
}

impl Claimed {
    fn is_candidate_for(&self, other: &Session) -> bool {
        self.session.participants == other.participants
            && (self.session.start - other.start).abs() <= TOLERANCE
    }
}

impl Ledger {
    /// Claims records. A repeat by the same origin is answered *yours* again, whatever happened since.
    pub(crate) async fn claim(
        &self,
        request: ClaimRequest,
    ) -> Result<Vec<ClaimAnswer>, LedgerError> {
        let records = &request.records;
        let mut tx = self.database.begin().await?;
        let task = self.open_task(&mut tx, &request.task).await?;
        let sessions = candidates(&mut tx, task.connector, records).await?;
        if sessions.is_empty() && !has_copies(records) {
            let new = insert_claims(&mut tx, &task, records.iter()).await?;
            if new == records.len() as u64 {
                insert_sessions(&mut tx, &task, records.iter()).await?;
                tx.commit().await.during("claim records")?;
                return Ok(vec![yours(); records.len()]);
            }
            // Somebody has claimed some of them: look who, on a clean slate.
            drop(tx);
            tx = self.database.begin().await?;
        }
        let claimed = existing(&mut tx, task.connector, records).await?;
        let decided = decide(records, claimed, sessions, task.origin);
        let mine = decided.new.iter().map(|&index| &records[index]);
        insert_claims(&mut tx, &task, mine.clone()).await?;
        insert_sessions(&mut tx, &task, mine).await?;
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
}

/// Decides record by record, in order: within a request, too, the first copy wins.
fn decide(
    records: &[RecordClaim],
    mut claimed: HashMap<Vec<u8>, i64>,
    mut sessions: Vec<Claimed>,
    origin: i64,
) -> Decided {
    let mut decided = Decided::default();
    for (index, record) in records.iter().enumerate() {
        let others = |session| {
            let candidates = sessions.iter().filter(move |other: &&Claimed| {
                other.is_candidate_for(session) && record.id != other.record
            });
            candidates.map(|other| &other.session)
        };
        let holder = claimed.get(&record.id[..]).copied();
        let is_copy = record
            .session
            .as_ref()
            .is_some_and(|session| others(session).any(|other| other.sequence == session.sequence));
        let is_mine = holder.map_or(!is_copy, |holder| holder == origin);
        let similar = match &record.session {
            Some(session) if is_mine => {
                let differs = |other: &&Session| other.sequence != session.sequence;
                others(session).filter(differs).cloned().collect()
            }
            _ => Vec::new(),
        };
        decided.answers.push(ClaimAnswer {
            yours: is_mine,
            similar,
        });
        if is_mine && holder.is_none() {
            decided.new.push(index);
            claimed.insert(record.id.to_vec(), origin);
            sessions.extend(record.session.clone().map(|session| Claimed {
                record: record.id.to_vec(),
                session,
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

async fn candidates(
    conn: &mut Connection,
    connector: i64,
    records: &[RecordClaim],
) -> Result<Vec<Claimed>, LedgerError> {
    let sessions = records.iter().filter_map(|record| record.session.as_ref());
    let wanted: Vec<_> = sessions
        .map(|session| [Cell::Int(session.start), Cell::bytes(&session.participants)])
        .collect();
    let mut found = Vec::new();
    for chunk in chunks(&wanted) {
        let statement = query(
            "SELECT DISTINCT s.record, s.participants, s.start, s.messages, s.sequence, s.item \
             FROM (VALUES ",
        );
        let text = ") AS v CROSS JOIN sessions s WHERE s.start BETWEEN v.column1 - 2 AND v.column1 + 2 \
                AND s.participants = v.column2 AND s.connector = ";
        let statement = statement.rows(chunk).sql(text).int(connector);
        let rows = statement.fetch(conn).await;
        for row in rows.during("find copies")? {
            let claimed = || {
                Ok::<_, DatabaseError>(Claimed {
                    record: row.bytes(0)?,
                    session: Session {
                        participants: row.bytes(1)?.into(),
                        start: row.int(2)?,
                        messages: task::narrow(row.int(3)?),
                        sequence: row.bytes(4)?.into(),
                        item: row.bytes(5)?.into(),
                    },
                })
            };
            found.push(claimed().during("find copies")?);
        }
    }
    Ok(found)
}

async fn existing(
    conn: &mut Connection,
    connector: i64,
    records: &[RecordClaim],
) -> Result<HashMap<Vec<u8>, i64>, LedgerError> {
    let wanted = records.iter();
    let wanted: Vec<_> = wanted
        .map(|record| [Cell::Int(record.day.into()), Cell::bytes(&record.id)])
        .collect();
    let mut found = HashMap::new();
    for chunk in chunks(&wanted) {
        let statement = query("SELECT c.record, c.origin FROM (VALUES ");
        let text = ") AS v CROSS JOIN claims c WHERE c.day = v.column1 AND c.record = v.column2 \
                AND c.connector = ";
        let statement = statement.rows(chunk).sql(text).int(connector);
        let rows = statement.fetch(conn).await;
        for row in rows.during("find claims")? {
            let record = row.bytes(0).during("find claims")?;
            found.insert(record, row.int(1).during("find claims")?);
        }
    }
    Ok(found)
}

async fn insert_claims<'a>(
    conn: &mut Connection,
    task: &TaskRow,
    records: impl Iterator<Item = &'a RecordClaim>,
) -> Result<u64, LedgerError> {
    let rows: Vec<_> = records
        .map(|record| {
            [
                Cell::Int(task.connector),
                Cell::Int(record.day.into()),
                Cell::bytes(&record.id),
                Cell::Int(task.origin),
            ]
        })
        .collect();
    let table = "claims (connector, day, record, origin)";
    insert(conn, table, &rows, " ON CONFLICT DO NOTHING")
        .await
        .during("claim records")
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
            ]
        })
        .collect();
    let table = "sessions (connector, start, record, participants, messages, sequence, \
        item)";
    let inserted = insert(conn, table, &rows, " ON CONFLICT DO NOTHING").await;
    inserted.during("remember sessions")?;
    Ok(())
}
