//! One item's way through the pipeline.

use chatkeep_model::{ItemId, connector::HoldFor};
use chatkeep_proto::v1::{
    DeliveryState, Placement, Planned, TraceItemRequest, TraceItemResponse, TracedCopy,
};
use prost::Message as _;

use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, convert::decode_info, held::HeldState, now, run::decode_blob, task::narrow},
};

/// A delivery as it stands.
struct Copy {
    mailbox: String,
    state: DeliveryState,
    reason: String,
    settled: Option<i64>,
    trace: String,
    /// Seconds for which traces are known, where its own is known no more.
    traces_kept: u64,
}

impl Ledger {
    /// Where an item came from and where it went. Items are found by date and hash: without the date all of
    /// them are looked through.
    pub(crate) async fn trace(
        &self,
        request: TraceItemRequest,
    ) -> Result<TraceItemResponse, LedgerError> {
        let item = &asked_for(&request)?[..];
        let mut conn = self.database.read().await?;
        let condition = match request.date {
            Some(_) => "i.hash = $1 AND i.date = $2",
            None => "i.hash = $1",
        };
        let statement = query(format!(
            "SELECT i.id, i.date, i.records, i.info, b.input, b.blob, c.name_id, r.number, \
             r.connector, p.plan, (SELECT COUNT(*) FROM cleared WHERE run = r.id), \
             (SELECT COUNT(*) FROM kept WHERE batch = b.id), b.rendered_in, b.planned_in \
             FROM items i JOIN batches b ON b.id = i.batch \
             JOIN runs r ON r.id = b.run JOIN connectors c ON c.id = r.connector \
             LEFT JOIN plans p ON p.item = i.id WHERE {condition}"
        ));
        let mut statement = statement.bind(item).long();
        if let Some(date) = request.date {
            statement = statement.bind(date);
        }
        let row = statement.fetch_optional(&mut conn).await;
        let row = row.during("find item")?;
        let row = row.ok_or(LedgerError::Unknown("item"))?;
        let info = decode_info(&row.bytes(3).during("find item")?)?;
        let key = row.int(0).during("find item")?;
        // Absent until it is planned.
        let plan = row.bytes(9).unwrap_or_default();
        let connector = row.int(8).during("find item")?;
        let response = || {
            let is_staged = row.int(10)? == 0;
            let is_kept = row.int(11)? > 0;
            Ok::<_, DatabaseError>(TraceItemResponse {
                connector: row.text(6)?,
                run_number: row.int(7)?,
                kind: info.kind,
                date: row.int(1)?,
                records: narrow(row.int(2)?),
                batch: decode_blob(&row.bytes(4)?).filter(|_| is_staged),
                blob: decode_blob(&row.bytes(5)?).filter(|_| is_staged || is_kept),
                parts: info.parts,
                supersedes: info.supersedes,
                rendered_in: row.text(12)?,
                planned_in: planned_in(&row)?,
                ..TraceItemResponse::default()
            })
        };
        let response = response().during("find item")?;
        Ok(TraceItemResponse {
            files: files(&mut conn, connector, item).await?,
            copies: copies(&mut conn, key, &plan, self.traces()).await?,
            ..response
        })
    }
}

/// The trace in which an item was planned, told of those that are.
fn planned_in(row: &Row) -> Result<String, DatabaseError> {
    let (rendered_in, planned_in) = (row.text(12)?, row.text(13)?);
    Ok(if row.bytes(9).is_err() {
        String::new()
    } else if planned_in.is_empty() {
        rendered_in
    } else {
        planned_in
    })
}

/// The item's id, told as it is or as a Message-ID.
fn asked_for(request: &TraceItemRequest) -> Result<Vec<u8>, LedgerError> {
    if request.message_id.is_empty() {
        return Ok(request.item.to_vec());
    }
    let item = ItemId::parse(&request.message_id);
    let item = item.ok_or(LedgerError::Malformed("Message-ID"))?;
    Ok(item.as_bytes().to_vec())
}

async fn files(
    conn: &mut Connection,
    connector: i64,
    item: &[u8],
) -> Result<Vec<String>, LedgerError> {
    let statement = query("SELECT path FROM files WHERE connector = $1 AND item = $2");
    let rows = statement
        .bind(connector)
        .bind(item)
        .fetch(conn)
        .await
        .during("find files")?;
    let paths: Result<_, _> = rows.iter().map(|row| row.text(0)).collect();
    paths.during("find files")
}

/// What became of every participant's copy. For so long it is known in which trace one was settled.
pub(super) async fn copies(
    conn: &mut Connection,
    item: i64,
    plan: &[u8],
    traces: HoldFor,
) -> Result<Vec<TracedCopy>, LedgerError> {
    let plan = Planned::decode(plan).map_err(|_| LedgerError::Malformed("stored plan"))?;
    let deliveries = deliveries(conn, item, traces).await?;
    let held = held(conn, item).await?;
    let copies = plan.rows.into_iter().map(|row| {
        let resolved = held.iter().find(|held| held.0 == row.participant);
        let mailbox = resolved.map_or(row.mailbox.clone(), |held| held.1.clone());
        let placement = match resolved {
            Some((_, _, state)) if *state == HeldState::External as i64 => Placement::External,
            Some(_) if !mailbox.is_empty() => Placement::Mapped,
            _ => row.placement(),
        };
        let mut copy = TracedCopy {
            source_user: row.participant,
            placement: placement.into(),
            mailbox,
            ..TracedCopy::default()
        };
        if let Some(delivery) = deliveries
            .iter()
            .find(|delivery| delivery.mailbox == copy.mailbox)
        {
            copy.state = delivery.state.into();
            copy.reason.clone_from(&delivery.reason);
            copy.settled = delivery.settled;
            copy.settled_in.clone_from(&delivery.trace);
            copy.traces_kept = delivery.traces_kept;
        } else if resolved.is_some_and(|held| held.2 == HeldState::Failed as i64) {
            copy.state = DeliveryState::Failed.into();
            NO_MAILBOX.clone_into(&mut copy.reason);
        }
        copy
    });
    Ok(copies.collect())
}

/// Why a held delivery fails in the end.
pub(crate) const NO_MAILBOX: &str = "no mailbox";

/// An item's deliveries. Each was settled in the trace of the newest lease of its shard that was taken before;
/// last, when the oldest was taken that is still noted.
const DELIVERIES: &str = "SELECT m.address, d.state, d.reason, d.settled, \
    COALESCE((SELECT l.trace FROM leases l WHERE l.shard = m.shard AND l.taken <= d.settled \
    AND d.settled >= m.moved ORDER BY l.taken DESC LIMIT 1), ''), \
    COALESCE((SELECT MIN(l.taken) FROM leases l WHERE l.shard = m.shard), 0) FROM deliveries d \
    JOIN mailboxes m ON m.id = d.mailbox WHERE d.item = $1";

async fn deliveries(
    conn: &mut Connection,
    item: i64,
    traces: HoldFor,
) -> Result<Vec<Copy>, LedgerError> {
    let kept = match traces {
        HoldFor::Time(kept) => i64::try_from(kept.as_millis()).unwrap_or(i64::MAX),
        HoldFor::Forever => i64::MAX,
    };
    let forgotten = now().saturating_sub(kept);
    let rows = query(DELIVERIES)
        .bind(item)
        .fetch(conn)
        .await
        .during("find deliveries")?;
    let copies = rows.iter().map(|row| {
        let settled = row.int(3)?;
        let is_forgotten = settled > 0 && settled < row.int(5)?.min(forgotten);
        Ok(Copy {
            mailbox: row.text(0)?,
            state: state(row.int(1)?),
            reason: row.text(2)?,
            settled: (settled > 0).then(|| settled.div_euclid(1000)),
            trace: row.text(4)?,
            traces_kept: if is_forgotten {
                kept.unsigned_abs() / 1000
            } else {
                0
            },
        })
    });
    copies
        .collect::<Result<_, DatabaseError>>()
        .during("find deliveries")
}

async fn held(conn: &mut Connection, item: i64) -> Result<Vec<(String, String, i64)>, LedgerError> {
    let statement = query("SELECT participant, mailbox, state FROM held WHERE item = $1");
    let rows = statement
        .bind(item)
        .fetch(conn)
        .await
        .during("find held deliveries")?;
    let held = rows
        .iter()
        .map(|row| Ok((row.text(0)?, row.text(1)?, row.int(2)?)));
    held.collect::<Result<_, DatabaseError>>()
        .during("find held deliveries")
}

/// The stored state of a delivery.
fn state(stored: i64) -> DeliveryState {
    match stored {
        1 => DeliveryState::Imported,
        2 => DeliveryState::PartiallyImported,
        3 => DeliveryState::Skipped,
        4 => DeliveryState::Failed,
        _ => DeliveryState::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::database::{Database, effort::goes_by};

    /// Ann's copy, settled then, whose mailbox came into its shard at `moved`.
    async fn copy_of(settled: i64, moved: i64, traces: HoldFor) -> Copy {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).await.unwrap();
        let mut tx = database.begin().await.unwrap();
        for insert in [
            format!(
                "INSERT INTO mailboxes (id, connector, address, shard, pending, moved) \
                 VALUES (1, 1, 'ann', 7, 0, {moved})"
            ),
            format!(
                "INSERT INTO deliveries (item, mailbox, run, date, state, settled) \
                 VALUES (1, 1, 1, 0, 1, {settled})"
            ),
            "INSERT INTO leases (shard, taken, trace) VALUES (7, 100, 'first'), (7, 200, 'second'), \
             (8, 210, 'other shard'), (7, 300, 'third')"
                .to_owned(),
        ] {
            query(insert).execute(&mut tx).await.unwrap();
        }
        deliveries(&mut tx, 1, traces).await.unwrap().remove(0)
    }

    async fn trace_of(settled: i64, moved: i64) -> String {
        copy_of(settled, moved, HoldFor::Forever).await.trace
    }

    #[tokio::test]
    async fn how_long_traces_are_kept_is_told_of_a_copy_whose_own_is_forgotten_and_of_no_other() {
        let days = HoldFor::Time(Duration::from_hours(48));

        // Long ago, before the oldest lease.
        let old = copy_of(99, 0, days).await;
        let old_in_a_known_trace = copy_of(100, 0, days).await;
        let waiting = copy_of(0, 0, days).await;
        let never_forgotten = copy_of(99, 0, HoldFor::Forever).await;

        assert_eq!((old.trace.as_str(), old.traces_kept), ("", 48 * 3600));
        for other in [old_in_a_known_trace, waiting, never_forgotten] {
            assert_eq!(other.traces_kept, 0);
        }
    }

    #[tokio::test]
    async fn a_copy_was_settled_in_the_trace_of_its_shards_newest_lease() {
        assert_eq!(trace_of(250, 0).await, "second");
        assert_eq!(trace_of(200, 0).await, "second");
        assert_eq!(trace_of(300, 0).await, "third");
    }

    #[tokio::test]
    async fn no_trace_is_told_of_a_copy_that_waits_or_was_settled_before_leases_were_noted() {
        assert_eq!(trace_of(0, 0).await, "");
        assert_eq!(trace_of(99, 0).await, "");
    }

    #[tokio::test]
    async fn no_trace_is_told_of_a_copy_that_was_settled_in_another_shard() {
        assert_eq!(trace_of(250, 260).await, "");
        assert_eq!(trace_of(250, 250).await, "second");
    }

    #[tokio::test]
    async fn copies_and_their_leases_are_not_looked_for_among_all() {
        goes_by(DELIVERIES, "SEARCH d USING INDEX").await;
        goes_by(DELIVERIES, "SEARCH l USING PRIMARY KEY (shard=?").await;
    }
}
