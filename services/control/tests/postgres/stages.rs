//! The four stages at work on a made-up corpus, as real workers: what a call to a dead replica or a dead
//! database costs them is what it costs the real ones.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use chatkeep_pipeline::{Completion, LedgerClient, Queue, Stage, StageError, Worker};
use chatkeep_proto::v1::{
    Begun, Captured, ClaimRequest, Converted, DeliveriesRequest, Delivery, DeliveryState, Imported,
    JournalRequest, LeaseRequest, Listed, Placement, Planned, Refreshed, Settled, Task, TaskKind,
    complete_request::Result as Outcome,
};
use chatkeep_runtime::{GrpcChannel, Lifecycle};

use crate::{
    lab::{QUEUES, new_task},
    world::{blob, claim, item, row},
};

/// Conversations of a task.
const BATCH: u32 = 10;
const MAILBOXES: u32 = 7;

/// Item and mailbox of every delivery that was archived.
type Archived = Arc<Mutex<BTreeSet<(Vec<u8>, String)>>>;

/// Conversations of one record, each between two of our users and a guest.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    pub(crate) conversations: u32,
    /// Item and mailbox of what was imported.
    archived: Archived,
}

impl Corpus {
    pub(crate) fn of(conversations: u32) -> Self {
        Self {
            conversations,
            archived: Arc::default(),
        }
    }

    /// How many deliveries are in their mailboxes.
    pub(crate) fn archived(&self) -> usize {
        self.archived.lock().unwrap().len()
    }

    /// Starts a worker for every queue.
    pub(crate) fn start(&self, queue: &Arc<dyn Queue>, channel: &GrpcChannel, life: &Lifecycle) {
        self.start_one::<0>(queue, channel, life);
        self.start_one::<1>(queue, channel, life);
        self.start_one::<2>(queue, channel, life);
        self.start_one::<3>(queue, channel, life);
    }

    fn start_one<const N: usize>(
        &self,
        queue: &Arc<dyn Queue>,
        channel: &GrpcChannel,
        life: &Lifecycle,
    ) {
        let ledger = LedgerClient::new(channel.clone());
        let stage = MadeUp::<N> {
            corpus: self.clone(),
            ledger: ledger.clone(),
        };
        Worker::new(stage, Arc::clone(queue), ledger, 3).start(life);
    }
}

/// The stage of one of [`QUEUES`].
struct MadeUp<const N: usize> {
    corpus: Corpus,
    ledger: LedgerClient,
}

impl<const N: usize> Stage for MadeUp<N> {
    const QUEUE: &'static str = QUEUES[N];

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        let range = task.first..task.first + task.count;
        let next = |kind, input: &str| new_task(kind, &blob(input), (task.first, task.count));
        Ok(match task.kind() {
            TaskKind::Refresh => Completion::new(Outcome::Refreshed(Refreshed {
                directory: Some(blob("directory")),
                ..Refreshed::default()
            })),
            TaskKind::List => {
                let total = self.corpus.conversations;
                let captures = (0..total).step_by(BATCH as usize).map(|first| {
                    let range = (first, BATCH.min(total - first));
                    new_task(TaskKind::Capture, &blob("listing"), range)
                });
                Completion::new(Outcome::Listed(Listed::default())).then_all(captures)
            }
            TaskKind::Capture => {
                let request = ClaimRequest {
                    task: task.id.clone(),
                    records: range.clone().map(claim).collect(),
                };
                let answers = self.ledger.clone().claim(request).await;
                let answers = answers.map_err(StageError::ledger("claim records"))?;
                assert!(answers.into_inner().answers.iter().all(|one| one.yours));
                let captured = Captured {
                    records_read: task.count.into(),
                    kept: task.count.into(),
                    ..Captured::default()
                };
                Completion::new(Outcome::Captured(captured)).then(next(TaskKind::Convert, "batch"))
            }
            TaskKind::Convert => {
                let converted = Converted {
                    blob: Some(blob("items")),
                    items: range.map(item).collect(),
                    ..Converted::default()
                };
                Completion::new(Outcome::Converted(converted)).then(next(TaskKind::Plan, "index"))
            }
            TaskKind::Plan => {
                let rows = range.flat_map(|number| {
                    let user = |n: u32| format!("user{}@contoso.com", n % MAILBOXES);
                    let (one, other) = (user(number), user(number + 1));
                    [
                        row(number, &one, Placement::Mapped, &one),
                        row(number, &other, Placement::Mapped, &other),
                        row(number, "eve@fabrikam.com", Placement::External, ""),
                    ]
                });
                let rows = rows.collect();
                Completion::new(Outcome::Planned(Planned { rows }))
            }
            _ => {
                self.import(&task).await?;
                Completion::new(Outcome::Imported(Imported {}))
            }
        })
    }
}

impl<const N: usize> MadeUp<N> {
    async fn import(&self, task: &Task) -> Result<(), StageError> {
        let lease = LeaseRequest {
            task: task.id.clone(),
        };
        let lease = self.ledger.clone().lease(lease).await;
        let fence = lease
            .map_err(StageError::ledger("take lease"))?
            .into_inner()
            .fence;
        loop {
            let request = DeliveriesRequest {
                task: task.id.clone(),
                fence,
                limit: 5,
                begun_too: true,
                ..DeliveriesRequest::default()
            };
            let page = self.ledger.clone().deliveries(request).await;
            let page = page.map_err(StageError::ledger("read deliveries"))?;
            let page = page.into_inner().deliveries;
            if page.is_empty() {
                return Ok(());
            }
            let batches = page.chunk_by(|one, other| one.mailbox == other.mailbox);
            let begun = batches.map(|batch| Begun {
                mailbox: batch[0].mailbox.clone(),
                uid_validity: 1,
                uid_next: 1,
                deliveries: batch.iter().map(|one| one.id).collect(),
            });
            let begun = JournalRequest {
                begun: begun.collect(),
                ..journal(task, fence)
            };
            self.write(begun).await?;
            let settled = JournalRequest {
                settled: page.iter().map(|one| self.deposit(one)).collect(),
                ..journal(task, fence)
            };
            self.write(settled).await?;
        }
    }

    async fn write(&self, request: JournalRequest) -> Result<(), StageError> {
        let written = self.ledger.clone().journal(request).await;
        written
            .map_err(StageError::ledger("write journal"))
            .map(drop)
    }

    fn deposit(&self, delivery: &Delivery) -> Settled {
        let key = (delivery.item.to_vec(), delivery.mailbox.clone());
        self.corpus.archived.lock().unwrap().insert(key);
        Settled {
            delivery: delivery.id,
            state: DeliveryState::Imported.into(),
            ..Settled::default()
        }
    }
}

fn journal(task: &Task, fence: u64) -> JournalRequest {
    JournalRequest {
        task: task.id.clone(),
        fence,
        ..JournalRequest::default()
    }
}
