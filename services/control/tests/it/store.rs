//! The ledger in SQLite: a file in the lab's folder.

use std::{path::Path, time::Duration};

use chatkeep_control::Settings;
use chatkeep_pipeline::MemoryQueue;
use chatkeep_runtime::Lifecycle;

use crate::lab::Lab;

pub(crate) fn settings(_folder: &Path, settings: &Settings) -> Settings {
    settings.clone()
}

/// Changes the ledger behind the back of whoever works with it.
pub(crate) fn change(folder: &Path, sql: &str) {
    ledger(folder).execute(sql, []).unwrap();
}

/// The texts that a query finds.
pub(crate) fn ask(folder: &Path, sql: &str) -> Vec<String> {
    let ledger = ledger(folder);
    let mut query = ledger.prepare(sql).unwrap();
    let found = query.query_map([], |row| row.get(0)).unwrap();
    found.map(Result::unwrap).collect()
}

fn ledger(folder: &Path) -> rusqlite::Connection {
    let ledger = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
    ledger.busy_timeout(Duration::from_mins(1)).unwrap();
    ledger
}

#[tokio::test]
async fn a_ledger_is_opened_by_one_process_only() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let (settings, lifecycle) = (crate::lab::settings(), Lifecycle::detached());
    let queue = std::sync::Arc::new(MemoryQueue::default());
    let second = chatkeep_control::start(
        &settings,
        folder.path(),
        queue,
        lab.staging.clone(),
        &lifecycle,
    );

    let error = second.await.unwrap_err();
    let error: &dyn std::error::Error = &error;
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("another chatkeep process")
    );
}
