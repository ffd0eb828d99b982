//! What conversion reports: items, pinned by the hashes that were recorded first.

use chatkeep_proto::v1::{Converted, Item};
use chatkeep_runtime::trace;
use prost::Message as _;

use super::{capture, capture::signed, run::encode_blob, task::TaskRow};
use crate::{
    database::{Cell, Connection, insert, query},
    error::{During as _, LedgerError},
};

/// Records the end of a CONVERT task. Returns the range of the items it made.
pub(super) async fn converted(
    conn: &mut Connection,
    task: &TaskRow,
    converted: &Converted,
) -> Result<(i64, i64), LedgerError> {
    let first = next_item(conn, task.connector).await?;
    let count = signed(converted.items.len() as u64);
    if count > 0 {
        let batch = insert_batch(conn, task, converted, first).await?;
        let new = insert_items(conn, batch, first, &converted.items).await?;
        if new < converted.items.len() as u64 {
            let update = query("UPDATE batches SET hashes = $1 WHERE id = $2");
            let update = update.bind(Vec::new()).bind(batch);
            update.execute(&mut *conn).await.during("record batch")?;
        }
    }
    capture::quarantine(conn, task, &converted.quarantined).await?;
    let update = query("UPDATE runs SET n_items = n_items + $1 WHERE id = $2");
    let update = update.bind(count).bind(task.run);
    update.execute(conn).await.during("count items")?;
    Ok((first, count))
}

async fn next_item(conn: &mut Connection, connector: i64) -> Result<i64, LedgerError> {
    let (first, end) = conn.dialect().keys_of(connector);
    let statement = query("SELECT COALESCE(MAX(id), $1) + 1 FROM items WHERE id > $1 AND id < $2");
    let statement = statement.bind(first).bind(end);
    let row = statement.fetch_one(conn).await.during("number items")?;
    row.int(0).during("number items")
}

async fn insert_batch(
    conn: &mut Connection,
    task: &TaskRow,
    converted: &Converted,
    first: i64,
) -> Result<i64, LedgerError> {
    let statement = query(
        "INSERT INTO batches (run, task, input, blob, first, items, hashes, rendered_in) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(task.run)
    .bind(task.key)
    .bind(encode_blob(task.input.as_ref()))
    .bind(encode_blob(converted.blob.as_ref()))
    .bind(first)
    .bind(signed(converted.items.len() as u64))
    .bind(encode_hashes(&converted.items))
    .bind(trace::current_id().unwrap_or_default());
    let row = statement.fetch_one(conn).await.during("record batch")?;
    row.int(0).during("record batch")
}

async fn insert_items(
    conn: &mut Connection,
    batch: i64,
    first: i64,
    items: &[Item],
) -> Result<u64, LedgerError> {
    let infos: Vec<_> = items.iter().map(encode_info).collect();
    let rows: Vec<_> = (first..)
        .zip(items.iter().zip(&infos))
        .map(|(key, (item, info))| {
            [
                Cell::Int(key),
                Cell::Int(batch),
                Cell::Int(item.date),
                Cell::bytes(&item.id),
                Cell::Int(item.records.into()),
                Cell::Int(0),
                Cell::bytes(info),
            ]
        })
        .collect();
    let table = "items (id, batch, date, hash, records, lost, info)";
    // An item that exists keeps its first bytes: they may be in mailboxes already.
    let tail = " ON CONFLICT (date, hash) DO NOTHING";
    insert(conn, table, &rows, tail)
        .await
        .during("record items")
}

/// Condition on batches `b`: those of run $1 from the one on that holds item $2. In the order of
/// `b.first`, a page of their items begins where it should, not at the run's first batch.
///
/// Ranges of items are joined with CROSS JOIN, batches first: SQLite keeps to that order. Of the other
/// one, every item looks through all batches. Where the page begins is asked of `+id`, which no index is
/// looked through for: else every batch may look through all items from there on.
pub(crate) const BATCHES_FROM: &str = "b.run = $1 AND b.first >= COALESCE(\
    (SELECT MAX(first) FROM batches WHERE run = $1 AND first <= $2), 0)";

/// Length of a hash and a date in a batch's list.
const HASH_AND_DATE: usize = 32 + 8;

/// Hash and date of every item, in order. Empty when a hash is none.
fn encode_hashes(items: &[Item]) -> Vec<u8> {
    if items.iter().any(|item| item.id.len() != 32) {
        return Vec::new();
    }
    let mut hashes = Vec::with_capacity(items.len() * HASH_AND_DATE);
    for item in items {
        hashes.extend_from_slice(&item.id);
        hashes.extend_from_slice(&item.date.to_le_bytes());
    }
    hashes
}

/// Reads what [`encode_hashes`] stored.
pub(super) fn decode_hashes(hashes: &[u8]) -> impl Iterator<Item = (&[u8], i64)> {
    hashes.chunks_exact(HASH_AND_DATE).map(|entry| {
        let (hash, date) = entry.split_at(32);
        (
            hash,
            i64::from_le_bytes(date.try_into().unwrap_or_default()),
        )
    })
}

/// What is stored of an item beside its columns.
fn encode_info(item: &Item) -> Vec<u8> {
    let info = Item {
        id: Vec::new().into(),
        date: 0,
        records: 0,
        kind: item.kind.clone(),
        conversation: item.conversation.clone(),
        parts: item.parts.clone(),
        supersedes: item.supersedes.clone(),
    };
    info.encode_to_vec()
}

/// Reads what [`encode_info`] stored.
pub(crate) fn decode_info(bytes: &[u8]) -> Result<Item, LedgerError> {
    Item::decode(bytes).map_err(|_| LedgerError::Malformed("stored item"))
}
