use super::*;
use crate::database::{Database, OpenError};

async fn run(database: &Database, sql: impl Into<String>) {
    let mut tx = database.begin().await.unwrap();
    query(sql.into()).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_older_ledger_gets_the_steps_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    drop_format_9(&database).await;
    for later in [
        "DROP TABLE directors",
        "DROP TABLE schedules",
        "DROP TABLE backfills",
        "ALTER TABLE runs DROP COLUMN backfill",
        "ALTER TABLE runs DROP COLUMN cancelled",
        "ALTER TABLE runs DROP COLUMN resumes",
        "ALTER TABLE runs DROP COLUMN resume_at",
        "ALTER TABLE sessions DROP COLUMN origin",
        "ALTER TABLE tasks DROP COLUMN duplicates",
        "ALTER TABLE connectors DROP COLUMN version",
        "ALTER TABLE connectors DROP COLUMN changed",
        "ALTER TABLE connectors DROP COLUMN deleted",
    ] {
        run(&database, later.to_owned()).await;
    }
    for table in [
        "cleared",
        "kept",
        "janitor",
        "cursors",
        "stretches",
        "room_days",
        "findings",
        "hours",
        "hours_read",
        "coverage",
        "mirrors",
        "audit",
        "sign_ins",
        "secrets",
    ] {
        run(&database, format!("DROP TABLE {table}")).await;
    }
    run(&database, "DROP INDEX batches_in_order").await;
    run(&database, "UPDATE format SET version = 1").await;
    drop(database);

    let database = Database::open(folder.path()).await.unwrap();

    run(&database, "DELETE FROM directors").await;
    run(&database, "UPDATE cursors SET counted = 1").await;
    for table in [
        "findings",
        "hours",
        "hours_read",
        "coverage",
        "mirrors",
        "audit",
        "sign_ins",
        "secrets",
        "reports",
        "secret_places",
    ] {
        run(&database, format!("DELETE FROM {table}")).await;
    }
    run(&database, "UPDATE runs SET backfill = 1").await;
    let mut conn = database.read().await.unwrap();
    let version = query("SELECT version FROM format");
    let version = version.fetch_one(&mut conn).await.unwrap();
    assert_eq!(version.int(0).unwrap(), FORMAT);
}

#[tokio::test]
async fn a_ledger_of_format_6_keeps_its_positions_and_counts_hours_from_now_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    run(&database, "ALTER TABLE cursors DROP COLUMN counted").await;
    drop_format_8(&database).await;
    for table in ["findings", "hours", "hours_read", "coverage", "mirrors"] {
        run(&database, format!("DROP TABLE {table}")).await;
    }
    let position = "INSERT INTO cursors (connector, name, stream, identity, position) \
        VALUES (1, 'db', 'Messages', 'one', 100)";
    run(&database, position).await;
    run(&database, "UPDATE format SET version = 6").await;
    drop(database);

    let database = Database::open(folder.path()).await.unwrap();

    let mut conn = database.read().await.unwrap();
    let cursor = query("SELECT position, counted FROM cursors");
    let cursor = cursor.fetch_one(&mut conn).await.unwrap();
    assert_eq!(cursor.int(0).unwrap(), 100);
    assert_eq!(cursor.maybe_int(1).unwrap(), None);
    let findings = query("SELECT COUNT(*) FROM findings");
    let findings = findings.fetch_one(&mut conn).await.unwrap();
    assert_eq!(findings.int(0).unwrap(), 0);
}

async fn drop_format_10(database: &Database) {
    run(database, "DROP INDEX held_failed").await;
    for table in ["leases", "reports", "proposals", "secret_places"] {
        run(database, format!("DROP TABLE {table}")).await;
    }
    for column in [
        "tasks DROP COLUMN opened",
        "batches DROP COLUMN rendered_in",
        "batches DROP COLUMN planned_in",
        "mailboxes DROP COLUMN moved",
        "secrets DROP COLUMN author",
    ] {
        run(database, format!("ALTER TABLE {column}")).await;
    }
}

async fn drop_format_9(database: &Database) {
    drop_format_10(database).await;
    for index in ["runs_of_backfill", "deliveries_failed"] {
        run(database, format!("DROP INDEX {index}")).await;
    }
}

async fn drop_format_8(database: &Database) {
    drop_format_9(database).await;
    for column in ["version", "changed", "deleted"] {
        let drop = format!("ALTER TABLE connectors DROP COLUMN {column}");
        run(database, drop).await;
    }
    for table in ["audit", "sign_ins", "secrets"] {
        run(database, format!("DROP TABLE {table}")).await;
    }
}

#[tokio::test]
async fn connectors_of_a_ledger_of_format_7_are_in_use_and_of_the_first_version() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    drop_format_8(&database).await;
    let connector = "INSERT INTO connectors (name_id, name, domain, file, resolved) \
        VALUES ('contoso', 'Contoso', 'contoso.com', '', '')";
    run(&database, connector).await;
    run(&database, "UPDATE format SET version = 7").await;
    drop(database);

    let database = Database::open(folder.path()).await.unwrap();

    let mut conn = database.read().await.unwrap();
    let stored = query("SELECT version, changed, deleted FROM connectors");
    let stored = stored.fetch_one(&mut conn).await.unwrap();
    assert_eq!(stored.int(0).unwrap(), 1);
    assert_eq!(stored.maybe_int(1).unwrap(), None);
    assert_eq!(stored.maybe_int(2).unwrap(), None);
}

#[tokio::test]
async fn a_newer_ledger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    run(&database, "UPDATE format SET version = 99").await;
    drop(database);

    let refused = Database::open(folder.path()).await.unwrap_err();

    assert!(matches!(refused, OpenError::Newer { found: 99, .. }));
}
