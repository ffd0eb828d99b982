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

/// Waits for ever for what one of its tasks needs.
struct Stuck(Arc<AtomicU32>);

impl Stage for Stuck {
    const QUEUE: &'static str = "scripted";

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        if task.id == "stuck" {
            self.0.fetch_add(1, Ordering::SeqCst);
            return Err("away").or_wait("reach target");
        }
        let imported = complete_request::Result::Imported(Imported {});
        Ok(Completion::new(imported))
    }
}

fn message(id: &str) -> Envelope {
    let task = Task {
        id: id.to_owned(),
        ..Task::default()
    };
    Envelope::new(id, task.encode_to_vec())
}

/// Runs one task until the queue and its dead letters are settled.
async fn run(stage: impl Stage, ledger: &FakeLedger) -> MemoryQueue {
    run_message(message("t1"), stage, ledger).await
}

async fn run_message(envelope: Envelope, stage: impl Stage, ledger: &FakeLedger) -> MemoryQueue {
    let queue = MemoryQueue::default();
    let lifecycle = Lifecycle::detached();
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

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_long_makes_room_for_others_and_burns_no_attempt() {
    let ledger = FakeLedger::default();
    let queue = MemoryQueue::default();
    let lifecycle = Lifecycle::detached();
    for id in ["stuck", "free"] {
        queue.publish("scripted", message(id)).await.unwrap();
    }
    let calls = Arc::new(AtomicU32::new(0));
    let stage = Stuck(Arc::clone(&calls));

    Worker::new(stage, Arc::new(queue.clone()), ledger.client(), 1).start(&lifecycle);
    // Some days.
    while calls.load(Ordering::SeqCst) < 10_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    assert_eq!(ledger.completed(), ["free"]);
    assert!(ledger.failed().is_empty());
    assert!(lifecycle.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_workers_keep_dying_is_handed_to_control_and_not_worked_on() {
    let ledger = FakeLedger::default();
    let (stage, calls) = scripted(vec![Ok(())]);
    let mut deadly = message("t1");
    deadly.returned = 10;

    let queue = run_message(deadly, stage, &ledger).await;

    let given_up = [("t1".to_owned(), "finish task".to_owned())];
    assert_eq!(ledger.failed(), given_up);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(queue.depth("scripted.dead"), 1);
}
