//! How long pages take when the ledger has 10,000 runs and a million items.
//!
//! `cargo test -p chatkeep --features console --test access -- --ignored --nocapture pages_of`

use std::{path::Path, time::Instant};

use reqwest::StatusCode;
use rusqlite::Connection;
use serde_json::json;

use crate::{
    contoso,
    system::{ADMINISTRATOR, Browser, System},
};

const RUNS: i64 = 10_000;
const ITEMS: i64 = 1_000_000;
/// Items of the newest run; the others have the rest.
const LARGEST: i64 = 500_000;
const OF_OTHERS: i64 = (ITEMS - LARGEST) / (RUNS - 1);
/// Every so-manieth delivery of the newest run has failed.
const FAILED: i64 = 50_000;

/// Makes many runs of the first one, and many items of its first.
fn fill(folder: &Path) {
    let mut database = Connection::open(folder.join(".chatkeep/ledger.sqlite")).unwrap();
    let fill = database.transaction().unwrap();
    let columns = |table: &str, but: &[&str]| {
        let names = format!("SELECT name FROM pragma_table_info('{table}')");
        let mut names = fill.prepare(&names).unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut names: Vec<_> = names.map(Result::unwrap).collect();
        names.retain(|name| !but.contains(&name.as_str()));
        names.join(", ")
    };
    let numbers = |last: i64| {
        format!("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {last})")
    };
    let many = |last: i64, insert: &str| {
        let insert = format!("{} {insert}", numbers(last));
        fill.execute(&insert, []).unwrap();
    };
    let same = columns("runs", &["id", "number"]);
    let copies = format!(
        "INSERT INTO runs (id, number, {same}) \
         SELECT x + 1000, x + 1000, {same} FROM n, (SELECT * FROM runs LIMIT 1)"
    );
    many(RUNS - 1, &copies);
    let same = columns("seals", &["id", "number", "run"]);
    let copies = format!(
        "INSERT INTO seals (number, run, {same}) \
         SELECT x + 1000, x + 1000, {same} FROM n, (SELECT * FROM seals LIMIT 1)"
    );
    many(RUNS - 1, &copies);
    // Nothing of them is left to do.
    fill.execute(
        "INSERT OR IGNORE INTO cleared SELECT id, 0, 1 FROM runs",
        [],
    )
    .unwrap();
    let newest = RUNS - 1 + 1_000;
    let of_items = format!(
        "CREATE TEMP TABLE made AS {} SELECT x + 1000000 AS item, \
         CASE WHEN x <= {LARGEST} THEN {newest} ELSE 1001 + (x - {LARGEST} - 1) / {OF_OTHERS} END AS run FROM n",
        numbers(ITEMS)
    );
    fill.execute_batch(&of_items).unwrap();
    fill.execute_batch(
        "INSERT INTO batches (run, task, input, blob, first, items, hashes) \
         SELECT run, 1, '', '', MIN(item), COUNT(*), '' FROM made GROUP BY run, item / 100; \
         INSERT INTO items (id, batch, date, hash, records, lost, info) \
         SELECT item, (SELECT id FROM batches b WHERE b.first <= item ORDER BY b.first DESC LIMIT 1), \
         i.date - item, randomblob(32), i.records, 0, i.info FROM made, (SELECT * FROM items LIMIT 1) i; \
         INSERT INTO plans (item, planned, plan) \
         SELECT item, 1, plan FROM made, (SELECT plan FROM plans LIMIT 1);",
    )
    .unwrap();
    let deliveries = format!(
        "INSERT INTO deliveries (item, mailbox, run, date, state, reason) \
         SELECT item, m.id, run, 0, CASE WHEN run = {newest} AND item % {FAILED} = 0 THEN 4 ELSE 1 END, '' \
         FROM made, (SELECT id FROM mailboxes LIMIT 1) m"
    );
    fill.execute(&deliveries, []).unwrap();
    fill.execute_batch("DROP TABLE made").unwrap();
    fill.commit().unwrap();
}

/// Milliseconds that a page takes, the median of many times.
async fn median(browser: &mut Browser, path: &str) -> f64 {
    let mut times = Vec::new();
    for _ in 0..31 {
        let begun = Instant::now();
        let page = browser.get(path).await;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[tokio::test]
#[ignore = "a measurement: fills a ledger of a gigabyte"]
async fn pages_of_ten_thousand_runs_and_a_million_items_take_less_than_20_ms() {
    let mut system = System::with_issuer().await;
    let mut script = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut script).await;
    let runs = format!("/api/v1/connectors/{connector}/runs");
    script.post(&runs, &json!({})).await;
    contoso::closed(&mut script, &format!("{runs}/1")).await;
    system.again(fill);
    let mut browser = system.signed_in(&ADMINISTRATOR).await;

    let newest = RUNS - 1 + 1_000;
    let page = format!("/connectors/{connector}");
    let mut slow = Vec::new();
    for path in [
        "/connectors".to_owned(),
        page.clone(),
        format!("{page}?before=5000"),
        format!("{page}/progress"),
        format!("{page}/runs/{newest}"),
        format!("{page}/runs/{newest}?list=failed"),
        format!("{page}/runs/{newest}?list=held"),
        format!("{page}/runs/1500"),
        "/audit".to_owned(),
        "/secrets".to_owned(),
        "/items".to_owned(),
    ] {
        let time = median(&mut browser, &path).await;
        println!("{path}: {time:.1} ms");
        if time >= 20.0 {
            slow.push(path);
        }
    }

    assert!(slow.is_empty(), "{slow:?}");
}
