//! All services in this process, with a clock that a test sets.

use std::{sync::Arc, time::Duration};

use chatkeep_control::Clock;
use chatkeep_model::connector::Connector;
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue};
use chatkeep_proto::v1::{ListConnectorsRequest, control_client::ControlClient};
use chatkeep_runtime::{GrpcChannel, Lifecycle, in_process};
use chatkeep_staging::Staging;
use jiff::Timestamp;

use crate::sandbox::Sandbox;

/// The services, and the way to control.
pub(crate) struct Services {
    pub(crate) control: ControlClient<GrpcChannel>,
    pub(crate) lifecycle: Lifecycle,
}

impl Services {
    /// Starts them on the sandbox's ledger.
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

fn default<T: Default>() -> T {
    T::default()
}

/// The sandbox's connector.
pub(crate) fn connector(sandbox: &Sandbox) -> Connector {
    let text = std::fs::read_to_string(sandbox.path("connector.toml")).unwrap();
    Connector::parse(&text, &sandbox.path("")).unwrap()
}

/// Waits until everything is covered up to this time.
pub(crate) async fn covered(control: &mut ControlClient<GrpcChannel>, time: Timestamp) {
    loop {
        let listed = control
            .list_connectors(ListConnectorsRequest::default())
            .await;
        let listed = listed.unwrap().into_inner();
        if listed.connectors[0].covered == Some(time.as_second()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
