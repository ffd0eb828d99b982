use std::{
    fs,
    path::{Path, PathBuf},
};

use chatkeep_ingestion::Ingestion;
use chatkeep_model::{Conversation, connector::Connector};
use chatkeep_pipeline::{Completion, LedgerClient, Stage as _, StageError};
use chatkeep_proto::v1::{
    Assembled, Captured, Listed, NewTask, Run, Task, TaskKind, complete_request::Result as Outcome,
    ledger_server::LedgerServer,
};
use chatkeep_runtime::in_process;
use chatkeep_staging::{Blob, FrameReader, Staging};

use crate::ledger::FakeLedger;

pub(crate) const SHARDS: u32 = 16;

/// A source's folder, staging and a ledger; runs are driven by hand.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    pub(crate) staging: Staging,
    pub(crate) ledger: FakeLedger,
    stage: Ingestion,
    kind: &'static str,
    extra: String,
    runs: i64,
}

/// What a run captured.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) listed: Listed,
    pub(crate) captured: Captured,
    pub(crate) assembled: Assembled,
    pub(crate) conversations: Vec<Conversation>,
}

impl Sandbox {
    pub(crate) fn export() -> Self {
        Self::of("archiving-export")
    }

    pub(crate) fn rooms() -> Self {
        Self::of("persistent-chat-xml")
    }

    fn of(kind: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("source")).unwrap();
        let staging = Staging::folder(&folder.path().join("staging")).unwrap();
        let ledger = FakeLedger::default();
        let client = LedgerClient::new(in_process(LedgerServer::new(ledger.clone())));
        Self {
            stage: Ingestion::new(staging.clone(), client),
            folder,
            staging,
            ledger,
            kind,
            extra: String::new(),
            runs: 0,
        }
    }

    /// Adds an exclusion rule to the connector file.
    pub(crate) fn exclude(mut self, name: &str, address: &str) -> Self {
        let rule = format!("[[exclude]]\nname = '{name}'\naddress = '{address}'\n");
        self.extra.push_str(&rule);
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("source").join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn connector(&self) -> Connector {
        Connector::parse(&self.connector_file(), Path::new("/")).unwrap()
    }

    fn connector_file(&self) -> String {
        format!(
            "name = 'Contoso'\ndomain = 'contoso.com'\n{}\
             [[sources]]\ntype = '{}'\npath = '{}'\n\
             [directory]\ntype = 'csv'\npath = '/d.csv'\n[target]\ntype = 'discard'\n",
            self.extra,
            self.kind,
            self.path("").display()
        )
    }

    /// A run of the one-shot `archive`.
    pub(crate) async fn archive(&mut self) -> Ran {
        self.run(Run::default()).await.unwrap()
    }

    /// Lists, captures and assembles, as control would.
    pub(crate) async fn run(&mut self, run: Run) -> Result<Ran, StageError> {
        self.runs += 1;
        self.ledger.state().run = Run {
            id: self.runs,
            connector: "c".to_owned(),
            connector_file: self.connector_file(),
            directory: Some(Blob::default()),
            ..run
        };
        let mut ran = Ran::default();
        let list = self.do_task(new(TaskKind::List), 0).await?;
        let Outcome::Listed(listed) = list.result else {
            panic!("LIST ends otherwise");
        };
        ran.listed = listed;
        for (number, task) in (0..).zip(list.next) {
            let captured = self.do_task(task, number).await?;
            self.assert_kept(&captured, number);
            self.settle_capture(captured, &mut ran).await;
        }
        for shard in 0..SHARDS {
            if self.ledger.state().chunks.is_empty() {
                break;
            }
            let task = NewTask {
                shard,
                ..new(TaskKind::Assemble)
            };
            let assembled = self.do_task(task, shard.into()).await?;
            self.settle_assembly(assembled, &mut ran).await;
        }
        let mut state = self.ledger.state();
        state.chunks.clear();
        let open = ran.assembled.open_records.take();
        state.chunks.extend(open);
        drop(state);
        Ok(ran)
    }

    /// Does a task twice: the second time must give the same.
    async fn do_task(&self, task: NewTask, number: u64) -> Result<Completion, StageError> {
        let id = self.id_of(task.kind(), number);
        let task = Task {
            id,
            kind: task.kind,
            connector: "c".to_owned(),
            run: self.runs,
            input: task.input,
            first: task.first,
            count: task.count,
            source: task.source,
            shard: task.shard,
        };
        let first = self.stage.process(task.clone()).await?;
        let again = self.stage.process(task).await?;
        assert_eq!(first, again, "a task done again gives the same");
        Ok(again)
    }

    /// What the task claimed is what it passes on.
    fn assert_kept(&self, completion: &Completion, number: u64) {
        let Outcome::Captured(captured) = &completion.result else {
            panic!("CAPTURE ends otherwise");
        };
        let id = self.id_of(TaskKind::Capture, number);
        let state = self.ledger.state();
        let claimed = state.claims.values().filter(|claim| claim.task == id);
        assert_eq!(captured.kept, claimed.count() as u64);
    }

    fn id_of(&self, kind: TaskKind, number: u64) -> String {
        format!("{}-{}-{number}", self.runs, kind.as_str_name())
    }

    async fn settle_capture(&self, completion: Completion, ran: &mut Ran) {
        let Outcome::Captured(captured) = completion.result else {
            panic!("CAPTURE ends otherwise");
        };
        self.load(completion.next, ran).await;
        let total = &mut ran.captured;
        total.records_read += captured.records_read;
        total.outside += captured.outside;
        total.duplicates.extend(captured.duplicates);
        total.excluded.extend(captured.excluded);
        total.quarantined.extend(captured.quarantined);
        total.files.extend(captured.files.clone());
        let mut state = self.ledger.state();
        state.chunks.extend(captured.chunk);
        for file in captured.files {
            state.files.insert((0, file.path.clone()), file);
        }
    }

    async fn settle_assembly(&self, completion: Completion, ran: &mut Ran) {
        let Outcome::Assembled(assembled) = completion.result else {
            panic!("ASSEMBLE ends otherwise");
        };
        self.load(completion.next, ran).await;
        ran.assembled.conversations += assembled.conversations;
        ran.assembled.records += assembled.records;
        ran.assembled.open += assembled.open;
        if assembled.open_records.is_some() {
            ran.assembled.open_records = assembled.open_records;
        }
        let mut state = self.ledger.state();
        for roster in assembled.rosters {
            state.rosters.insert(roster.room, roster.present);
        }
    }

    async fn load(&self, tasks: Vec<NewTask>, ran: &mut Ran) {
        for task in tasks {
            assert_eq!(task.kind(), TaskKind::Convert);
            let bytes = self.staging.get(&task.input.unwrap()).await.unwrap();
            let mut frames = FrameReader::new(&bytes[..]);
            let mut count = 0;
            while let Some(conversation) = frames.next::<Conversation>().unwrap() {
                ran.conversations.push(conversation);
                count += 1;
            }
            assert_eq!(task.count, count);
        }
    }
}

fn new(kind: TaskKind) -> NewTask {
    NewTask {
        kind: kind.into(),
        ..NewTask::default()
    }
}
