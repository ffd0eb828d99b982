//! Mailboxes, the shards they belong to, and what waits for them.

use std::collections::{BTreeMap, BTreeSet};

use chatkeep_model::{
    connector::{Connector, Target},
    identity::Fields,
};

use crate::{
    database::{Cell, Connection, LIST, chunks, insert, insert_into, query},
    error::{During as _, LedgerError},
};

/// Number of shards of mailboxes.
pub(crate) const SHARDS: i64 = 64;

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
        Target::Graph(target) => format!("graph:{}:{}", target.auth.tenant, target.folder),
        Target::Ews(target) => format!("ews:{}:{}", target.url, target.folder),
        Target::Discard { .. } => "discard".to_owned(),
    }
}

/// The shard of a mailbox, the same for ever and everywhere.
pub(super) fn shard(target: &str, mailbox: &str) -> i64 {
    let digest = Fields::of("shard").text(target).text(mailbox).digest();
    i64::from(digest[0]) % SHARDS
}

/// Adds deliveries; all of them are new. A mailbox for which `enough` wait is worth a task.
pub(super) async fn deliver(
    conn: &mut Connection,
    (connector, target): (i64, &str),
    enough: u32,
    deliveries: &[NewDelivery],
) -> Result<(), LedgerError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
    for delivery in deliveries {
        *wanted.entry(&delivery.mailbox).or_default() += 1;
    }
    raise_pending(conn, connector, target, &wanted).await?;
    insert_deliveries(conn, connector, deliveries).await?;
    let addresses: Vec<_> = wanted.keys().map(|address| Cell::text(address)).collect();
    let ripe = ripe_shards(conn, connector, enough, &addresses).await?;
    // By shard: how many joined, and whether a mailbox is worth a task.
    let mut lanes: BTreeMap<i64, (i64, bool)> = BTreeMap::new();
    for (address, added) in wanted {
        let shard = shard(target, address);
        let lane = lanes.entry(shard).or_insert((0, ripe.contains(&shard)));
        lane.0 += added;
    }
    add_to_lanes(conn, connector, &lanes).await
}

/// Finds or makes mailboxes and raises the number of their waiting deliveries.
async fn raise_pending(
    conn: &mut Connection,
    connector: i64,
    target: &str,
    wanted: &BTreeMap<&str, i64>,
) -> Result<(), LedgerError> {
    let rows = wanted.iter().map(|(address, added)| {
        [
            Cell::Int(connector),
            Cell::text(address),
            Cell::Int(shard(target, address)),
            Cell::Int(*added),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let now = super::now();
    for chunk in chunks(&rows) {
        let raise = insert_into("mailboxes (connector, address, shard, pending)")
            .sql(" ")
            .rows(chunk)
            .sql(
                " ON CONFLICT (connector, address) DO UPDATE \
                 SET pending = mailboxes.pending + excluded.pending, shard = excluded.shard, \
                 moved = CASE WHEN mailboxes.shard <> excluded.shard THEN ",
            )
            .int(now)
            .sql(" ELSE mailboxes.moved END");
        raise.execute(conn).await.during("find mailboxes")?;
    }
    Ok(())
}

async fn insert_deliveries(
    conn: &mut Connection,
    connector: i64,
    deliveries: &[NewDelivery],
) -> Result<(), LedgerError> {
    let rows = deliveries.iter();
    let rows: Vec<_> = rows
        .map(|delivery| {
            [
                Cell::Int(delivery.item),
                Cell::text(&delivery.mailbox),
                Cell::Int(delivery.run),
                Cell::Int(delivery.date),
                Cell::Int(connector),
            ]
        })
        .collect();
    let mut inserted = 0;
    for chunk in chunks(&rows) {
        let table = "deliveries (item, mailbox, run, date) \
            SELECT v.column1, m.id, v.column3, v.column4 FROM (";
        let tail = ") AS v CROSS JOIN mailboxes m WHERE m.address = v.column2 \
            AND m.connector = v.column5";
        let statement = insert_into(table).rows(chunk);
        let statement = statement.sql(tail);
        inserted += statement.execute(conn).await.during("record deliveries")?;
    }
    if inserted == deliveries.len() as u64 {
        Ok(())
    } else {
        Err(LedgerError::Unknown("mailbox"))
    }
}

/// Shards of those of these mailboxes for which enough waits.
async fn ripe_shards(
    conn: &mut Connection,
    connector: i64,
    enough: u32,
    addresses: &[Cell<'_>],
) -> Result<BTreeSet<i64>, LedgerError> {
    let mut ripe = BTreeSet::new();
    for addresses in addresses.chunks(LIST) {
        let statement = query("SELECT DISTINCT shard FROM mailboxes WHERE pending >= ")
            .int(enough.into())
            .sql(" AND connector = ")
            .int(connector)
            .sql(" AND address ")
            .list(addresses);
        let rows = statement.fetch(conn).await;
        for row in rows.during("look at mailboxes")? {
            ripe.insert(row.int(0).during("look at mailboxes")?);
        }
    }
    Ok(ripe)
}

async fn add_to_lanes(
    conn: &mut Connection,
    connector: i64,
    lanes: &BTreeMap<i64, (i64, bool)>,
) -> Result<(), LedgerError> {
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
    let table = "lanes (connector, shard, waiting, ripe, since, due)";
    let tail = " ON CONFLICT (connector, shard) DO UPDATE SET \
        waiting = lanes.waiting + excluded.waiting, \
        ripe = CASE WHEN excluded.ripe = 1 THEN 1 ELSE lanes.ripe END, \
        since = CASE WHEN lanes.since = 0 THEN excluded.since ELSE lanes.since END, due = 0";
    insert(conn, table, &rows, tail)
        .await
        .during("add to shards")?;
    Ok(())
}

/// Counts anew what waits for a connector's mailboxes, after deliveries were given back.
pub(crate) async fn recount(conn: &mut Connection, connector: i64) -> Result<(), LedgerError> {
    let count = query(
        "UPDATE mailboxes SET pending = (SELECT COUNT(*) FROM deliveries d \
         WHERE d.mailbox = mailboxes.id AND d.state = 0) WHERE connector = $1",
    );
    count
        .bind(connector)
        .execute(&mut *conn)
        .await
        .during("count waiting deliveries")?;
    let fill = query(
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
