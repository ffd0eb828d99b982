use chatkeep_proto::v1::{Finding, NewTask, Task, TaskKind, complete_request};

use crate::StageError;

/// One step of the pipeline: takes a task and returns what came of it.
///
/// The [`Worker`](crate::Worker) stores the completion in the ledger, and only then acknowledges the
/// message. A crash in between runs `process` again, so it must be idempotent: same task, same blob
/// keys, same completion.
pub trait Stage: Send + Sync + 'static {
    /// The queue the stage consumes, named after its service.
    const QUEUE: &'static str;

    /// Loads, computes, stores, returns.
    fn process(&self, task: Task) -> impl Future<Output = Result<Completion, StageError>> + Send;
}

/// What a task came to: its result and the tasks that follow from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The result, one kind per stage.
    pub result: complete_request::Result,
    /// What follows.
    pub next: Vec<NewTask>,
    /// What somebody should know.
    pub findings: Vec<Finding>,
}

impl Completion {
    /// A result that leads to nothing yet.
    pub fn new(result: complete_request::Result) -> Self {
        Self {
            result,
            next: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Adds what somebody should know of the run.
    pub fn tell(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// Adds a task that follows.
    pub fn then(mut self, task: NewTask) -> Self {
        self.next.push(task);
        self
    }

    /// Adds tasks that follow.
    pub fn then_all(mut self, tasks: impl IntoIterator<Item = NewTask>) -> Self {
        self.next.extend(tasks);
        self
    }
}

/// The queue that serves tasks of this kind.
pub fn queue_of(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::List | TaskKind::Capture | TaskKind::Assemble => "ingestion",
        TaskKind::Convert => "conversion",
        TaskKind::Refresh | TaskKind::Plan | TaskKind::Resolve => "mapping",
        TaskKind::Import => "mailbox-import",
        TaskKind::Unspecified => "dead",
    }
}
