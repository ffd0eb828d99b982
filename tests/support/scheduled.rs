//! Scheduled runs. No command opens one: the services are put together here, with a clock that a test sets.

use std::{sync::Arc, time::Duration};

use chatkeep_control::Clock;
use chatkeep_model::connector::Connector;
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue};
use chatkeep_proto::v1::{
    OpenRunRequest, ProgressRequest, ReportRequest, ReportResponse, RunState,
    control_client::ControlClient,
};
use chatkeep_runtime::{GrpcChannel, Lifecycle, in_process};
use chatkeep_staging::Staging;
use jiff::Timestamp;

use crate::sandbox::Sandbox;

/// All services in this process.
pub(crate) struct Services {
    pub(crate) control: ControlClient<GrpcChannel>,
    pub(crate) lifecycle: Lifecycle,
}

impl Services {
    pub(crate) async fn start(sandbox: &Sandbox, clock: &Clock) -> Self {
        let data_dir = sandbox.path(".chatkeep");
        let lifecycle = Lifecycle::detached();
        let memory: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
        let folder = Staging::folder(&data_dir.join("staging")).unwrap();
        let (queue, staging) = (|| Arc::clone(&memory), || folder.clone());
        let settings = chatkeep_control::Settings::default();
        let settings = (&settings, clock.clone());
        let servers =
            chatkeep_control::start_with_clock(settings, &data_dir, queue(), staging(), &lifecycle);
        let servers = servers.await.unwrap();
        let client = LedgerClient::new(in_process(servers.ledger));
        let ledger = || client.clone();
        chatkeep_ingestion::start(&default(), queue(), ledger(), staging(), &lifecycle);
        chatkeep_conversion::start(&default(), queue(), ledger(), staging(), &lifecycle);
        chatkeep_mapping::start(&default(), queue(), ledger(), staging(), &lifecycle);
        chatkeep_mailbox_import::start(&default(), queue(), ledger(), staging(), &lifecycle);
        Self {
            control: ControlClient::new(in_process(servers.control)),
            lifecycle,
        }
    }
}

/// What a run came to: whether it was worth one, and the balance of the newest that was.
pub(crate) struct Ran {
    pub(crate) is_new: bool,
    pub(crate) report: ReportResponse,
}

/// A scheduled run that is opened at this time.
pub(crate) fn scheduled_run(sandbox: &Sandbox, now: &str) -> Ran {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(sandbox, now.parse().unwrap()))
}

async fn run(sandbox: &Sandbox, now: Timestamp) -> Ran {
    let clock = Clock::standing_at(now.into());
    let Services {
        mut control,
        lifecycle,
    } = Services::start(sandbox, &clock).await;
    let connector = connector(sandbox);
    let request = OpenRunRequest {
        connector_file: connector.to_toml().unwrap(),
        scheduled: true,
        max_part_bytes: 25 << 20,
        ..OpenRunRequest::default()
    };
    let opened = control.open_run(request).await.unwrap().into_inner();
    let run = ProgressRequest { run: opened.run };
    let state = loop {
        let progress = control.progress(run).await.unwrap().into_inner();
        if progress.state() != RunState::Running {
            break progress.state();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let request = ReportRequest {
        connector: connector.id(),
        number: 0,
    };
    let report = control.report(request).await.unwrap().into_inner();
    assert!(lifecycle.stop().await);
    let is_new = state != RunState::NothingNew;
    assert!(!is_new || state == RunState::Succeeded, "{state:?}");
    Ran { is_new, report }
}

fn default<T: Default>() -> T {
    T::default()
}

pub(crate) fn connector(sandbox: &Sandbox) -> Connector {
    let text = std::fs::read_to_string(sandbox.path("connector.toml")).unwrap();
    Connector::parse(&text, &sandbox.path("")).unwrap()
}
