use std::{sync::Arc, time::Duration};

use chatkeep_pipeline::{Envelope, MemoryQueue, Queue, Received};

/// The queues to test. Each keeps the contract below.
fn implementations() -> Vec<Arc<dyn Queue>> {
    vec![Arc::new(MemoryQueue::default())]
}

async fn receive(queue: &dyn Queue, name: &str) -> Received {
    let mut receiver = queue.consume(name, 1).await.unwrap();
    let next = tokio::time::timeout(Duration::from_secs(10), receiver.receive());
    next.await.unwrap().unwrap()
}

async fn is_empty(queue: &dyn Queue, name: &str) -> bool {
    let mut receiver = queue.consume(name, 1).await.unwrap();
    let next = tokio::time::timeout(Duration::from_secs(1), receiver.receive());
    next.await.is_err()
}

#[tokio::test(start_paused = true)]
async fn forgets_what_was_acknowledged() {
    for queue in implementations() {
        let sent = Envelope::new("1", "hello");
        queue.publish("work", sent.clone()).await.unwrap();

        let received = receive(&*queue, "work").await;
        assert_eq!(received.envelope, sent);
        received.ack().await.unwrap();

        assert!(is_empty(&*queue, "work").await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retried_message_comes_back_with_a_higher_attempt() {
    for queue in implementations() {
        let sent = Envelope::new("1", "hello");
        queue.publish("work", sent).await.unwrap();

        let first = receive(&*queue, "work").await;
        first.retry(Duration::from_secs(1)).await.unwrap();

        assert_eq!(receive(&*queue, "work").await.envelope.attempt, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_buried_message_keeps_its_reason() {
    for queue in implementations() {
        queue.publish("work", Envelope::new("1", "")).await.unwrap();

        let received = receive(&*queue, "work").await;
        received.bury("read batch").await.unwrap();

        let dead = receive(&*queue, "work.dead").await;
        assert_eq!(dead.envelope.headers["x-reason"], "read batch");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_unsettled_comes_again() {
    for queue in implementations() {
        queue.publish("work", Envelope::new("1", "")).await.unwrap();

        drop(receive(&*queue, "work").await);

        receive(&*queue, "work").await.ack().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn hands_out_no_more_than_the_prefetch() {
    for queue in implementations() {
        for id in ["1", "2", "3"] {
            queue.publish("work", Envelope::new(id, "")).await.unwrap();
        }
        let mut receiver = queue.consume("work", 2).await.unwrap();
        let first = receiver.receive().await.unwrap();
        let _second = receiver.receive().await.unwrap();

        let third = tokio::time::timeout(Duration::from_secs(1), receiver.receive()).await;
        assert!(third.is_err(), "a third message while two are unsettled");
        first.ack().await.unwrap();
        assert_eq!(receiver.receive().await.unwrap().envelope.id, "3");
    }
}
