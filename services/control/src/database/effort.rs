//! What SQLite does for a statement: what is quick with a hundred rows may take hours with ten million.

use std::path::Path;

use rusqlite::StatementStatus;

use super::{Connection, Database, query};

/// Items of a batch.
const ITEMS: i64 = 10;

/// Run 1, of so many batches, in one mailbox.
async fn ledger(folder: &Path, batches: i64) -> Database {
    let database = Database::open(folder).await.unwrap();
    let fill = [
        "INSERT INTO mailboxes (id, connector, address, shard, pending) VALUES (1, 1, 'ann', 0, 0)",
        "INSERT INTO batches (id, run, task, input, blob, first, items, hashes) \
         SELECT x, 1, x, '', '', x * $2 - $2 + 1, $2, '' FROM n WHERE x <= $1",
        "INSERT INTO items (id, batch, date, hash, records, lost, info) \
         SELECT x, 1, 0, CAST(x AS BLOB), 1, 0, '' FROM n WHERE x <= $1 * $2",
        "INSERT INTO plans (item, planned, plan) SELECT x, 1, '' FROM n WHERE x <= $1 * $2",
        "INSERT INTO deliveries (item, mailbox, run, date, state) \
         SELECT x, 1, 1, 0, 1 FROM n WHERE x <= $1 * $2",
    ];
    let mut tx = database.begin().await.unwrap();
    for insert in fill {
        let numbers =
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000)";
        let statement = query(format!("{numbers} {insert}"));
        let statement = statement.bind(batches).bind(ITEMS);
        statement.execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    database
}

/// Steps that a statement about run 1 takes, in a ledger of so many batches, behind an item.
async fn steps(sql: &str, batches: i64, item: i64) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let database = ledger(folder.path(), batches).await;
    let conn = database.read().await.unwrap();
    #[cfg_attr(
        not(feature = "postgres"),
        expect(irrefutable_let_patterns, reason = "there is no other database")
    )]
    let Connection::Sqlite(conn) = &*conn else {
        unreachable!("the ledger is in a folder");
    };
    let mut prepared = conn.prepare(sql).unwrap();
    for place in 1..=prepared.parameter_count() {
        let value = match prepared.parameter_name(place) {
            Some("$1") => 1,
            Some("$2") => item,
            _ => 10_000,
        };
        prepared.raw_bind_parameter(place, value).unwrap();
    }
    let mut rows = prepared.raw_query();
    while rows.next().unwrap().is_some() {}
    drop(rows);
    prepared.get_status(StatementStatus::VmStep).into()
}

/// Of ten times as many items it takes about ten times the steps.
pub(crate) async fn grows_with_the_items(sql: &str) {
    let (few, many) = (steps(sql, 50, 0).await, steps(sql, 500, 0).await);
    assert!(many < few * 20, "{few} became {many}: {sql}");
}

/// The last page takes no more steps behind ten times as many items.
pub(crate) async fn begins_where_the_page_does(sql: &str) {
    let (few, many) = (steps(sql, 50, 495).await, steps(sql, 500, 4_995).await);
    assert!(many < few * 2, "{few} became {many}: {sql}");
}

/// Every table is entered by an index that also gives the order.
pub(crate) async fn looks_nothing_through(sql: &str) {
    for step in plan(sql).await {
        assert!(step.starts_with("SEARCH "), "{step}: {sql}");
    }
}

/// A table is entered by this index.
pub(crate) async fn goes_by(sql: &str, index: &str) {
    let plan = plan(sql).await;
    let is_used = plan.iter().any(|step| step.contains(index));
    assert!(is_used, "{plan:?}: {sql}");
}

async fn plan(sql: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    let mut conn = database.read().await.unwrap();
    let mut statement = query(format!("EXPLAIN QUERY PLAN {sql}"));
    let mut places = 1..;
    while sql.contains(&format!("${}", places.next().unwrap())) {
        statement = statement.bind(0);
    }
    let steps = statement.fetch(&mut conn).await.unwrap();
    let step = steps.iter().map(|step| step.text(3).unwrap());
    step.collect()
}
