//! The ledger in PostgreSQL: a schema of its own for every folder.

use std::{cell::RefCell, path::Path, sync::Arc};

use chatkeep_control::{PostgresSettings, Settings};
use chatkeep_model::{connector::SecretRef, identity::Fields};
use chatkeep_testkit::Postgres;
use data_encoding::HEXLOWER;

thread_local! {
    /// A test has a thread of its own: its server stays when it stops one lab and opens another.
    static SERVER: RefCell<Option<Arc<Postgres>>> = const { RefCell::new(None) };
}

/// Settings for a ledger that belongs to the folder, on the server that all tests share; unless the test
/// has brought one.
pub(crate) fn settings(folder: &Path, settings: &Settings) -> Settings {
    if settings.postgres.is_some() {
        return settings.clone();
    }
    let server = Postgres::shared().unwrap();
    let settings = on(&server, &schema(folder), settings);
    SERVER.set(Some(server));
    settings
}

/// The schema that belongs to a folder.
fn schema(folder: &Path) -> String {
    let digest = Fields::of("schema")
        .text(&folder.to_string_lossy())
        .digest();
    format!("lab_{}", HEXLOWER.encode(&digest[..8]))
}

/// Changes the ledger of a folder behind the back of whoever works with it.
pub(crate) fn change(folder: &Path, sql: &str) {
    ask(folder, sql);
}

/// The texts that a query finds.
pub(crate) fn ask(folder: &Path, sql: &str) -> Vec<String> {
    let sql = format!("SET search_path = {}; {sql}", schema(folder));
    let found = Postgres::shared().unwrap().run(&sql).unwrap();
    found.lines().map(str::to_owned).collect()
}

/// Settings for a ledger in a schema of a server.
pub(crate) fn on(server: &Postgres, schema: &str, settings: &Settings) -> Settings {
    server.make_schema(schema).unwrap();
    let postgres = PostgresSettings {
        password: Some(SecretRef::File(server.password_file())),
        ..PostgresSettings::at(server.url(schema))
    };
    Settings {
        postgres: Some(postgres),
        ..settings.clone()
    }
}
