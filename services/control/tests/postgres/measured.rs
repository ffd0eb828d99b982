//! What a reading of metrics reads of the ledger.

use std::{sync::Arc, time::Duration};

use chatkeep_pipeline::MemoryQueue;
use chatkeep_runtime::{
    Lifecycle,
    telemetry::{Telemetry, TelemetrySettings},
};
use chatkeep_staging::Staging;
use chatkeep_testkit::Postgres;

use crate::{
    lab::{CONNECTOR, settings},
    store,
};

const PATIENCE: Duration = Duration::from_mins(1);
/// Deliveries, of which every tenth has failed.
const DELIVERIES: usize = 50_000;

#[tokio::test]
async fn failed_deliveries_are_counted_without_reading_their_rows() {
    // Of its own: a transaction of somebody else would keep rows from being known to be visible to all.
    let server = Postgres::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = store::on(&server, "failed", &settings());
    let telemetry = Telemetry::new(&TelemetrySettings::default(), "test", "1").unwrap();
    let lifecycle = Lifecycle::detached().with_meter(telemetry.meter());
    let queue = Arc::new(MemoryQueue::default());
    let staging = Staging::folder(folder.path()).unwrap();
    let control = chatkeep_control::start(&settings, folder.path(), queue, staging, &lifecycle);
    let _servers = control.await.unwrap();
    for sql in [
        format!(
            "INSERT INTO failed.connectors (name_id, name, domain, file, resolved) \
             VALUES ('contoso', 'Contoso', 'contoso.com', $file${CONNECTOR}$file$, '')"
        ),
        "INSERT INTO failed.mailboxes (id, connector, address, shard, pending) \
         SELECT 1, id, 'ann', 0, 0 FROM failed.connectors"
            .to_owned(),
        format!(
            "INSERT INTO failed.deliveries (item, mailbox, run, date, state) \
             SELECT x, 1, 1, 0, CASE WHEN x % 10 = 0 THEN 4 ELSE 1 END FROM generate_series(1, {DELIVERIES}) x"
        ),
        "VACUUM ANALYZE failed.deliveries".to_owned(),
    ] {
        server.run(&sql).unwrap();
    }
    let rows = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables \
        WHERE schemaname = 'failed' AND relname = 'deliveries'";
    let count = |sql: &str| server.run(sql).unwrap().trim().parse::<usize>().unwrap();
    let before = count(rows);
    let value = format!(" {}", DELIVERIES / 10);

    let poll = async {
        let told = |line: &str| {
            line.starts_with("chatkeep_failed_deliveries{")
                && line.contains("outcome=\"failed\"")
                && line.ends_with(&value)
        };
        while !telemetry.scrape().lines().any(told) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Servers count with a delay.
        let by_index = "SELECT idx_scan FROM pg_stat_user_indexes WHERE schemaname = 'failed' \
            AND indexrelname = 'deliveries_failed_by_mailbox'";
        while count(by_index) == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap();

    let read = count(rows) - before;
    assert!(read < DELIVERIES / 100, "{read} deliveries read");
    assert!(lifecycle.stop().await);
}
