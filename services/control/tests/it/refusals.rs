//! A queue that takes nothing for a while.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chatkeep_control::Clock;
use chatkeep_pipeline::{Envelope, MemoryQueue, Queue, QueueError, Receiver};

use crate::lab::{Lab, settings};

/// Refuses the first messages.
#[derive(Default)]
struct Refusing {
    queue: MemoryQueue,
    /// When somebody tried to publish.
    attempts: Mutex<Vec<Instant>>,
}

const REFUSED: usize = 3;

#[async_trait]
impl Queue for Refusing {
    async fn publish(&self, queue: &str, envelope: Envelope) -> Result<(), QueueError> {
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            attempts.push(Instant::now());
            attempts.len()
        };
        if attempt > REFUSED {
            return self.queue.publish(queue, envelope).await;
        }
        Err(QueueError::Publish {
            queue: queue.to_owned(),
            source: "full".into(),
        })
    }

    async fn waiting(&self, queue: &str) -> Result<Option<u64>, QueueError> {
        self.queue.waiting(queue).await
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Box<dyn Receiver>, QueueError> {
        self.queue.consume(queue, prefetch).await
    }
}

#[tokio::test]
async fn a_queue_that_refuses_is_left_alone_for_a_while_before_it_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let refusing = Arc::new(Refusing::default());
    let queue: Arc<dyn Queue> = Arc::clone(&refusing) as _;
    let lab = Lab::open_on(queue, folder.path(), (&settings(), &Clock::default())).await;

    lab.open_run().await;
    lab.next("mapping").await;

    let attempts = refusing.attempts.lock().unwrap().clone();
    assert_eq!(attempts.len(), REFUSED + 1);
    // A pause is never shorter than it should be, however slow the machine.
    let pauses = attempts.windows(2).map(|two| two[1] - two[0]);
    assert!(pauses.min() >= Some(Duration::from_secs(1)), "{attempts:?}");
}
