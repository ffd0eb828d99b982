//! How long pages take when the ledger has 10,000 runs and a million items, in SQLite and in PostgreSQL.
//!
//! `cargo test -p chatkeep -p chatkeep-control --all-features --test access -- --ignored --nocapture pages_of`

use std::{path::Path, time::Instant};

use chatkeep_testkit::{OpenIdProvider, Postgres};
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
/// The newest run.
const NEWEST: i64 = RUNS - 1 + 1_000;
/// Where PostgreSQL has the ledger.
const SCHEMA: &str = "weight";

/// What makes many runs of the first one, and many items of its first. `columns` names those of a table but
/// some; `hash` makes one of an item's key.
fn statements(columns: impl Fn(&str, &[&str]) -> String, hash: &str) -> Vec<String> {
    let numbers = |last: i64| {
        format!("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {last})")
    };
    let copied = |table: &str, made: &str, but: &[&str]| {
        let same = columns(table, but);
        let copies = format!(
            "SELECT x + 1000, x + 1000, {same} FROM n, (SELECT * FROM {table} LIMIT 1) one"
        );
        format!(
            "INSERT INTO {table} ({made}, {same}) {} {copies}",
            numbers(RUNS - 1)
        )
    };
    vec![
        copied("runs", "id, number", &["id", "number"]),
        copied("seals", "number, run", &["id", "number", "run"]),
        // Nothing of them is left to do.
        "INSERT INTO cleared SELECT id, 0, 1 FROM runs WHERE TRUE ON CONFLICT DO NOTHING"
            .to_owned(),
        format!(
            "CREATE TEMP TABLE made AS {} SELECT x + 1000000 AS item, \
             CASE WHEN x <= {LARGEST} THEN {NEWEST} ELSE 1001 + (x - {LARGEST} - 1) / {OF_OTHERS} END AS run \
             FROM n",
            numbers(ITEMS)
        ),
        "INSERT INTO batches (run, task, input, blob, first, items, hashes) \
         SELECT run, 1, '', '', MIN(item), COUNT(*), '' FROM made GROUP BY run, item / 100"
            .to_owned(),
        format!(
            "INSERT INTO items (id, batch, date, hash, records, lost, info) SELECT item, \
             (SELECT id FROM batches b WHERE b.first <= item ORDER BY b.first DESC LIMIT 1), \
             i.date - item, {hash}, i.records, 0, i.info FROM made, (SELECT * FROM items LIMIT 1) i"
        ),
        "INSERT INTO plans (item, planned, plan) \
         SELECT made.item, 1, one.plan FROM made, (SELECT plan FROM plans LIMIT 1) one"
            .to_owned(),
        format!(
            "INSERT INTO deliveries (item, mailbox, run, date, state, reason) SELECT item, m.id, run, 0, \
             CASE WHEN run = {NEWEST} AND item % {FAILED} = 0 THEN 4 ELSE 1 END, '' \
             FROM made, (SELECT id FROM mailboxes LIMIT 1) m"
        ),
        "DROP TABLE made".to_owned(),
    ]
}

fn fill_sqlite(folder: &Path) {
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
    for statement in statements(columns, "randomblob(32)") {
        fill.execute(&statement, []).unwrap();
    }
    fill.commit().unwrap();
}

fn fill_postgres(server: &Postgres) {
    let columns = |table: &str, but: &[&str]| {
        let names = format!(
            "SELECT column_name FROM information_schema.columns \
             WHERE table_schema = '{SCHEMA}' AND table_name = '{table}' ORDER BY ordinal_position"
        );
        let names = server.run(&names).unwrap();
        let mut names: Vec<_> = names.lines().collect();
        names.retain(|name| !but.contains(name));
        names.join(", ")
    };
    let statements = statements(columns, "sha256(item::TEXT::BYTEA)").join("; ");
    server
        .run(&format!("SET search_path = {SCHEMA}; {statements}"))
        .unwrap();
    // As its own housekeeping would have by the time that a ledger is as large.
    server.run("VACUUM ANALYZE").unwrap();
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

/// What pages take, and which, once the ledger of a system is filled.
async fn times(mut system: System, fill: impl FnOnce(&Path)) -> Vec<(String, f64)> {
    let mut script = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut script).await;
    let runs = format!("/api/v1/connectors/{connector}/runs");
    script.post(&runs, &json!({})).await;
    contoso::closed(&mut script, &format!("{runs}/1")).await;
    system.again(fill);
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let page = format!("/connectors/{connector}");
    let mut times = Vec::new();
    for path in [
        "/connectors".to_owned(),
        page.clone(),
        format!("{page}?before=5000"),
        format!("{page}/progress"),
        format!("{page}/runs/{NEWEST}"),
        format!("{page}/runs/{NEWEST}?list=failed"),
        format!("{page}/runs/{NEWEST}?list=held"),
        format!("{page}/runs/1500"),
        "/audit".to_owned(),
        "/secrets".to_owned(),
        "/items".to_owned(),
    ] {
        let time = median(&mut browser, &path).await;
        times.push((path, time));
    }
    times
}

#[tokio::test]
#[ignore = "a measurement: fills two ledgers of a gigabyte"]
async fn pages_of_ten_thousand_runs_and_a_million_items() {
    let server = Postgres::shared().unwrap();
    server.make_schema(SCHEMA).unwrap();
    let password = format!("file:{}", server.password_file().display());
    let postgres = [
        ("CHATKEEP__CONTROL__POSTGRES__URL", server.url(SCHEMA)),
        ("CHATKEEP__CONTROL__POSTGRES__PASSWORD", password),
    ];
    let postgres = postgres
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));

    let in_sqlite = times(System::with_issuer().await, fill_sqlite).await;
    let provider = OpenIdProvider::start().await.unwrap();
    let system = System::start(Some(provider), &postgres);
    let in_postgres = times(system, |_| fill_postgres(&server)).await;

    println!("| page | SQLite, ms | PostgreSQL, ms |\n|---|---|---|");
    for ((path, sqlite), (_, postgres)) in in_sqlite.into_iter().zip(in_postgres) {
        println!("| `{path}` | {sqlite:.1} | {postgres:.1} |");
    }
}
