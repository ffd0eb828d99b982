//! How control gets to its ledger, and what it says when it does not.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use chatkeep_control::{PostgresSettings, Settings};
use chatkeep_model::connector::SecretRef;
use chatkeep_pipeline::MemoryQueue;
use chatkeep_runtime::Lifecycle;
use chatkeep_staging::Staging;
use chatkeep_testkit::Postgres;

use crate::{
    lab::{Lab, settings},
    store,
};

/// Starts control; returns what it says when it cannot.
async fn complaint(postgres: PostgresSettings) -> String {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        postgres: Some(postgres),
        ..settings()
    };
    let (queue, lifecycle) = (Arc::new(MemoryQueue::default()), Lifecycle::detached());
    let staging = Staging::folder(folder.path()).unwrap();
    let start = chatkeep_control::start(&settings, folder.path(), queue, staging, &lifecycle);
    let Err(error) = start.await else {
        return String::new();
    };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn with_password(url: String, password: &Path) -> PostgresSettings {
    PostgresSettings {
        password: Some(SecretRef::File(password.to_owned())),
        ..PostgresSettings::at(url)
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_without_the_password() {
    let server = Postgres::shared().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "not-the-s3cret").unwrap();

    let said = complaint(with_password(server.url("public"), file.path())).await;

    let address = server.address();
    assert!(
        said.contains(&format!("open ledger ledger on {address}")),
        "{said}"
    );
    assert!(
        said.contains("password authentication failed for user \"chatkeep\""),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn an_unknown_database_is_named() {
    let server = Postgres::shared().unwrap();
    let url = server.url("public").replace("/ledger?", "/nowhere?");

    let said = complaint(with_password(url, &server.password_file())).await;

    assert!(
        said.contains("database \"nowhere\" does not exist"),
        "{said}"
    );
}

#[tokio::test]
async fn a_password_in_the_url_is_refused_and_not_repeated() {
    let url = "postgres://chatkeep:s3cret@127.0.0.1/ledger".to_owned();

    let said = complaint(PostgresSettings::at(url)).await;

    assert!(said.contains("env:NAME or file:path"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn a_server_without_a_connection_left_says_so() {
    let server = Postgres::start().unwrap();
    server
        .run("ALTER ROLE chatkeep CONNECTION LIMIT 0")
        .unwrap();

    let said = complaint(with_password(server.url("public"), &server.password_file())).await;

    assert!(said.contains("too many connections"), "{said}");
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let port = chatkeep_testkit::free_port().unwrap();
    let url = format!("postgres://chatkeep@127.0.0.1:{port}/ledger");

    let said = tokio::time::timeout(Duration::from_mins(1), complaint(PostgresSettings::at(url)));

    assert!(said.await.unwrap().contains("Connection refused"));
}

#[tokio::test]
async fn only_a_server_that_the_authority_vouches_for_gets_the_password() {
    let server = Postgres::start().unwrap();
    let trusting = |ca: Option<std::path::PathBuf>| PostgresSettings {
        ca,
        ..with_password(server.tls_url(), &server.password_file())
    };

    assert_eq!(complaint(trusting(Some(server.ca()))).await, "");
    for stranger in [Some(server.other_ca()), None] {
        let said = complaint(trusting(stranger)).await;
        assert!(said.contains("invalid peer certificate"), "{said}");
    }
    let connections = "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'chatkeep' AND \
        pid NOT IN (SELECT pid FROM pg_stat_ssl WHERE ssl)";
    assert_eq!(server.run(connections).unwrap().trim(), "0");
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_is_left_alone() {
    let server = Postgres::shared().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = store::on(&server, "newer", &settings());
    Lab::open_with(folder.path(), &settings).await.stop().await;
    server.run("UPDATE newer.format SET version = 99").unwrap();

    let said = complaint(settings.postgres.unwrap()).await;

    assert!(said.contains("format 99"), "{said}");
    assert!(said.contains("use the newer program"), "{said}");
}

#[tokio::test]
async fn a_ledger_of_an_older_program_is_brought_up_to_date() {
    let server = Postgres::shared().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = store::on(&server, "older", &settings());
    Lab::open_with(folder.path(), &settings).await.stop().await;
    let latest = server.run("SELECT version FROM older.format").unwrap();
    for later in [
        "DROP TABLE older.directors, older.schedules, older.backfills, older.cleared, \
         older.kept, older.janitor, older.cursors, older.stretches, older.room_days, \
         older.findings, older.hours, older.hours_read, older.coverage, older.mirrors, \
         older.audit, older.sign_ins, older.secrets, older.leases, older.reports, \
         older.proposals, older.secret_places",
        "ALTER TABLE older.connectors DROP COLUMN version, DROP COLUMN changed, DROP COLUMN deleted",
        "ALTER TABLE older.runs DROP COLUMN backfill, DROP COLUMN cancelled, \
         DROP COLUMN resumes, DROP COLUMN resume_at",
        "ALTER TABLE older.sessions DROP COLUMN origin",
        "ALTER TABLE older.tasks DROP COLUMN duplicates, DROP COLUMN opened",
        "ALTER TABLE older.batches DROP COLUMN rendered_in, DROP COLUMN planned_in",
        "ALTER TABLE older.mailboxes DROP COLUMN moved",
        "DROP INDEX older.batches_in_order, older.deliveries_failed, older.held_failed, \
         older.deliveries_failed_by_mailbox",
        "UPDATE older.format SET version = 1",
    ] {
        server.run(later).unwrap();
    }

    let lab = Lab::open_with(folder.path(), &settings).await;

    lab.open_run().await;
    lab.next("mapping").await;
    let format = server.run("SELECT version FROM older.format").unwrap();
    assert_eq!(format, latest);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_may_take_longer_to_be_made_than_a_statement_may() {
    let server = Postgres::shared().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = store::on(&server, "slowly", &settings());
    Lab::open_with(folder.path(), &settings).await.stop().await;
    let latest = server.run("SELECT version FROM slowly.format").unwrap();
    for older in [
        "DROP INDEX slowly.reports_settled, slowly.deliveries_failed_by_mailbox",
        "UPDATE slowly.format SET version = 10",
    ] {
        server.run(older).unwrap();
    }
    settings.postgres.as_mut().unwrap().statement_timeout = Duration::from_secs(1);
    let hold =
        "BEGIN; LOCK TABLE slowly.deliveries IN ROW EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT";
    let holder = Arc::clone(&server);
    let holder = tokio::task::spawn_blocking(move || holder.run(hold));
    let is_held = "SELECT COUNT(*) FROM pg_locks WHERE relation = 'slowly.deliveries'::REGCLASS";
    while server.run(is_held).unwrap().trim() == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let lab = Lab::open_with(folder.path(), &settings).await;

    let format = server.run("SELECT version FROM slowly.format").unwrap();
    assert_eq!(format, latest);
    holder.await.unwrap().unwrap();
    lab.stop().await;
}
