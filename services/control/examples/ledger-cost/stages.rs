//! The made-up corpus, and what stages tell the ledger of it.

use chatkeep_model::identity::Fields;
use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{
    Begun, Blob, Captured, CapturedFile, ClaimRequest, CompleteRequest, Converted,
    DeliveriesRequest, DeliveryState, Imported, Item, JournalRequest, LeaseRequest, Listed,
    NewTask, Part, Placement, PlanRow, Planned, RecordClaim, Refreshed, Session, Settled, Task,
    TaskKind, complete_request::Result as Outcome,
};

const BATCH: u32 = 100;
const MAILBOXES: u32 = 200;

fn digest(what: &str, number: u32) -> Vec<u8> {
    Fields::of(what).number(number.into()).digest().to_vec()
}

fn blob(kind: &str) -> Blob {
    Blob {
        key: format!("{kind}/00/{}", "0".repeat(64)),
        sha256: vec![0; 32].into(),
        size: 1_000_000,
    }
}

/// A stage for every kind of task.
pub(crate) struct Stages {
    pub(crate) ledger: LedgerClient,
    pub(crate) total: u32,
}

impl Stages {
    async fn complete(&self, task: &Task, result: Outcome, next: Vec<NewTask>) {
        let request = CompleteRequest {
            task: task.id.clone(),
            next,
            result: Some(result),
            ..CompleteRequest::default()
        };
        self.ledger.clone().complete(request).await.unwrap();
    }

    fn next(kind: TaskKind, input: &str, task: &Task) -> Vec<NewTask> {
        vec![NewTask {
            kind: kind.into(),
            input: Some(blob(input)),
            first: task.first,
            count: task.count,
            ..NewTask::default()
        }]
    }

    /// Does a task.
    pub(crate) async fn work(&self, task: &Task) {
        let range = task.first..task.first + task.count;
        match task.kind() {
            TaskKind::Refresh => {
                let refreshed = Refreshed {
                    directory: Some(blob("directory")),
                    ..Refreshed::default()
                };
                self.complete(task, Outcome::Refreshed(refreshed), Vec::new())
                    .await;
            }
            TaskKind::List => {
                let captures = (0..self.total)
                    .step_by(BATCH as usize)
                    .map(|first| NewTask {
                        kind: TaskKind::Capture.into(),
                        input: Some(blob("listing")),
                        first,
                        count: BATCH.min(self.total - first),
                        ..NewTask::default()
                    });
                let next = captures.collect();
                self.complete(task, Outcome::Listed(Listed::default()), next)
                    .await;
            }
            TaskKind::Capture => self.capture(task, range).await,
            TaskKind::Convert => {
                let converted = Converted {
                    blob: Some(blob("items")),
                    items: range.map(item).collect(),
                    quarantined: Vec::new(),
                };
                let next = Self::next(TaskKind::Plan, "index", task);
                self.complete(task, Outcome::Converted(converted), next)
                    .await;
            }
            TaskKind::Plan => {
                let rows = range.flat_map(|number| {
                    let user = format!("user{:05}@contoso.com", number % MAILBOXES);
                    let row = |participant: &str, placement: Placement, mailbox: &str| PlanRow {
                        item: digest("item", number).into(),
                        participant: participant.to_owned(),
                        placement: placement.into(),
                        mailbox: mailbox.to_owned(),
                        email: String::new(),
                    };
                    [
                        row(&user, Placement::Mapped, &user),
                        row("guest@fabrikam.com", Placement::External, ""),
                    ]
                });
                let planned = Planned {
                    rows: rows.collect(),
                };
                self.complete(task, Outcome::Planned(planned), Vec::new())
                    .await;
            }
            _ => self.import(task).await,
        }
    }

    async fn capture(&self, task: &Task, range: std::ops::Range<u32>) {
        let records = range.clone().map(|number| RecordClaim {
            id: digest("record", number).into(),
            day: i32::try_from(number / 1_000).unwrap(),
            session: Some(Session {
                participants: digest("people", number % MAILBOXES).into(),
                start: i64::from(number) * 86,
                messages: 10,
                sequence: digest("sequence", number).into(),
                item: digest("item", number).into(),
                ..Session::default()
            }),
            entry: number,
            ..RecordClaim::default()
        });
        let request = ClaimRequest {
            task: task.id.clone(),
            records: records.collect(),
        };
        self.ledger.clone().claim(request).await.unwrap();
        let files = range.clone().map(|number| CapturedFile {
            path: format!("pool01/2019/03/{:02}/{number:09}_1_p2p.eml", number / 1_000),
            size: 9_000,
            modified: 1_500_000_000_000_000_000,
            sha256: digest("file", number).into(),
            item: Some(digest("item", number).into()),
        });
        let captured = Captured {
            records_read: range.len() as u64,
            files: files.collect(),
            kept: range.len() as u64,
            ..Captured::default()
        };
        let next = Self::next(TaskKind::Convert, "batch", task);
        self.complete(task, Outcome::Captured(captured), next).await;
    }

    async fn import(&self, task: &Task) {
        let mut ledger = self.ledger.clone();
        let lease = LeaseRequest {
            task: task.id.clone(),
        };
        // A message may come twice; the task is closed then, as every worker knows.
        let Ok(lease) = ledger.lease(lease).await else {
            return;
        };
        let fence = lease.into_inner().fence;
        let mut settled: Vec<Settled> = Vec::new();
        let (mut after_mailbox, mut after_delivery) = (String::new(), 0);
        loop {
            let request = DeliveriesRequest {
                task: task.id.clone(),
                fence,
                after_mailbox: after_mailbox.clone(),
                after_delivery,
                limit: 500,
                begun_too: true,
            };
            let page = ledger
                .deliveries(request)
                .await
                .unwrap()
                .into_inner()
                .deliveries;
            let Some(last) = page.last() else { break };
            (after_mailbox, after_delivery) = (last.mailbox.clone(), last.id);
            for batch in page.chunks(50) {
                let of_mailbox = batch.chunk_by(|one, other| one.mailbox == other.mailbox);
                let begun = of_mailbox.map(|batch| Begun {
                    mailbox: batch[0].mailbox.clone(),
                    uid_validity: 1,
                    uid_next: 1,
                    deliveries: batch.iter().map(|one| one.id).collect(),
                });
                let journal = JournalRequest {
                    task: task.id.clone(),
                    fence,
                    settled: std::mem::take(&mut settled),
                    begun: begun.collect(),
                };
                ledger.journal(journal).await.unwrap();
                settled.extend(batch.iter().map(|one| Settled {
                    delivery: one.id,
                    state: DeliveryState::Imported.into(),
                    ..Settled::default()
                }));
            }
        }
        let journal = JournalRequest {
            task: task.id.clone(),
            fence,
            settled,
            begun: Vec::new(),
        };
        ledger.journal(journal).await.unwrap();
        self.complete(task, Outcome::Imported(Imported {}), Vec::new())
            .await;
    }
}

fn item(number: u32) -> Item {
    Item {
        id: digest("item", number).into(),
        kind: "p2p".to_owned(),
        conversation: digest("conversation", number).into(),
        date: i64::from(number) * 86,
        records: 1,
        parts: vec![Part {
            offset: u64::from(number) * 9_000,
            size: 9_000,
            sha256: digest("part", number).into(),
        }],
        supersedes: Vec::new().into(),
    }
}
