use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chatkeep_pipeline::{
    Completion, Envelope, MemoryQueue, Queue as _, ResultExt as _, Stage, StageError, Verdict,
    Worker,
};
use chatkeep_proto::v1::{Imported, Task, complete_request};
use chatkeep_runtime::Lifecycle;
use prost::Message as _;

use crate::fake_ledger::FakeLedger;

/// Does what its script says, call by call; the last entry stands for all that follow.
struct Scripted {
    script: Vec<Result<(), Verdict>>,
    calls: Arc<AtomicU32>,
}

impl Stage for Scripted {
    const QUEUE: &'static str = "scripted";

    async fn process(&self, _task: Task) -> Result<Completion, StageError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) as usize;
        let step = self.script[call.min(self.script.len() - 1)];
        if let Err(verdict) = step {
            return Err(StageError::new(verdict, "do the work", "because"));
        }
        Ok(Completion::new(complete_request::Result::Imported(
            Imported {},
        )))
    }
}

struct Panicking;

impl Stage for Panicking {
    const QUEUE: &'static str = "scripted";

    async fn process(&self, _task: Task) -> Result<Completion, StageError> {
        assert!(std::hint::black_box(false), "bug");
        Err("unreachable").or_reject("be here")
    }
}

/// Runs one task until the queue and its dead letters are settled.
async fn run(stage: impl Stage, ledger: &FakeLedger) -> MemoryQueue {
    let queue = MemoryQueue::default();
    let lifecycle = Lifecycle::detached();
    let task = Task {
        id: "t1".to_owned(),
        ..Task::default()
    };
    let envelope = Envelope::new("t1", task.encode_to_vec());
    queue.publish("scripted", envelope).await.unwrap();
    Worker::new(stage, Arc::new(queue.clone()), ledger.client(), 1).start(&lifecycle);
    while ledger.completed().is_empty() && ledger.failed().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(lifecycle.stop().await);
    queue
}

fn scripted(script: Vec<Result<(), Verdict>>) -> (Scripted, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&calls);
    (Scripted { script, calls }, counter)
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_fails_twice_is_completed_on_the_third_attempt() {
    let ledger = FakeLedger::default();
    let (stage, calls) = scripted(vec![Err(Verdict::Retry), Err(Verdict::Retry), Ok(())]);

    run(stage, &ledger).await;

    assert_eq!(ledger.completed(), ["t1"]);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_keeps_failing_hands_its_task_to_control() {
    let ledger = FakeLedger::default();
    let (stage, calls) = scripted(vec![Err(Verdict::Retry)]);

    let queue = run(stage, &ledger).await;

    let given_up = [("t1".to_owned(), "do the work".to_owned())];
    assert_eq!(ledger.failed(), given_up);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(queue.depth("scripted.dead"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_dependency_burns_no_attempt() {
    let ledger = FakeLedger::default();
    let mut script = vec![Err(Verdict::Wait); 20];
    script.push(Ok(()));
    let (stage, calls) = scripted(script);

    run(stage, &ledger).await;

    assert_eq!(ledger.completed(), ["t1"]);
    assert_eq!(calls.load(Ordering::SeqCst), 21);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_given_up_at_once_and_the_worker_lives_on() {
    let ledger = FakeLedger::default();

    run(Panicking, &ledger).await;

    let given_up = [("t1".to_owned(), "process task".to_owned())];
    assert_eq!(ledger.failed(), given_up);
}
