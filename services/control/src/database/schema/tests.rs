use super::*;
use crate::database::{Database, OpenError};

async fn run(database: &Database, sql: impl Into<String>) {
    let mut tx = database.begin().await.unwrap();
    query(sql.into()).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn drop_all(database: &Database, what: &str, names: &[&str]) {
    for name in names {
        run(database, format!("DROP {what} {name}")).await;
    }
}

async fn drop_columns(database: &Database, columns: &[(&str, &str)]) {
    for (table, column) in columns {
        run(
            database,
            format!("ALTER TABLE {table} DROP COLUMN {column}"),
        )
        .await;
    }
}

/// What format 11 and all before it have brought, the newest first, down to this one.
async fn drop_down_to(database: &Database, format: i64) {
    run(database, "DROP INDEX reports_settled").await;
    run(database, "DROP INDEX deliveries_failed_by_mailbox").await;
    if format <= 9 {
        run(database, "DROP INDEX held_failed").await;
        let tables = ["leases", "reports", "proposals", "secret_places"];
        drop_all(database, "TABLE", &tables).await;
        let columns = [
            ("tasks", "opened"),
            ("batches", "rendered_in"),
            ("batches", "planned_in"),
            ("mailboxes", "moved"),
            ("secrets", "author"),
        ];
        drop_columns(database, &columns).await;
    }
    if format <= 8 {
        drop_all(
            database,
            "INDEX",
            &["runs_of_backfill", "deliveries_failed"],
        )
        .await;
        drop_all(database, "INDEX", &["audit_of_action"]).await;
    }
    if format <= 7 {
        drop_all(database, "TABLE", &["audit", "sign_ins", "secrets"]).await;
        let columns = ["version", "changed", "deleted"].map(|column| ("connectors", column));
        drop_columns(database, &columns).await;
    }
    if format <= 6 {
        let tables = ["findings", "hours", "hours_read", "coverage", "mirrors"];
        drop_all(database, "TABLE", &tables).await;
        drop_columns(database, &[("cursors", "counted")]).await;
    }
    if format <= 5 {
        drop_all(database, "TABLE", &["cursors", "stretches", "room_days"]).await;
        let columns = [
            ("backfills", "newest_first"),
            ("sessions", "origin"),
            ("tasks", "duplicates"),
        ];
        drop_columns(database, &columns).await;
    }
    if format <= 4 {
        drop_all(database, "INDEX", &["batches_in_order"]).await;
    }
    if format <= 3 {
        drop_all(database, "TABLE", &["cleared", "kept", "janitor"]).await;
    }
    if format <= 2 {
        drop_all(database, "TABLE", &["schedules", "backfills"]).await;
        let columns = ["backfill", "cancelled", "resumes", "resume_at"];
        drop_columns(database, &columns.map(|column| ("runs", column))).await;
    }
    if format <= 1 {
        drop_all(database, "TABLE", &["directors"]).await;
    }
    run(database, format!("UPDATE format SET version = {format}")).await;
}

/// Names of tables, their columns and indexes.
async fn shape(database: &Database) -> Vec<String> {
    let mut conn = database.read().await.unwrap();
    let names = query(
        "SELECT name FROM sqlite_master UNION ALL SELECT m.name || '.' || c.name \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c ORDER BY 1",
    );
    let names = names.fetch(&mut conn).await.unwrap();
    names.iter().map(|row| row.text(0).unwrap()).collect()
}

#[tokio::test]
async fn a_ledger_of_any_older_format_gets_what_it_lacks() {
    for format in 1..FORMAT {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).await.unwrap();
        let whole = shape(&database).await;
        drop_down_to(&database, format).await;
        assert_ne!(shape(&database).await, whole);
        drop(database);

        let database = Database::open(folder.path()).await.unwrap();

        assert_eq!(shape(&database).await, whole, "from format {format}");
        let mut conn = database.read().await.unwrap();
        let version = query("SELECT version FROM format");
        let version = version.fetch_one(&mut conn).await.unwrap();
        assert_eq!(version.int(0).unwrap(), FORMAT);
    }
}

#[tokio::test]
async fn a_ledger_of_format_6_keeps_its_positions_and_counts_hours_from_now_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    drop_down_to(&database, 6).await;
    let position = "INSERT INTO cursors (connector, name, stream, identity, position) \
        VALUES (1, 'db', 'Messages', 'one', 100)";
    run(&database, position).await;
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

#[tokio::test]
async fn connectors_of_a_ledger_of_format_7_are_in_use_and_of_the_first_version() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    drop_down_to(&database, 7).await;
    let connector = "INSERT INTO connectors (name_id, name, domain, file, resolved) \
        VALUES ('contoso', 'Contoso', 'contoso.com', '', '')";
    run(&database, connector).await;
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
