//! Several processes of control on one ledger.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use chatkeep_control::Settings;
use chatkeep_pipeline::{MemoryQueue, Queue};
use chatkeep_proto::v1::{
    OpenRunRequest, OpenRunResponse, ProgressRequest, ReportRequest, ReportResponse, RunState,
    control_client::ControlClient,
};
use chatkeep_runtime::{GrpcChannel, Lifecycle};
use tonic::Status;

use crate::{
    lab::{CONNECTOR, copy_manifests, settings},
    replica::{Channels, Replica, alternating},
    stages::Corpus,
    store,
};

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(2);

/// Two replicas, and stages whose calls alternate between them.
pub(crate) struct Cluster {
    replicas: Vec<Replica>,
    channels: Channels,
    pub(crate) corpus: Corpus,
    channel: GrpcChannel,
    lifecycle: Lifecycle,
}

impl Cluster {
    /// On the server that all tests share, unless the settings name one.
    pub(crate) fn start(settings: &Settings, folder: &Path, conversations: u32) -> Self {
        let queue = MemoryQueue::default();
        let settings = store::settings(folder, settings);
        let replicas: Vec<_> = (0..2)
            .map(|_| Replica::start(&settings, folder, &queue))
            .collect();
        let channels = replicas.iter().map(|replica| replica.channel.clone());
        let channels = Arc::new(Mutex::new(channels.collect()));
        let channel = alternating(&channels);
        let corpus = Corpus::of(conversations);
        let lifecycle = Lifecycle::detached();
        let queue: Arc<dyn Queue> = Arc::new(queue);
        corpus.start(&queue, &channel, &lifecycle);
        Self {
            replicas,
            channels,
            corpus,
            channel,
            lifecycle,
        }
    }

    /// kill -9 of a replica; from now on calls go to the others.
    fn kill(&mut self, victim: usize) {
        self.replicas.remove(victim).kill();
        let _dead = self.channels.lock().unwrap().remove(victim);
    }

    /// Opens a run as soon as a replica answers.
    pub(crate) async fn open_run(&self) -> OpenRunResponse {
        self.insist(|mut control| async move {
            let request = OpenRunRequest {
                connector_file: CONNECTOR.to_owned(),
                max_part_bytes: 1_000_000,
                ..OpenRunRequest::default()
            };
            control.open_run(request).await
        })
        .await
    }

    /// Waits until so many deliveries are in their mailboxes.
    pub(crate) async fn archived(&self, count: usize) {
        let poll = async {
            while self.corpus.archived() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap();
    }

    /// Waits for the end of the first run; returns its report.
    pub(crate) async fn report(&self, run: i64) -> ReportResponse {
        let poll = async {
            loop {
                let progress = self.insist(|mut control| async move {
                    control.progress(ProgressRequest { run }).await
                });
                if progress.await.state() != RunState::Running {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.insist(|mut control| async move {
                let request = ReportRequest {
                    connector: "contoso".to_owned(),
                    number: 1,
                    ..ReportRequest::default()
                };
                control.report(request).await
            })
            .await
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap()
    }

    /// Asks until somebody answers.
    async fn insist<T, F>(&self, call: impl Fn(ControlClient<GrpcChannel>) -> F) -> T
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let poll = async {
            loop {
                match call(ControlClient::new(self.channel.clone())).await {
                    Ok(answer) => break answer.into_inner(),
                    Err(status) if status.code() == tonic::Code::Unavailable => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Err(status) => panic!("{status}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.lifecycle.stop().await;
    }
}

/// Everything was read, rendered and imported once, and both equations say so.
pub(crate) fn assert_closed(report: &ReportResponse, corpus: &Corpus) {
    let total = u64::from(corpus.conversations);
    let (records, deliveries) = (report.records.unwrap(), report.deliveries.unwrap());
    assert_eq!(report.state(), RunState::Succeeded, "{}", report.reason);
    assert_eq!((records.read, records.rendered), (total, total));
    assert_eq!(
        (deliveries.planned, deliveries.imported),
        (2 * total, 2 * total)
    );
    assert_eq!(corpus.archived() as u64, 2 * total);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_a_run_and_both_equations_close() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&settings(), folder.path(), 300);
    let run = cluster.open_run().await.run;

    let report = cluster.report(run).await;

    assert_closed(&report, &cluster.corpus);
    copy_manifests(ControlClient::new(cluster.channel.clone()), folder.path()).await;
    chatkeep_control::verify_offline(&folder.path().join("000001.jsonl")).unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_go_on_when_a_replica_is_killed() {
    for victim in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(&settings(), folder.path(), 300);
        let run = cluster.open_run().await.run;
        cluster.archived(100).await;

        cluster.kill(victim);

        let report = cluster.report(run).await;
        assert_closed(&report, &cluster.corpus);
        cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_open_one_new_connector_open_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&settings(), folder.path(), 3);

    let (one, other) = tokio::join!(cluster.open_run(), cluster.open_run());

    assert_eq!((one.run, one.number), (other.run, other.number));
    assert_ne!(one.resumed, other.resumed);
    assert_closed(&cluster.report(one.run).await, &cluster.corpus);
    cluster.stop().await;
}
