//! One ledger with its director, and the way to its queues.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use chatkeep_control::{Clock, Settings, manifest_name};
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue, Receiver};
use chatkeep_proto::v1::{
    CompleteRequest, Exception, ExceptionsRequest, Listed, ManifestsRequest, NewTask,
    OpenRunRequest, OpenRunResponse, ProgressRequest, ProgressResponse, Refreshed, ReportRequest,
    ReportResponse, RunState, Task, TaskKind, access_client::AccessClient,
    complete_request::Result as Outcome, control_client::ControlClient,
};
use chatkeep_runtime::{GrpcChannel, Lifecycle, in_process};
use chatkeep_staging::Staging;
use prost::Message as _;
use tokio::sync::Mutex;

use crate::store;

/// Longer than any machine needs; a test that waits so long hangs.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const QUEUES: [&str; 4] = ["ingestion", "conversion", "mapping", "mailbox-import"];

pub(crate) struct Lab {
    pub(crate) staging: Staging,
    pub(crate) ledger: LedgerClient,
    pub(crate) control: ControlClient<GrpcChannel>,
    pub(crate) access: AccessClient<GrpcChannel>,
    lifecycle: Lifecycle,
    receivers: Mutex<Vec<Box<dyn Receiver>>>,
}

pub(crate) fn settings() -> Settings {
    Settings {
        enough: 50,
        linger: Duration::ZERO,
        fence: Duration::from_mins(1),
        import_attempts: 2,
        ..Settings::default()
    }
}

pub(crate) const CONNECTOR: &str = r#"
name = "Contoso"
domain = "contoso.com"
id = "contoso"

[[sources]]
type = "archiving-export"
path = "/exports"

[directory]
type = "csv"
path = "/directory.csv"

[target]
type = "maildir"
path = "/mailboxes"
"#;

impl Lab {
    pub(crate) async fn open(folder: &Path) -> Self {
        Self::open_with(folder, &settings()).await
    }

    pub(crate) async fn open_with(folder: &Path, settings: &Settings) -> Self {
        Self::open_at(folder, settings, &Clock::default()).await
    }

    /// Schedules go by this clock.
    pub(crate) async fn open_at(folder: &Path, settings: &Settings, clock: &Clock) -> Self {
        let queue = Arc::new(MemoryQueue::default());
        Self::open_on(queue, folder, (settings, clock)).await
    }

    /// Publishes to this queue.
    pub(crate) async fn open_on(
        queue: Arc<dyn Queue>,
        folder: &Path,
        (settings, clock): (&Settings, &Clock),
    ) -> Self {
        let lifecycle = Lifecycle::detached();
        let staging = Staging::folder(&folder.join("staging")).unwrap();
        let settings = store::settings(folder, settings);
        let servers = chatkeep_control::start_with_clock(
            (&settings, clock.clone()),
            folder,
            Arc::clone(&queue),
            staging.clone(),
            &lifecycle,
        );
        let servers = servers.await.unwrap();
        let mut receivers = Vec::new();
        for name in QUEUES {
            receivers.push(queue.consume(name, 10_000).await.unwrap());
        }
        Self {
            staging,
            ledger: LedgerClient::new(in_process(servers.ledger)),
            control: ControlClient::new(in_process(servers.control)),
            access: AccessClient::new(in_process(servers.access)),
            lifecycle,
            receivers: Mutex::new(receivers),
        }
    }

    pub(crate) async fn stop(self) {
        assert!(self.lifecycle.stop().await);
    }

    pub(crate) async fn open_run(&self) -> OpenRunResponse {
        self.try_open(CONNECTOR).await.unwrap()
    }

    pub(crate) async fn try_open(&self, file: &str) -> Result<OpenRunResponse, tonic::Status> {
        let request = OpenRunRequest {
            connector_file: file.to_owned(),
            max_part_bytes: 1_000_000,
            ..OpenRunRequest::default()
        };
        Ok(self.control.clone().open_run(request).await?.into_inner())
    }

    /// The next task of a queue.
    pub(crate) async fn next(&self, queue: &str) -> Task {
        let next = tokio::time::timeout(PATIENCE, self.receive(queue));
        next.await.unwrap_or_else(|_| panic!("no task on {queue}"))
    }

    pub(crate) async fn receive(&self, queue: &str) -> Task {
        let index = QUEUES.iter().position(|name| *name == queue).unwrap();
        let received = self.receivers.lock().await[index].receive().await.unwrap();
        let task = Task::decode(received.envelope.body.clone()).unwrap();
        assert_eq!(task.id, received.envelope.id);
        received.ack().await.unwrap();
        task
    }

    /// True when nothing arrives on a queue although the director had a moment.
    pub(crate) async fn is_quiet(&self, queue: &str) -> bool {
        let moment = Duration::from_millis(100);
        tokio::time::timeout(moment, self.receive(queue))
            .await
            .is_err()
    }

    /// Works a new run's REFRESH and LIST tasks, which lead to these.
    pub(crate) async fn list(&self, captures: Vec<NewTask>) {
        let refresh = self.next("mapping").await;
        let refreshed = Refreshed {
            directory: Some(crate::world::blob("directory")),
            ..Refreshed::default()
        };
        self.complete(&refresh, Outcome::Refreshed(refreshed), Vec::new())
            .await;
        let list = self.next("ingestion").await;
        self.complete(&list, Outcome::Listed(Listed::default()), captures)
            .await;
    }

    pub(crate) async fn complete(&self, task: &Task, result: Outcome, next: Vec<NewTask>) {
        self.try_complete(task, result, next).await.unwrap();
    }

    pub(crate) async fn try_complete(
        &self,
        task: &Task,
        result: Outcome,
        next: Vec<NewTask>,
    ) -> Result<(), tonic::Status> {
        let request = CompleteRequest {
            task: task.id.clone(),
            next,
            result: Some(result),
            ..CompleteRequest::default()
        };
        self.ledger.clone().complete(request).await?;
        Ok(())
    }

    pub(crate) async fn progress(&self, run: i64) -> ProgressResponse {
        let request = ProgressRequest { run };
        self.control
            .clone()
            .progress(request)
            .await
            .unwrap()
            .into_inner()
    }

    /// Waits until the run is not running any more.
    pub(crate) async fn ended(&self, run: i64) -> RunState {
        let poll = async {
            loop {
                let state = self.progress(run).await.state();
                if state != RunState::Running {
                    return state;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap()
    }

    pub(crate) async fn report(&self, number: i64) -> ReportResponse {
        let request = ReportRequest {
            connector: "contoso".to_owned(),
            number,
            ..ReportRequest::default()
        };
        self.control
            .clone()
            .report(request)
            .await
            .unwrap()
            .into_inner()
    }

    /// Copies every manifest of the connector into a folder.
    pub(crate) async fn copy_manifests(&self, to: &Path) {
        copy_manifests(self.control.clone(), to).await;
    }

    pub(crate) async fn exceptions(&self, run: i64) -> Vec<Exception> {
        let stream = self
            .control
            .clone()
            .exceptions(ExceptionsRequest { run })
            .await;
        let mut stream = stream.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(exception) = stream.message().await.unwrap() {
            all.push(exception);
        }
        all
    }
}

pub(crate) async fn copy_manifests(mut control: ControlClient<GrpcChannel>, to: &Path) {
    let request = ManifestsRequest {
        connector: "contoso".to_owned(),
    };
    let mut pieces = control.manifests(request).await.unwrap().into_inner();
    std::fs::create_dir_all(to).unwrap();
    let mut files = BTreeMap::<_, Vec<u8>>::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        let file = files.entry(piece.number).or_default();
        file.extend_from_slice(&piece.content);
    }
    for (number, content) in files {
        std::fs::write(to.join(manifest_name(number)), content).unwrap();
    }
}

pub(crate) fn new_task(
    kind: TaskKind,
    input: &chatkeep_proto::v1::Blob,
    range: (u32, u32),
) -> NewTask {
    NewTask {
        kind: kind.into(),
        input: Some(input.clone()),
        first: range.0,
        count: range.1,
        ..NewTask::default()
    }
}
