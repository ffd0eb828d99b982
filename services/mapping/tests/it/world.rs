//! A folder with a connector's files, staging, and the service running on a queue in memory.

use std::{fs, path::PathBuf, sync::Arc};

use chatkeep_model::{ItemId, Kind, Participant};
use chatkeep_pipeline::{Envelope, LedgerClient, MemoryQueue, Queue as _};
use chatkeep_proto::v1::{
    Blob, CompleteRequest, FailRequest, Refreshed, Run, Task, TaskKind,
    complete_request::Result as TaskResult, ledger_server::LedgerServer,
};
use chatkeep_runtime::{Lifecycle, in_process};
use chatkeep_staging::{BlobKind, FrameWriter, ItemIndex, Staging};
use prost::Message as _;

use crate::ledger::FakeLedger;

pub(crate) const HEADER: &str = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n";

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) staging: Staging,
    pub(crate) ledger: FakeLedger,
    queue: Arc<MemoryQueue>,
    pub(crate) lifecycle: Lifecycle,
}

impl World {
    /// Starts the service with a directory of these rows and this custom mapping.
    pub(crate) fn start(directory: &str, custom: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::folder(&folder.path().join("staging")).unwrap();
        let world = Self {
            staging,
            folder,
            ledger: FakeLedger::default(),
            queue: Arc::new(MemoryQueue::default()),
            lifecycle: Lifecycle::detached(),
        };
        world.write("directory.csv", &format!("{HEADER}{directory}"));
        world.write("mapping.csv", &format!("source_user,mailbox\n{custom}"));
        *world.ledger.0.run.lock().unwrap() = Run {
            id: 7,
            connector_file: world.connector_file(),
            ..Run::default()
        };
        let queue = Arc::clone(&world.queue);
        let settings = chatkeep_mapping::Settings::default();
        let staging = world.staging.clone();
        chatkeep_mapping::start(&settings, queue, world.client(), staging, &world.lifecycle);
        world
    }

    pub(crate) fn client(&self) -> LedgerClient {
        LedgerClient::new(in_process(LedgerServer::new(self.ledger.clone())))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn connector_file(&self) -> String {
        let folder = self.folder.path().display();
        format!(
            "name='Contoso'\ndomain='contoso.com'\n\
             [[sources]]\ntype='archiving-export'\npath='{folder}/exports'\n\
             [directory]\ntype='csv'\npath='{folder}/directory.csv'\n\
             [mapping]\ncustom='{folder}/mapping.csv'\n\
             [target]\ntype='discard'\n"
        )
    }

    /// Hands a task to the service and waits for its end.
    pub(crate) async fn work(&self, task: Task) -> Result<CompleteRequest, FailRequest> {
        let envelope = Envelope::new(task.id.clone(), task.encode_to_vec());
        self.queue.publish("mapping", envelope).await.unwrap();
        loop {
            self.ledger.0.changed.notified().await;
            if let Some(completed) = self.ledger.0.completed.lock().unwrap().pop() {
                return Ok(completed);
            }
            if let Some(failed) = self.ledger.0.failed.lock().unwrap().pop() {
                return Err(failed);
            }
        }
    }

    pub(crate) async fn refresh(&self) -> Refreshed {
        let completed = self.work(task(TaskKind::Refresh)).await.unwrap();
        match completed.result.unwrap() {
            TaskResult::Refreshed(refreshed) => refreshed,
            other => panic!("not refreshed: {other:?}"),
        }
    }

    /// Refreshes and pins the snapshots to the run.
    pub(crate) async fn pin(&self) {
        let refreshed = self.refresh().await;
        let mut run = self.ledger.0.run.lock().unwrap();
        run.directory = refreshed.directory;
        run.custom_mapping = refreshed.custom_mapping;
    }

    /// Stores an index blob of items with these participants.
    pub(crate) async fn index(&self, items: &[&[&str]]) -> Blob {
        let mut frames = FrameWriter::new(Vec::new());
        for (number, participants) in (0_u8..).zip(items) {
            let participants = participants.iter().map(|address| Participant {
                address: (*address).to_owned(),
                ..Participant::default()
            });
            let item = ItemIndex {
                id: ItemId::from_bytes([number; 32]),
                kind: Kind::Conference,
                date: 0,
                participants: participants.collect(),
            };
            frames.push(&item).unwrap();
        }
        let stored = self.staging.put(BlobKind::Index, frames.into_inner()).await;
        stored.unwrap()
    }
}

pub(crate) fn task(kind: TaskKind) -> Task {
    Task {
        id: "0a1b".to_owned(),
        kind: kind.into(),
        run: 7,
        ..Task::default()
    }
}
