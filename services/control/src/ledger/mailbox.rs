//! Mailboxes, the shards they belong to, and what waits for them.

use std::collections::BTreeMap;

use chatkeep_model::{
    connector::{Connector, Target},
    identity::Fields,
};
use sqlx::AnyConnection;

use crate::{
    database::{Cell, Columns as _, Statement, chunks, insert},
    error::{During as _, LedgerError},
};

/// Number of shards of mailboxes.
pub(crate) const SHARDS: i64 = 64;
/// A mailbox with so many waiting deliveries is worth a task: the batch size at which append rates
/// stop growing.
pub(crate) const RIPE: i64 = 50;

/// A delivery that does not exist yet.
#[derive(Clone, Debug)]
pub(super) struct NewDelivery {
    pub(super) item: i64,
    /// The item's date, seconds.
    pub(super) date: i64,
    pub(super) mailbox: String,
    /// The run it belongs to: the item's.
    pub(super) run: i64,
}

/// What tells targets apart, for the shard of a mailbox.
pub(super) fn target_identity(connector: &Connector) -> String {
    match &connector.target {
        Target::Maildir(target) => format!("maildir:{}:{}", target.path.display(), target.folder),
        Target::Imap(target) => {
            format!(
                "imap:{}:{}:{}",
                target.host,
                target.port.unwrap_or(0),
                target.folder
            )
        }
        Target::Discard { .. } => "discard".to_owned(),
    }
}

/// The shard of a mailbox, the same for ever and everywhere.
pub(super) fn shard(target: &str, mailbox: &str) -> i64 {
    let digest = Fields::of("shard").text(target).text(mailbox).digest();
    i64::from(digest[0]) % SHARDS
}

/// A mailbox that deliveries were added to.
#[derive(Clone, Copy, Debug)]
struct Pending {
    key: i64,
    shard: i64,
    waiting: i64,
    added: i64,
}

/// Adds deliveries; all of them are new.
pub(super) async fn deliver(
    conn: &mut AnyConnection,
    connector: i64,
    target: &str,
    deliveries: &[NewDelivery],
) -> Result<(), LedgerError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
    for delivery in deliveries {
        *wanted.entry(&delivery.mailbox).or_default() += 1;
    }
    let mailboxes = add_pending(conn, connector, target, &wanted).await?;
    let mut rows = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let mailbox = mailboxes.get(&*delivery.mailbox);
        let mailbox = mailbox.ok_or(LedgerError::Unknown("mailbox"))?;
        rows.push([
            Cell::Int(delivery.item),
            Cell::Int(mailbox.key),
            Cell::Int(delivery.run),
            Cell::Int(delivery.date),
        ]);
    }
    let head = "INSERT INTO deliveries (item, mailbox, run, date) VALUES ";
    insert(conn, head, &rows, "")
        .await
        .during("record deliveries")?;
    add_to_lanes(conn, connector, mailboxes.values()).await
}

/// Finds or makes mailboxes and raises the number of their waiting deliveries.
async fn add_pending(
    conn: &mut AnyConnection,
    connector: i64,
    target: &str,
    wanted: &BTreeMap<&str, i64>,
) -> Result<BTreeMap<String, Pending>, LedgerError> {
    let rows = wanted.iter().map(|(address, added)| {
        [
            Cell::Int(connector),
            Cell::Text(address),
            Cell::Int(shard(target, address)),
            Cell::Int(*added),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let mut mailboxes = BTreeMap::new();
    for chunk in chunks(&rows) {
        let head = "INSERT INTO mailboxes (connector, address, shard, pending) VALUES ";
        let tail = " ON CONFLICT (connector, address) DO UPDATE \
            SET pending = mailboxes.pending + excluded.pending \
            RETURNING address, id, shard, pending";
        let statement = Statement::new(head)
            .rows(chunk)
            .during("find mailboxes")?
            .sql(tail);
        for row in statement.fetch(conn).await.during("find mailboxes")? {
            let address = row.text(0).during("find mailboxes")?;
            let pending = Pending {
                added: wanted.get(&*address).copied().unwrap_or(0),
                key: row.int(1).during("find mailboxes")?,
                shard: row.int(2).during("find mailboxes")?,
                waiting: row.int(3).during("find mailboxes")?,
            };
            mailboxes.insert(address, pending);
        }
    }
    Ok(mailboxes)
}

async fn add_to_lanes<'a>(
    conn: &mut AnyConnection,
    connector: i64,
    mailboxes: impl Iterator<Item = &'a Pending>,
) -> Result<(), LedgerError> {
    // By shard: how many joined, and whether a mailbox is worth a task.
    let mut lanes: BTreeMap<i64, (i64, bool)> = BTreeMap::new();
    for mailbox in mailboxes {
        let lane = lanes.entry(mailbox.shard).or_default();
        lane.0 += mailbox.added;
        lane.1 |= mailbox.waiting >= RIPE;
    }
    let now = super::now();
    let rows = lanes.iter().map(|(shard, (added, is_ripe))| {
        [
            Cell::Int(connector),
            Cell::Int(*shard),
            Cell::Int(*added),
            Cell::Int(i64::from(*is_ripe)),
            Cell::Int(now),
            Cell::Int(0),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = "INSERT INTO lanes (connector, shard, waiting, ripe, since, due) VALUES ";
    let tail = " ON CONFLICT (connector, shard) DO UPDATE SET \
        waiting = lanes.waiting + excluded.waiting, \
        ripe = CASE WHEN excluded.ripe = 1 THEN 1 ELSE lanes.ripe END, \
        since = CASE WHEN lanes.since = 0 THEN excluded.since ELSE lanes.since END, due = 0";
    insert(conn, head, &rows, tail)
        .await
        .during("add to shards")?;
    Ok(())
}

/// Counts anew what waits for a connector's mailboxes, after deliveries were given back.
pub(crate) async fn recount(conn: &mut AnyConnection, connector: i64) -> Result<(), LedgerError> {
    let count = sqlx::query(
        "UPDATE mailboxes SET pending = (SELECT COUNT(*) FROM deliveries d \
         WHERE d.mailbox = mailboxes.id AND d.state = 0) WHERE connector = $1",
    );
    count
        .bind(connector)
        .execute(&mut *conn)
        .await
        .during("count waiting deliveries")?;
    let fill = sqlx::query(
        "INSERT INTO lanes (connector, shard, waiting, ripe, since, due) \
         SELECT connector, shard, CAST(SUM(pending) AS BIGINT), 1, $1, 0 FROM mailboxes \
         WHERE connector = $2 GROUP BY connector, shard \
         ON CONFLICT (connector, shard) DO UPDATE SET waiting = excluded.waiting, ripe = 1, \
         since = excluded.since, due = 0",
    );
    let fill = fill.bind(super::now()).bind(connector);
    fill.execute(conn)
        .await
        .during("count waiting deliveries")?;
    Ok(())
}
