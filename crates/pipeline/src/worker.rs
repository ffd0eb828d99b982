use std::{error::Error, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chatkeep_proto::v1::{CompleteRequest, FailRequest, Task};
use chatkeep_runtime::{Lifecycle, Outages};
use futures::FutureExt as _;
use prost::Message as _;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::{
    Completion, LedgerClient, Queue, QueueError, Received, ResultExt as _, Stage, StageError,
    Verdict,
    observe::{Measures, Observed, Outcome},
};

/// How often a task is tried before control splits it.
const ATTEMPTS: u32 = 3;
/// Wait before the second and the third attempt.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Longest pause while a dependency is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a message is held while a dependency is down. Then it goes back for a while: a broker takes
/// away what is held for too long (RabbitMQ after 30 minutes), and the last attempt needs its time too.
const LONGEST_HOLD: Duration = Duration::from_mins(10);
/// A message that came back unsettled so often kills who works on it. Less than the limit at which a
/// broker buries it without telling the ledger.
const RETURNS: u32 = 10;

/// What came of an attempt that waits for dependencies.
enum Waited<T> {
    /// There is a result.
    Done(Result<T, StageError>),
    /// A dependency stays away.
    Down,
    /// The process shuts down.
    Interrupted,
}

/// Runs a [`Stage`] against a [`Queue`] and the ledger: receive, process, complete, acknowledge.
pub struct Worker<S> {
    stage: S,
    queue: Arc<dyn Queue>,
    ledger: LedgerClient,
    concurrency: u16,
    outages: Outages,
    measures: Measures,
}

impl<S: Stage> Worker<S> {
    /// Runs at most `concurrency` tasks at a time.
    pub fn new(stage: S, queue: Arc<dyn Queue>, ledger: LedgerClient, concurrency: u16) -> Self {
        Self {
            stage,
            queue,
            ledger,
            concurrency: concurrency.max(1),
            measures: Measures::new(&Lifecycle::default().meter(), S::QUEUE, &Outages::default()),
            outages: Outages::default(),
        }
    }

    /// Runs as a service of the process, until it shuts down; then it finishes what it has received.
    pub fn start(mut self, lifecycle: &Lifecycle) {
        self.outages = lifecycle.outages();
        self.measures = Measures::new(&lifecycle.meter(), S::QUEUE, &self.outages);
        lifecycle.spawn(S::QUEUE, self.run(lifecycle.shutdown()));
    }

    async fn run(self, shutdown: CancellationToken) -> Result<(), QueueError> {
        let mut receiver = self.queue.consume(S::QUEUE, self.concurrency).await?;
        let worker = Arc::new(self);
        let in_flight = TaskTracker::new();

        let result = loop {
            let message = match shutdown.run_until_cancelled(receiver.receive()).await {
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(message)) => message,
            };
            let worker = Arc::clone(&worker);
            let shutdown = shutdown.clone();
            let mut task = worker.measures.begin(S::QUEUE, &message.envelope);
            let span = task.span();
            let handle = async move { worker.handle(message, &mut task, &shutdown).await };
            in_flight.spawn(handle.instrument(span));
        };

        // What was handed out to nobody goes back now, not when the last task is done.
        drop(receiver);
        in_flight.close();
        in_flight.wait().await;
        result
    }

    async fn handle(&self, received: Received, task: &mut Observed, shutdown: &CancellationToken) {
        let settled = match self.work(&received, shutdown).await {
            Waited::Done(result) => self.settle(received, result, task, shutdown).await,
            Waited::Down => received.defer(LONGEST_PAUSE).await,
            // Dropped unsettled: the queue, or control after the next start, hands it out again.
            Waited::Interrupted => return,
        };
        if let Err(error) = settled {
            // Not settled means received again: nothing is lost, but somebody should know.
            tracing::error!(error = &error as &dyn Error, "settle failed");
        }
    }

    async fn work(&self, received: &Received, shutdown: &CancellationToken) -> Waited<()> {
        if received.envelope.returned >= RETURNS {
            let lost = Err("whoever worked on it was lost").or_reject("finish task");
            return Waited::Done(lost);
        }
        let attempt = || self.attempt_guarded(received);
        self.wait_out(shutdown, attempt).await
    }

    /// Tries again, after a pause, as long as a dependency is down.
    async fn wait_out<T, F>(
        &self,
        shutdown: &CancellationToken,
        attempt: impl Fn() -> F,
    ) -> Waited<T>
    where
        F: Future<Output = Result<T, StageError>>,
    {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let result = attempt().await;
            let error = match &result {
                Err(error) if error.verdict == Verdict::Wait => error,
                _ => {
                    self.outages.end(S::QUEUE);
                    return Waited::Done(result);
                }
            };
            tracing::warn!(
                error = error as &dyn Error,
                ?pause,
                "dependency down, waiting"
            );
            self.outages.begin(S::QUEUE, error);
            let sleep = tokio::time::sleep(pause);
            if shutdown.run_until_cancelled(sleep).await.is_none() {
                return Waited::Interrupted;
            }
            if begun.elapsed() >= LONGEST_HOLD {
                return Waited::Down;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt_guarded(&self, received: &Received) -> Result<(), StageError> {
        let attempt = AssertUnwindSafe(self.attempt(received)).catch_unwind();
        attempt
            .await
            .unwrap_or_else(|_| Err("stage panicked").or_reject("process task"))
    }

    async fn attempt(&self, received: &Received) -> Result<(), StageError> {
        let task = Task::decode(received.envelope.body.clone()).or_reject("decode task")?;
        let id = task.id.clone();
        let Completion {
            result,
            next,
            findings,
        } = self.stage.process(task).await?;
        let request = CompleteRequest {
            task: id,
            next,
            result: Some(result),
            findings,
        };
        let completed = self.ledger.clone().complete(request).await;
        completed.map_err(StageError::ledger("complete task"))?;
        Ok(())
    }

    /// The one place that turns a result into a settlement, and logs it.
    async fn settle(
        &self,
        received: Received,
        result: Result<(), StageError>,
        task: &mut Observed,
        shutdown: &CancellationToken,
    ) -> Result<(), QueueError> {
        let Err(error) = result else {
            task.ends(Outcome::Succeeded, "");
            return received.ack().await;
        };
        let tries = received.envelope.attempt + 1;
        match error.verdict {
            Verdict::Superseded => {
                tracing::info!(error = &error as &dyn Error, "task superseded");
                task.ends(Outcome::Superseded, error.action);
                received.ack().await
            }
            Verdict::Retry | Verdict::Wait if tries < ATTEMPTS => {
                tracing::warn!(error = &error as &dyn Error, "stage failed, will retry");
                task.ends(Outcome::Retried, error.action);
                received.retry(RETRY_DELAY * tries).await
            }
            _ => {
                tracing::error!(error = &error as &dyn Error, "stage gave the task up");
                self.give_up(received, error.action, task, shutdown).await
            }
        }
    }

    /// Hands the task to control, which splits it, and buries the message.
    async fn give_up(
        &self,
        received: Received,
        reason: &'static str,
        task: &mut Observed,
        shutdown: &CancellationToken,
    ) -> Result<(), QueueError> {
        let fail = async || {
            let request = FailRequest {
                task: received.envelope.id.clone(),
                reason: reason.to_owned(),
            };
            let failed = self.ledger.clone().fail(request).await;
            failed.map_err(StageError::ledger("give task up"))
        };
        match self.wait_out(shutdown, fail).await {
            // Dropped unsettled, like a task that waits.
            Waited::Interrupted => Ok(()),
            Waited::Down => received.defer(LONGEST_PAUSE).await,
            Waited::Done(Ok(_)) => {
                task.ends(Outcome::GivenUp, reason);
                received.bury(reason).await?;
                self.measures.buried(reason);
                Ok(())
            }
            Waited::Done(Err(error)) => {
                task.ends(Outcome::Retried, reason);
                tracing::error!(error = &error as &dyn Error, "task not given up");
                received.retry(LONGEST_PAUSE).await
            }
        }
    }
}
