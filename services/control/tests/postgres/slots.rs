//! Scheduled runs with several processes of control, of which some are killed.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue};
use chatkeep_proto::v1::{
    GetRunRequest, ListConnectorsRequest, PutConnectorRequest, Run, control_client::ControlClient,
};
use chatkeep_runtime::{GrpcChannel, Lifecycle};
use tonic::{Code, Response, Status};

use crate::{
    calendar::{days, hour, midnight},
    lab::{CONNECTOR, settings},
    replica::{Channels, Replica, alternating},
    stages::Corpus,
    store,
};

const PATIENCE: Duration = Duration::from_mins(2);

/// What all replicas go by: a file with Unix seconds.
fn set_clock(folder: &Path, time: SystemTime) {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let draft = folder.join("clock.draft");
    std::fs::write(&draft, seconds.to_string()).unwrap();
    std::fs::rename(draft, folder.join("clock")).unwrap();
}

async fn insist<T, F>(call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let poll = async {
        loop {
            match call().await {
                Err(status) if status.code() == Code::Unavailable => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answer => return answer.map(Response::into_inner),
            }
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap()
}

/// Waits until everything is covered up to this day.
async fn covered(channel: &GrpcChannel, day: i64) {
    let poll = async {
        loop {
            let list = || async {
                let mut control = ControlClient::new(channel.clone());
                control
                    .list_connectors(ListConnectorsRequest::default())
                    .await
            };
            let listed = insist(list).await.unwrap();
            if listed.connectors[0].covered >= Some(midnight(day)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap();
}

/// How often each window was opened.
async fn windows(channel: &GrpcChannel) -> BTreeMap<(Option<i64>, Option<i64>), u32> {
    let mut windows = BTreeMap::new();
    // The database may have left out keys of what was given up.
    for run in 1..100 {
        let get = || async {
            let mut ledger = LedgerClient::new(channel.clone());
            ledger.get_run(GetRunRequest { run }).await
        };
        let found: Result<Run, _> = insist(get).await;
        if let Ok(run) = found {
            *windows.entry(days(&run)).or_default() += 1;
        }
    }
    windows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_window_is_opened_once_whichever_replica_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    set_clock(folder.path(), hour(100, 2));
    let (queue, settings) = (
        MemoryQueue::default(),
        store::settings(folder.path(), &settings()),
    );
    let start = || Replica::start(&settings, folder.path(), &queue);
    let mut replicas = vec![start(), start()];
    let channels = replicas.iter().map(|replica| replica.channel.clone());
    let channels: Channels = Arc::new(Mutex::new(channels.collect()));
    let channel = alternating(&channels);
    let lifecycle = Lifecycle::detached();
    let stages: Arc<dyn Queue> = Arc::new(queue.clone());
    Corpus::of(0).start(&stages, &channel, &lifecycle);
    let put = || async {
        let request = PutConnectorRequest {
            connector_file: CONNECTOR.to_owned(),
            schedule: true,
            max_part_bytes: 0,
            ..PutConnectorRequest::default()
        };
        ControlClient::new(channel.clone())
            .put_connector(request)
            .await
    };
    insist(put).await.unwrap();

    // One replica or the other directs: both are killed, with slots due and runs open.
    for day in [103, 106, 109] {
        set_clock(folder.path(), hour(day, 12));
        covered(&channel, day - 2).await;
        replicas.remove(0).kill();
        let _dead = channels.lock().unwrap().remove(0);
        replicas.push(start());
        channels.lock().unwrap().push(replicas[1].channel.clone());
    }
    covered(&channel, 109).await;

    let days = (101..=109).map(|day| ((day > 101).then_some(day - 1), Some(day)));
    let expected: BTreeMap<_, _> = days.map(|window| (window, 1)).collect();
    assert_eq!(windows(&channel).await, expected);
    lifecycle.stop().await;
}
