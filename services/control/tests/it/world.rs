//! A stage for every kind of task, that works on a made-up world instead of files.

#[path = "world/import.rs"]
mod import;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Mutex,
    time::Duration,
};

use chatkeep_model::identity::Fields;
use chatkeep_proto::v1::{
    Blob, Captured, CapturedFile, ClaimRequest, Converted, DeliveryState, HeldRequest, Item,
    Listed, NewTask, Part, Placement, PlanRow, Planned, Quarantined, Reach, RecordClaim, Refreshed,
    Resolved, RunState, Task, TaskKind, complete_request::Result as Outcome,
};
use chatkeep_staging::BlobKind;
use tonic::{Code, Status};

use crate::lab::{Lab, QUEUES, new_task};

/// A conversation of one record.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) number: u32,
    pub(crate) participants: Vec<&'static str>,
    /// Cannot be rendered.
    pub(crate) is_broken: bool,
    /// A file that cannot be read, with the reason.
    pub(crate) unreadable: Option<&'static str>,
}

pub(crate) fn conversation(number: u32, participants: &[&'static str]) -> Conversation {
    Conversation {
        number,
        participants: participants.to_vec(),
        is_broken: false,
        unreadable: None,
    }
}

/// What the stages find out there.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) conversations: Vec<Conversation>,
    /// Participants with a mailbox; others of contoso.com are held, the rest is external.
    pub(crate) directory: BTreeMap<&'static str, &'static str>,
    /// What happens to deliveries into a mailbox; imported when nothing is said.
    pub(crate) mailboxes: BTreeMap<&'static str, (DeliveryState, &'static str)>,
    /// Items put into mailboxes: item and mailbox.
    pub(crate) archived: Mutex<Vec<(Vec<u8>, String)>>,
    /// Runs and positions of conversations whose record is theirs, and of files that were captured.
    captured: Mutex<HashSet<(i64, usize)>>,
    /// Whether the blobs that tasks name lie in staging: then what is imported is read from there.
    pub(crate) is_staged: bool,
    known: Mutex<HashSet<usize>>,
    /// What the next runs read of a database.
    pub(crate) reach: Mutex<Option<Reach>>,
    /// What was known when a run listed its files.
    listed: Mutex<BTreeMap<i64, HashSet<usize>>>,
}

pub(crate) fn blob(name: &str) -> Blob {
    Blob {
        key: name.to_owned(),
        sha256: Fields::of("blob").text(name).digest().to_vec().into(),
        size: name.len() as u64,
    }
}

pub(crate) fn record_id(number: u32) -> Vec<u8> {
    Fields::of("record").number(number.into()).digest().to_vec()
}

pub(crate) fn item_id(number: u32) -> Vec<u8> {
    Fields::of("item").number(number.into()).digest().to_vec()
}

pub(crate) fn claim(number: u32) -> RecordClaim {
    RecordClaim {
        id: record_id(number).into(),
        day: 1_000,
        ..RecordClaim::default()
    }
}

pub(crate) fn item(number: u32) -> Item {
    Item {
        id: item_id(number).into(),
        kind: "p2p".to_owned(),
        conversation: item_id(number).into(),
        date: 86_400_000 + i64::from(number),
        records: 1,
        parts: vec![Part {
            offset: 0,
            size: 7,
            sha256: record_id(number).into(),
        }],
        supersedes: Vec::new().into(),
    }
}

pub(crate) fn row(number: u32, participant: &str, placement: Placement, mailbox: &str) -> PlanRow {
    PlanRow {
        item: item_id(number).into(),
        participant: participant.to_owned(),
        placement: placement.into(),
        mailbox: mailbox.to_owned(),
        email: String::new(),
    }
}

impl World {
    pub(crate) fn of(conversations: Vec<Conversation>) -> Self {
        Self {
            conversations,
            directory: [
                ("ann@contoso.com", "ann@contoso.com"),
                ("bob@contoso.com", "bob@contoso.com"),
                ("cid@contoso.com", "cid@contoso.com"),
                ("dora@contoso.com", "dora@contoso.com"),
            ]
            .into(),
            ..Self::default()
        }
    }

    /// A blob, in staging if this world's are.
    async fn blob(&self, lab: &Lab, kind: BlobKind, content: &str) -> Blob {
        if self.is_staged {
            lab.staging.put(kind, content.to_owned()).await.unwrap()
        } else {
            blob(content)
        }
    }

    /// Works until the run is not running any more.
    pub(crate) async fn drive(&self, lab: &Lab, run: i64) -> RunState {
        loop {
            for queue in QUEUES {
                // Generous enough for a busy machine; a task that comes later is found next time.
                let wait = Duration::from_millis(2);
                while let Ok(task) = tokio::time::timeout(wait, lab.receive(queue)).await {
                    let worked = self.try_work(lab, &task).await;
                    // A run that goes on has its open tasks published again: a message may come twice.
                    let is_done = worked
                        .as_ref()
                        .is_err_and(|it| it.code() == Code::FailedPrecondition);
                    assert!(worked.is_ok() || is_done, "{worked:?}");
                }
            }
            let state = lab.progress(run).await.state();
            if state != RunState::Running {
                return state;
            }
        }
    }

    pub(crate) async fn work(&self, lab: &Lab, task: &Task) {
        self.try_work(lab, task).await.unwrap();
    }

    async fn try_work(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        match task.kind() {
            TaskKind::Refresh => {
                let names: Vec<_> = self.directory.keys().copied().collect();
                let refreshed = Refreshed {
                    directory: Some(self.blob(lab, BlobKind::Directory, &names.join(",")).await),
                    ..Refreshed::default()
                };
                lab.try_complete(task, Outcome::Refreshed(refreshed), Vec::new())
                    .await
            }
            TaskKind::List => self.list(lab, task).await,
            TaskKind::Capture => self.capture(lab, task).await,
            TaskKind::Convert => self.convert(lab, task).await,
            TaskKind::Plan => self.plan(lab, task).await,
            TaskKind::Resolve => self.resolve(lab, task).await,
            TaskKind::Import => self.import(lab, task).await,
            kind => panic!("unexpected {kind:?}"),
        }
    }

    async fn list(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        let total = u32::try_from(self.conversations.len()).unwrap();
        let known = self.known.lock().unwrap().clone();
        let fresh = self.conversations.len() - known.len();
        let listing = self.blob(lab, BlobKind::Listing, "listing").await;
        let captures = (0..total).step_by(10).map(|first| {
            let range = (first, 10.min(total - first));
            new_task(TaskKind::Capture, &listing, range)
        });
        let next: Vec<NewTask> = if fresh == 0 {
            Vec::new()
        } else {
            captures.collect()
        };
        let listed = Listed {
            files: total.into(),
            reach: self.reach.lock().unwrap().clone(),
            ..Listed::default()
        };
        lab.try_complete(task, Outcome::Listed(listed), next)
            .await?;
        self.listed.lock().unwrap().insert(task.run, known);
        Ok(())
    }

    fn range(&self, task: &Task) -> Vec<(usize, &Conversation)> {
        let all = self.conversations.iter().enumerate();
        all.skip(task.first as usize)
            .take(task.count as usize)
            .collect()
    }

    async fn capture(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        let mut files = self.range(task);
        let listed = self.listed.lock().unwrap().get(&task.run).cloned();
        let known = listed.unwrap_or_default();
        files.retain(|(position, _)| !known.contains(position));
        let mut readable = files.clone();
        readable.retain(|(_, one)| one.unreadable.is_none());
        let request = ClaimRequest {
            task: task.id.clone(),
            records: readable.iter().map(|(_, one)| claim(one.number)).collect(),
        };
        let answers = lab.ledger.clone().claim(request).await?;
        let answers = answers.into_inner().answers;
        let mut captured = Captured {
            records_read: files.len() as u64,
            files: files
                .iter()
                .map(|(position, one)| file(*position, one))
                .collect(),
            quarantined: files
                .iter()
                .filter_map(|(_, one)| unreadable(one))
                .collect(),
            ..Captured::default()
        };
        let mut seen = HashSet::new();
        for ((position, one), answer) in readable.iter().zip(answers) {
            if answer.yours && seen.insert(one.number) {
                captured.kept += 1;
                self.captured.lock().unwrap().insert((task.run, *position));
            } else {
                captured.duplicates.push(record_id(one.number).into());
            }
        }
        for entry in &mut captured.quarantined {
            let original = self.blob(lab, BlobKind::Quarantine, &entry.source).await;
            entry.original = Some(original);
        }
        let batch = format!("batch {}", task.first);
        let batch = self.blob(lab, BlobKind::Batch, &batch).await;
        let next = new_task(TaskKind::Convert, &batch, (task.first, task.count));
        lab.try_complete(task, Outcome::Captured(captured), vec![next])
            .await?;
        self.known
            .lock()
            .unwrap()
            .extend(files.iter().map(|(position, _)| *position));
        Ok(())
    }

    fn batch(&self, task: &Task) -> Vec<&Conversation> {
        let captured = self.captured.lock().unwrap();
        let batch = self.range(task).into_iter();
        let ours = batch.filter(|(position, _)| captured.contains(&(task.run, *position)));
        ours.map(|(_, one)| one).collect()
    }

    async fn convert(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        let (broken, whole): (Vec<_>, Vec<_>) =
            self.batch(task).into_iter().partition(|one| one.is_broken);
        let quarantined = broken.iter().map(|one| Quarantined {
            original: task.input.clone(),
            ..unrenderable(one.number)
        });
        // The same batch comes out as the same blobs, also in another run.
        let items = format!("items {}", task.first);
        let converted = Converted {
            blob: Some(self.blob(lab, BlobKind::Items, &items).await),
            items: whole.iter().map(|one| item(one.number)).collect(),
            quarantined: quarantined.collect(),
        };
        let index = format!("index {}", task.first);
        let index = self.blob(lab, BlobKind::Index, &index).await;
        let next = new_task(TaskKind::Plan, &index, (task.first, task.count));
        lab.try_complete(task, Outcome::Converted(converted), vec![next])
            .await
    }

    pub(crate) fn place(&self, number: u32, participant: &'static str) -> PlanRow {
        match self.directory.get(participant) {
            Some(mailbox) => row(number, participant, Placement::Mapped, mailbox),
            None if participant.ends_with("@contoso.com") => {
                row(number, participant, Placement::Held, "")
            }
            None => row(number, participant, Placement::External, ""),
        }
    }

    async fn plan(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        let whole = self.batch(task).into_iter().filter(|one| !one.is_broken);
        let rows = whole.flat_map(|one| {
            let participants = one.participants.iter();
            participants
                .map(|participant| self.place(one.number, participant))
                .collect::<Vec<_>>()
        });
        let planned = Planned {
            rows: rows.collect(),
        };
        lab.try_complete(task, Outcome::Planned(planned), Vec::new())
            .await?;
        let range = self.range(task).into_iter();
        let done: HashSet<_> = range.map(|(position, _)| position).collect();
        let mut captured = self.captured.lock().unwrap();
        captured.retain(|(run, position)| *run != task.run || !done.contains(position));
        Ok(())
    }

    async fn resolve(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        let request = HeldRequest {
            task: task.id.clone(),
            after: 0,
            limit: 10_000,
        };
        let held = lab.ledger.clone().held(request).await?.into_inner().rows;
        let rows = held.into_iter().filter_map(|held| {
            let mailbox = self.directory.get(&*held.participant)?;
            Some(PlanRow {
                item: held.item,
                participant: held.participant,
                placement: Placement::Mapped.into(),
                mailbox: (*mailbox).to_owned(),
                email: held.email,
            })
        });
        let resolved = Resolved {
            rows: rows.collect(),
        };
        lab.try_complete(task, Outcome::Resolved(resolved), Vec::new())
            .await
    }
}

fn file(position: usize, one: &Conversation) -> CapturedFile {
    CapturedFile {
        path: format!("{position}.eml"),
        size: 1,
        modified: 1,
        sha256: record_id(one.number).into(),
        item: Some(item_id(one.number).into()),
    }
}

fn unreadable(one: &Conversation) -> Option<Quarantined> {
    one.unreadable.map(|reason| Quarantined {
        source: format!("{}.eml", one.number),
        reason: reason.to_owned(),
        records: 1,
        original: Some(blob("original")),
        ..Quarantined::default()
    })
}

pub(crate) fn unrenderable(number: u32) -> Quarantined {
    Quarantined {
        source: format!("item {number}"),
        reason: "render".to_owned(),
        records: 1,
        original: Some(blob("batch")),
        claimed: vec![record_id(number).into()],
        day: claim(number).day,
    }
}
