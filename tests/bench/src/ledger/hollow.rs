//! A run whose stages do nothing but read and write staging and call the ledger: what is left of a
//! pipeline without its work.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use chatkeep_control::Servers;
use chatkeep_pipeline::{
    Completion, LedgerClient, MemoryQueue, Queue, ResultExt as _, Stage, StageError, Worker,
};
use chatkeep_proto::v1::{
    Begun, Blob, Captured, CapturedFile, ClaimRequest, Converted, DeliveriesRequest, Delivery,
    DeliveryState, Imported, Item, JournalRequest, LeaseRequest, Listed, NewTask, OpenRunRequest,
    Part, Placement, PlanRow, Planned, ProgressRequest, RecordClaim, Refreshed, ReportRequest,
    RunState, Session, Settled, Task, TaskKind, complete_request::Result as Done,
    control_client::ControlClient, control_server::ControlServer,
};
use chatkeep_runtime::{GrpcChannel, Lifecycle, in_process};
use chatkeep_staging::{BlobKind, BlobRange, Staging};
use sha2::{Digest as _, Sha256};

use crate::{
    corpus::{Corpus, OURS},
    measure::{Meter, Sample},
};

/// Conversations per task, and bytes of each in either blob.
pub(super) const BATCH: u32 = 100;
pub(super) const BYTES: usize = 9_200;
/// Deliveries per page and per journaled batch.
const PAGE: u32 = 500;
const JOURNALED: usize = 50;
const QUEUES: [&str; 4] = ["ingestion", "conversion", "mapping", "mailbox-import"];

/// What all stages share.
struct World {
    corpus: Corpus,
    staging: Staging,
    ledger: LedgerClient,
}

/// One of the four stages.
struct Hollow<const QUEUE: usize>(Arc<World>);

impl<const QUEUE: usize> Stage for Hollow<QUEUE> {
    const QUEUE: &'static str = QUEUES[QUEUE];

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        let world = &*self.0;
        match task.kind() {
            TaskKind::Refresh => world.refresh().await,
            TaskKind::List => world.list().await,
            TaskKind::Capture => world.capture(task).await,
            TaskKind::Convert => world.convert(task).await,
            TaskKind::Plan => world.plan(task).await,
            TaskKind::Import => world.import(task).await,
            _ => Err("a task of another kind").or_reject("read task"),
        }
    }
}

/// Archives a corpus that is not there; the balance must hold every conversation.
pub(crate) fn run(corpus: &Corpus, folder: &Path) -> anyhow::Result<Sample> {
    let runtime = tokio::runtime::Runtime::new().context("start runtime")?;
    let meter = Meter::start(None)?;
    runtime.block_on(Box::pin(archive(corpus, folder)))?;
    drop(runtime);
    meter.stop(corpus.conversations.into(), 0)
}

async fn archive(corpus: &Corpus, folder: &Path) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::detached();
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
    let staging = Staging::folder(&folder.join("staging"))?;
    let settings = chatkeep_control::Settings::default();
    let control = (Arc::clone(&queue), staging.clone());
    let servers = chatkeep_control::start(&settings, folder, control.0, control.1, &lifecycle);
    let Servers {
        ledger, control, ..
    } = servers.await?;
    let ledger = LedgerClient::new(in_process(ledger));
    let world = Arc::new(World {
        corpus: corpus.clone(),
        staging,
        ledger: ledger.clone(),
    });
    let (queue, ledger) = (|| Arc::clone(&queue), || ledger.clone());
    Worker::new(Hollow::<0>(Arc::clone(&world)), queue(), ledger(), 2).start(&lifecycle);
    Worker::new(Hollow::<1>(Arc::clone(&world)), queue(), ledger(), 2).start(&lifecycle);
    Worker::new(Hollow::<2>(Arc::clone(&world)), queue(), ledger(), 2).start(&lifecycle);
    Worker::new(Hollow::<3>(world), queue(), ledger(), 8).start(&lifecycle);

    let control = in_process::<ControlServer<_>>(control);
    watch(ControlClient::new(control), corpus, folder).await?;
    anyhow::ensure!(lifecycle.stop().await, "a service did not stop cleanly");
    Ok(())
}

async fn watch(
    mut control: ControlClient<GrpcChannel>,
    corpus: &Corpus,
    folder: &Path,
) -> anyhow::Result<()> {
    let connector_file = format!(
        "name = \"bench\"\ndomain = \"{OURS}\"\n[[sources]]\ntype = \"archiving-export\"\npath = \"{0}\"\n[directory]\n\
         type = \"csv\"\npath = \"{0}\"\n[target]\ntype = \"discard\"\n",
        folder.display()
    );
    let request = OpenRunRequest {
        connector_file: connector_file.clone(),
        max_part_bytes: 25_000_000,
        ..OpenRunRequest::default()
    };
    let run = control.open_run(request).await?.into_inner().run;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let progress = control
            .progress(ProgressRequest { run })
            .await?
            .into_inner();
        match progress.state() {
            RunState::Running => {}
            RunState::Succeeded => break,
            state => anyhow::bail!("the run ended {}: {}", state.as_str_name(), progress.reason),
        }
    }
    let connector = chatkeep_model::identity::connector_id("bench");
    let report = control
        .report(ReportRequest {
            connector,
            number: 0,
            ..ReportRequest::default()
        })
        .await?
        .into_inner();
    let imported = report.deliveries.unwrap_or_default().imported;
    anyhow::ensure!(
        imported == corpus.deliveries(),
        "{imported} deliveries were counted"
    );
    Ok(())
}

/// What a digest of something is, as far as the ledger can tell.
fn digest(what: &str, number: u32) -> Bytes {
    Sha256::new()
        .chain_update(what)
        .chain_update(number.to_be_bytes())
        .finalize()
        .to_vec()
        .into()
}

impl World {
    async fn put(&self, kind: BlobKind, first: u32, size: usize) -> Result<Blob, StageError> {
        let mut bytes = vec![b'x'; size];
        // No two blobs are equal: equal ones are written once.
        bytes[..4].copy_from_slice(&first.to_be_bytes());
        self.staging.put(kind, bytes).await.or_retry("store blob")
    }

    async fn get(&self, task: &Task) -> Result<(), StageError> {
        let Some(input) = &task.input else {
            return Err("a task without input").or_reject("read task");
        };
        self.staging
            .get(input)
            .await
            .map(drop)
            .or_retry("load blob")
    }

    async fn refresh(&self) -> Result<Completion, StageError> {
        let directory = self.put(BlobKind::Directory, 0, 4).await?;
        Ok(Completion::new(Done::Refreshed(Refreshed {
            directory: Some(directory.clone()),
            custom_mapping: Some(directory),
            ..Refreshed::default()
        })))
    }

    async fn list(&self) -> Result<Completion, StageError> {
        let count = self.corpus.conversations;
        let listing = self.put(BlobKind::Listing, 0, 100 * count as usize).await?;
        let firsts = (0..count).step_by(BATCH as usize);
        let tasks = firsts.map(|first| next(TaskKind::Capture, &listing, first, count));
        let listed = Listed {
            files: count.into(),
            ..Listed::default()
        };
        Ok(Completion::new(Done::Listed(listed)).then_all(tasks))
    }

    async fn capture(&self, task: Task) -> Result<Completion, StageError> {
        let numbers = task.first..task.first + task.count;
        let records = numbers.clone().map(|number| RecordClaim {
            id: digest("record", number),
            day: i32::try_from(number / 1_000).unwrap_or_default(),
            session: Some(Session {
                participants: digest("participants", number),
                start: i64::from(number) * 61,
                messages: 41,
                sequence: digest("sequence", number),
                item: digest("item", number),
                ..Session::default()
            }),
            entry: number,
            ..RecordClaim::default()
        });
        let request = ClaimRequest {
            task: task.id.clone(),
            records: records.collect(),
        };
        let claimed = self.ledger.clone().claim(request).await;
        let claimed = claimed
            .map_err(StageError::ledger("claim records"))?
            .into_inner();
        if !claimed.answers.iter().all(|answer| answer.yours) {
            return Err("a record was claimed before").or_reject("claim records");
        }
        let batch = self
            .put(BlobKind::Batch, task.first, task.count as usize * BYTES)
            .await?;
        let files = numbers.map(|number| CapturedFile {
            path: format!(
                "sql01.bench.example_rtc/{:04}/{number:08}.eml",
                number / 1_000
            ),
            size: 10_000,
            modified: 0,
            sha256: digest("file", number),
            item: Some(digest("item", number)),
        });
        let captured = Captured {
            records_read: task.count.into(),
            files: files.collect(),
            kept: task.count.into(),
            ..Captured::default()
        };
        let convert = next(
            TaskKind::Convert,
            &batch,
            task.first,
            task.first + task.count,
        );
        Ok(Completion::new(Done::Captured(captured)).then(convert))
    }

    async fn convert(&self, task: Task) -> Result<Completion, StageError> {
        self.get(&task).await?;
        let numbers = task.first..task.first + task.count;
        let blob = self
            .put(BlobKind::Items, task.first, task.count as usize * BYTES)
            .await?;
        let index = self
            .put(BlobKind::Index, task.first, task.count as usize * 200)
            .await?;
        let items = numbers.map(|number| Item {
            id: digest("item", number),
            kind: "p2p".to_owned(),
            conversation: digest("conversation", number),
            date: i64::from(number) * 61,
            records: 1,
            parts: vec![Part {
                offset: u64::from(number - task.first) * BYTES as u64,
                size: BYTES as u64,
                sha256: digest("part", number),
            }],
            supersedes: Bytes::new(),
        });
        let converted = Converted {
            blob: Some(blob),
            items: items.collect(),
            quarantined: Vec::new(),
        };
        let plan = next(TaskKind::Plan, &index, task.first, task.first + task.count);
        Ok(Completion::new(Done::Converted(converted)).then(plan))
    }

    async fn plan(&self, task: Task) -> Result<Completion, StageError> {
        self.get(&task).await?;
        let numbers = task.first..task.first + task.count;
        let rows = numbers.flat_map(|number| {
            let owner = format!("user{:04}@{OURS}", number % self.corpus.mailboxes);
            let row = |participant: String, placement: Placement, mailbox: String| PlanRow {
                item: digest("item", number),
                participant,
                placement: placement.into(),
                mailbox,
                email: String::new(),
            };
            let guest = format!("guest{:04}@partner.example", number % 10_000);
            [
                row(owner.clone(), Placement::Mapped, owner),
                row(guest, Placement::External, String::new()),
            ]
        });
        Ok(Completion::new(Done::Planned(Planned {
            rows: rows.collect(),
        })))
    }

    async fn import(&self, task: Task) -> Result<Completion, StageError> {
        let request = LeaseRequest {
            task: task.id.clone(),
        };
        let lease = self.ledger.clone().lease(request).await;
        let fence = lease
            .map_err(StageError::ledger("take lease"))?
            .into_inner()
            .fence;
        let mut request = DeliveriesRequest {
            task: task.id.clone(),
            fence,
            limit: PAGE,
            ..DeliveriesRequest::default()
        };
        loop {
            let page = self.ledger.clone().deliveries(request.clone()).await;
            let page = page
                .map_err(StageError::ledger("list deliveries"))?
                .into_inner();
            let Some(last) = page.deliveries.last() else {
                return Ok(Completion::new(Done::Imported(Imported {})));
            };
            request.after_mailbox.clone_from(&last.mailbox);
            request.after_delivery = last.id;
            self.journal(&task.id, fence, &page.deliveries).await?;
        }
    }

    /// Begins and settles a page, the mailboxes in flight in one call as the import stage does.
    async fn journal(&self, task: &str, fence: u64, page: &[Delivery]) -> Result<(), StageError> {
        let parts = page.iter().flat_map(|delivery| {
            let blob = delivery.blob.clone().unwrap_or_default();
            delivery.parts.iter().map(move |part| BlobRange {
                blob: blob.clone(),
                offset: part.offset,
                size: part.size,
            })
        });
        let parts = self.staging.ranges(parts.collect()).await;
        parts.or_retry("load parts")?;
        let mut settled = Vec::new();
        for batch in page.chunks(JOURNALED) {
            let mut begun = BTreeMap::<_, Vec<i64>>::new();
            for delivery in batch {
                begun
                    .entry(&delivery.mailbox)
                    .or_default()
                    .push(delivery.id);
            }
            let begun = begun.into_iter().map(|(mailbox, deliveries)| Begun {
                mailbox: mailbox.clone(),
                deliveries,
                ..Begun::default()
            });
            let done = batch.iter().map(|delivery| Settled {
                delivery: delivery.id,
                state: DeliveryState::Imported.into(),
                ..Settled::default()
            });
            let request = |settled, begun| JournalRequest {
                task: task.to_owned(),
                fence,
                settled,
                begun,
            };
            self.write(request(std::mem::take(&mut settled), begun.collect()))
                .await?;
            settled = done.collect();
        }
        let last = JournalRequest {
            task: task.to_owned(),
            fence,
            settled,
            begun: Vec::new(),
        };
        self.write(last).await
    }

    async fn write(&self, request: JournalRequest) -> Result<(), StageError> {
        let written = self.ledger.clone().journal(request).await;
        written
            .map(drop)
            .map_err(StageError::ledger("write journal"))
    }
}

/// A task over conversations `first..` of at most one batch, below `end`.
fn next(kind: TaskKind, input: &Blob, first: u32, end: u32) -> NewTask {
    NewTask {
        kind: kind.into(),
        input: Some(input.clone()),
        first,
        count: BATCH.min(end - first),
        source: 0,
        shard: 0,
    }
}
