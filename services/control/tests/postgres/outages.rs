//! A PostgreSQL that dies, hangs, refuses, or is at odds with itself.

use std::time::Duration;

use chatkeep_control::Settings;
use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{
    CompleteRequest, Refreshed, RunState, Task, complete_request::Result as Outcome,
};
use chatkeep_testkit::Postgres;
use sqlx::{Connection as _, PgConnection};
use tonic::{Code, Status};

use crate::{
    lab::{Lab, settings},
    replicas::{Cluster, assert_closed},
    store,
    world::{World, blob, conversation},
};

const PEOPLE: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];
const SCHEMA: &str = "outages";

/// A server whose commits are on disk: what it has said survives its death.
fn durable() -> (Postgres, Settings) {
    let server = Postgres::start_with(&[]).unwrap();
    let settings = store::on(&server, SCHEMA, &settings());
    (server, settings)
}

fn world() -> World {
    World::of((0..3).map(|number| conversation(number, &PEOPLE)).collect())
}

/// Ends a REFRESH task.
async fn refreshed(mut ledger: LedgerClient, task: &Task) -> Result<(), Status> {
    let refreshed = Refreshed {
        directory: Some(blob("directory")),
        ..Refreshed::default()
    };
    let request = CompleteRequest {
        task: task.id.clone(),
        result: Some(Outcome::Refreshed(refreshed)),
        ..CompleteRequest::default()
    };
    ledger.complete(request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_that_comes_back_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, settings) = durable();
    let cluster = Cluster::start(&settings, folder.path(), 200);
    let run = cluster.open_run().await.run;

    for archived in [50, 200] {
        cluster.archived(archived).await;
        server.kill().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.resume().unwrap();
    }

    let report = cluster.report(run).await;
    assert_closed(&report, &cluster.corpus);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_for_a_while_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (server, settings) = durable();
    let cluster = Cluster::start(&settings, folder.path(), 100);
    let run = cluster.open_run().await.run;
    cluster.archived(50).await;

    server.freeze().unwrap();
    // Longer than the lease of whoever directs.
    tokio::time::sleep(Duration::from_secs(7)).await;
    server.thaw().unwrap();

    let report = cluster.report(run).await;
    assert_closed(&report, &cluster.corpus);
    cluster.stop().await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_an_outage_not_a_wait_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let (server, mut settings) = durable();
    let postgres = settings.postgres.as_mut().unwrap();
    postgres.statement_timeout = Duration::from_secs(2);
    let lab = Lab::open_with(folder.path(), &settings).await;
    lab.open_run().await;
    let task = lab.next("mapping").await;

    server.freeze().unwrap();
    let refused = refreshed(lab.ledger.clone(), &task).await.unwrap_err();
    server.thaw().unwrap();

    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unavailable, "the ledger cannot be reached")
    );
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_an_outage_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (server, settings) = durable();
    let lab = Lab::open_with(folder.path(), &settings).await;
    let run = lab.open_run().await.run;
    let task = lab.next("mapping").await;
    let set_read_only = |word: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {word}");
        server.run(&set).unwrap();
        server.run("SELECT pg_reload_conf()").unwrap();
        // Its processes read their configuration a moment later.
        while server
            .run("SHOW default_transaction_read_only")
            .unwrap()
            .trim()
            != word
        {}
        std::thread::sleep(Duration::from_millis(200));
    };

    set_read_only("on");
    let refused = refreshed(lab.ledger.clone(), &task).await.unwrap_err();
    set_read_only("off");

    assert_eq!(refused.code(), Code::Unavailable);
    refreshed(lab.ledger.clone(), &task).await.unwrap();
    assert_eq!(world().drive(&lab, run).await, RunState::Succeeded);
}

#[tokio::test]
async fn a_transaction_that_loses_a_deadlock_is_repeated_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (server, settings) = durable();
    // A session looks for a deadlock once, so long after it began to wait: the other one must wait by then.
    server
        .run("ALTER SYSTEM SET deadlock_timeout = '8s'")
        .unwrap();
    server.run("SELECT pg_reload_conf()").unwrap();
    let lab = Lab::open_with(folder.path(), &settings).await;
    let run = lab.open_run().await.run;
    let task = lab.next("mapping").await;
    let mut other = PgConnection::connect(&server.admin_url()).await.unwrap();
    let mut sql = async |sql: String| {
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&mut other).await.unwrap();
    };
    // Whoever waits longest notices a deadlock and gives way: never this one.
    sql("BEGIN; SET LOCAL deadlock_timeout = '1h'".to_owned()).await;
    sql(format!("SET LOCAL search_path = {SCHEMA}")).await;
    sql(format!("SELECT id FROM runs WHERE id = {run} FOR UPDATE")).await;

    let refresh = refreshed(lab.ledger.clone(), &task);
    let cross = async {
        let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while server.run(waits).unwrap().trim() == "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sql(format!(
            "SELECT pg_advisory_xact_lock(hashtext('{SCHEMA}'), 1)"
        ))
        .await;
        sql("COMMIT".to_owned()).await;
    };
    let (refreshed, ()) = tokio::join!(refresh, cross);

    refreshed.unwrap();
    // Said by the session when it ends.
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'ledger'";
    let said = async {
        while server.run(deadlocks).unwrap().trim() != "1" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), said)
        .await
        .unwrap();
    assert_eq!(world().drive(&lab, run).await, RunState::Succeeded);
}
