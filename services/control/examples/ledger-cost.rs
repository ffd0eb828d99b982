//! What the ledger costs per conversation: a run of a made-up corpus through every call of a stage, one
//! mailbox per conversation, in batches of 100. Prints microseconds of CPU and of time, and bytes on disk,
//! table by table, before and after the run was cleared.
//!
//! `cargo run --release -p chatkeep-control --features postgres --example ledger-cost -- 20000 [postgres]`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

#[path = "ledger-cost/size.rs"]
mod size;
#[path = "ledger-cost/stages.rs"]
mod stages;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chatkeep_control::{JanitorSettings, PostgresSettings, Settings};
use chatkeep_model::connector::{HoldFor, SecretRef};
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue, Receiver};
use chatkeep_proto::v1::{
    OpenRunRequest, ProgressRequest, RunState, Task, control_client::ControlClient,
};
use chatkeep_runtime::{Lifecycle, in_process};
use chatkeep_staging::Staging;
use chatkeep_testkit::Postgres;
use prost::Message as _;

use crate::{
    size::{SCHEMA, Store},
    stages::Stages,
};

const CONNECTOR: &str = r#"
name = "Measure"
domain = "contoso.com"
[[sources]]
type = "archiving-export"
path = "/exports"
[directory]
type = "csv"
path = "/directory.csv"
[target]
type = "discard"
"#;

/// User and system time of this process, seconds; Linux only.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|field| field.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}

/// Largest resident size of this process, MiB; Linux only.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

async fn serve(mut receiver: Box<dyn Receiver>, stages: &Stages) {
    loop {
        let message = receiver.receive().await.unwrap();
        let task = Task::decode(message.envelope.body.clone()).unwrap();
        stages.work(&task).await;
        message.ack().await.unwrap();
    }
}

#[tokio::main]
async fn main() {
    let total = std::env::args()
        .nth(1)
        .map_or(20_000, |count| count.parse().unwrap());
    let is_shared = std::env::args()
        .nth(2)
        .is_some_and(|store| store == "postgres");
    let server = is_shared.then(|| Postgres::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        postgres: server.as_ref().map(|server| {
            server.make_schema(SCHEMA).unwrap();
            PostgresSettings {
                password: Some(SecretRef::File(server.password_file())),
                ..PostgresSettings::at(server.url(SCHEMA))
            }
        }),
        ..Settings::default()
    };
    archive(folder.path(), &settings, total).await;
    let file = folder.path().join("ledger.sqlite");
    let store = server
        .as_ref()
        .map_or(Store::Sqlite(&file), Store::Postgres);
    let before = store.tables();
    clear(folder.path(), &settings, &store).await;
    let after = store.tables();
    print_sizes(total, &before, &after);
}

/// Has one run archive everything.
async fn archive(folder: &Path, settings: &Settings, total: u32) {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
    let staging = Staging::folder(&folder.join("staging")).unwrap();
    let lifecycle = Lifecycle::detached();
    let started =
        chatkeep_control::start(settings, folder, Arc::clone(&queue), staging, &lifecycle);
    let servers = started.await.unwrap();
    let mut control = ControlClient::new(in_process(servers.control));
    let stages = Stages {
        ledger: LedgerClient::new(in_process(servers.ledger)),
        total,
    };
    let mut receivers = Vec::new();
    for name in ["ingestion", "conversion", "mapping", "mailbox-import"] {
        receivers.push(serve(queue.consume(name, 1).await.unwrap(), &stages));
    }

    let (cpu, time) = (cpu_seconds(), Instant::now());
    let request = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        max_part_bytes: 25_000_000,
        ..OpenRunRequest::default()
    };
    let run = control.open_run(request).await.unwrap().into_inner().run;
    let ended = async {
        loop {
            let progress = control
                .progress(ProgressRequest { run })
                .await
                .unwrap()
                .into_inner();
            if progress.state() != RunState::Running {
                return progress.state();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let state = tokio::select! {
        state = ended => state,
        _ = futures::future::join_all(receivers) => unreachable!("queues never end"),
    };
    let (cpu, time) = (cpu_seconds() - cpu, time.elapsed().as_secs_f64());

    let each = 1e6 / f64::from(total);
    println!("{total} conversations: {}", state.as_str_name());
    println!(
        "CPU  {:6.1} us per conversation, stages' own bookkeeping included",
        cpu * each
    );
    println!("time {:6.1} us per conversation", time * each);
    println!("peak {:6} MiB", peak_mib());
    lifecycle.stop().await;
}

/// Has the run cleared, and waits until it is.
async fn clear(folder: &Path, settings: &Settings, store: &Store<'_>) {
    let settings = Settings {
        janitor: JanitorSettings {
            after: HoldFor::Time(Duration::ZERO),
            every: Duration::from_secs(1),
            orphans_after: Duration::ZERO,
            ..JanitorSettings::default()
        },
        ..settings.clone()
    };
    let lifecycle = Lifecycle::detached();
    let staging = Staging::folder(&folder.join("staging")).unwrap();
    let queue = Arc::new(MemoryQueue::default());
    let started = chatkeep_control::start(&settings, folder, queue, staging, &lifecycle);
    let _servers = started.await.unwrap();
    while !store.is_pruned() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lifecycle.stop().await;
}

fn print_sizes(total: u32, before: &[(String, u32)], after: &[(String, u32)]) {
    let each = |bytes: f64| bytes / f64::from(total);
    println!("bytes per conversation, before and after the run was cleared");
    for (table, bytes) in before {
        let left = after.iter().find(|(name, _)| name == table);
        let left = left.map_or(0.0, |(_, bytes)| f64::from(*bytes));
        println!(
            "{table:12} {:8.1} {:8.1}",
            each(f64::from(*bytes)),
            each(left)
        );
    }
    let sum = |tables: &[(String, u32)]| tables.iter().map(|(_, bytes)| f64::from(*bytes)).sum();
    println!(
        "{:12} {:8.1} {:8.1}",
        "all",
        each(sum(before)),
        each(sum(after))
    );
}
