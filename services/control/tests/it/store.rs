//! The ledger in SQLite: a file in the lab's folder.

use std::path::Path;

use chatkeep_control::Settings;
use chatkeep_pipeline::MemoryQueue;
use chatkeep_runtime::Lifecycle;

use crate::lab::Lab;

pub(crate) fn settings(_folder: &Path, settings: &Settings) -> Settings {
    settings.clone()
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
