//! What goes wrong on the way, and that publishers and receivers recover by themselves.

use std::{collections::BTreeSet, time::Duration};

use chatkeep_pipeline::{
    AmqpError, AmqpQueue, Envelope, Queue as _, QueueError, Receiver, dead_letters,
};
use chatkeep_testkit::{RabbitMq, Shortage};

use crate::{
    contract::{next, receive},
    lab::{Lab, settings},
};

async fn publish(queue: &AmqpQueue, id: u32) -> Result<(), QueueError> {
    let envelope = Envelope::new(id.to_string(), "");
    queue.publish("work", envelope).await
}

/// Publishes as control does: again after a pause, until it is taken.
async fn publish_until_taken(queue: &AmqpQueue, id: u32) {
    while publish(queue, id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Receives and settles until all of these have come; returns what came.
async fn drain(
    receiver: &mut Box<dyn Receiver>,
    expected: impl IntoIterator<Item = u32>,
) -> BTreeSet<u32> {
    let expected: BTreeSet<u32> = expected.into_iter().collect();
    let mut seen = BTreeSet::new();
    while !seen.is_superset(&expected) {
        let message = next(receiver).await;
        seen.insert(message.envelope.id.parse().unwrap());
        // What cannot be settled comes again.
        drop(message.ack().await);
    }
    seen
}

fn cause(error: QueueError) -> AmqpError {
    let (QueueError::Publish { source, .. } | QueueError::Consume { source, .. }) = error else {
        panic!("settled: {error}");
    };
    *source.downcast().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing_and_is_found_again() {
    let mut broker = RabbitMq::start().unwrap();
    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    for id in 0..20 {
        publish(&queue, id).await.unwrap();
    }
    let mut receiver = queue.consume("work", 5).await.unwrap();
    let done = next(&mut receiver).await;
    let done_id: u32 = done.envelope.id.parse().unwrap();
    done.ack().await.unwrap();
    let held = next(&mut receiver).await;

    broker.kill().unwrap();
    assert!(publish(&queue, 99).await.is_err());
    broker.resume().unwrap();

    publish_until_taken(&queue, 20).await;
    assert!(held.ack().await.is_err(), "settled on a lost channel");
    let expected = (0..=20).filter(|id| *id != done_id);
    drain(&mut receiver, expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_counted_and_what_was_lost_is_not() {
    let lab = Lab::shared().await;
    for id in 0..4 {
        publish(&lab.queue, id).await.unwrap();
    }
    let mut receiver = lab.queue.consume("work", 2).await.unwrap();
    let _held = next(&mut receiver).await;
    let later = next(&mut receiver).await;
    later.retry(Duration::from_secs(200)).await.unwrap();
    let buried = next(&mut receiver).await;
    buried.bury("test").await.unwrap();
    let _held_too = next(&mut receiver).await;

    // In the waiting room; neither what is held nor what is dead.
    assert_eq!(lab.queue.waiting("work").await.unwrap(), Some(1));
    lab.delete("work.retry.300s");
    assert_eq!(lab.queue.waiting("work").await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_queue_leaves_no_connection_behind() {
    let broker = RabbitMq::start().unwrap();
    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    publish(&queue, 1).await.unwrap();
    drop(receive(&queue, "work").await);
    assert_eq!(broker.connections().unwrap(), 2);

    queue.close().await;

    assert_eq!(broker.connections().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_answer_is_an_error_for_publishers_until_it_does() {
    let broker = RabbitMq::start().unwrap();
    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    let mut receiver = queue.consume("work", 1).await.unwrap();
    publish(&queue, 0).await.unwrap();
    next(&mut receiver).await.ack().await.unwrap();

    broker.freeze().unwrap();
    for id in [1, 2] {
        let error = publish(&queue, id).await.unwrap_err();
        assert!(!cause(error).is_permanent());
    }
    broker.thaw().unwrap();

    publish_until_taken(&queue, 3).await;
    drain(&mut receiver, [3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let mut broker = RabbitMq::start().unwrap();
    broker.kill().unwrap();

    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    let mut receiver = queue.consume("work", 1).await.unwrap();
    assert!(publish(&queue, 1).await.is_err());
    broker.resume().unwrap();

    publish_until_taken(&queue, 1).await;
    assert_eq!(next(&mut receiver).await.envelope.id, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_lost_connection_comes_again_and_says_so() {
    let broker = RabbitMq::start().unwrap();
    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    publish(&queue, 1).await.unwrap();
    let mut receiver = queue.consume("work", 2).await.unwrap();
    let first = next(&mut receiver).await;
    assert_eq!(first.envelope.returned, 0);

    broker.close_connections().unwrap();

    let second = next(&mut receiver).await;
    assert_eq!(
        (second.envelope.id.as_str(), second.envelope.returned),
        ("1", 1)
    );
    assert!(first.ack().await.is_err(), "settled on a lost channel");
    second.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_lost_connection_still_count_as_unsettled() {
    let broker = RabbitMq::start().unwrap();
    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    publish(&queue, 1).await.unwrap();
    let mut receiver = queue.consume("work", 1).await.unwrap();
    let first = next(&mut receiver).await;

    broker.close_connections().unwrap();

    let early = tokio::time::timeout(Duration::from_secs(3), receiver.receive()).await;
    assert!(early.is_err(), "a second message while one is worked on");
    drop(first);
    assert_eq!(next(&mut receiver).await.envelope.id, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_held_for_too_long_comes_again() {
    let broker = RabbitMq::start_with(&[("consumer_timeout", "2000")]).unwrap();
    let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
    publish(&queue, 1).await.unwrap();
    let mut receiver = queue.consume("work", 2).await.unwrap();

    let held = next(&mut receiver).await;
    let again = next(&mut receiver).await;

    assert_eq!(again.envelope.id, held.envelope.id);
    again.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_an_error_for_publishers_and_does_not_concern_receivers() {
    let broker = RabbitMq::start().unwrap();
    for shortage in [Shortage::Memory, Shortage::Disk] {
        let queue = AmqpQueue::open(&settings(&broker)).await.unwrap();
        publish(&queue, 1).await.unwrap();
        publish(&queue, 2).await.unwrap();
        let mut receiver = queue.consume("work", 1).await.unwrap();

        broker.set_alarm(shortage, true).unwrap();
        // RabbitMQ takes one more message and then stops to read what publishers send.
        drop(publish(&queue, 3).await);
        for id in [4, 5] {
            let error = publish(&queue, id).await.unwrap_err();
            assert!(matches!(cause(error), AmqpError::Alarm), "{shortage:?}");
        }
        next(&mut receiver).await.ack().await.unwrap();
        let second = next(&mut receiver).await;
        assert_eq!(second.envelope.id, "2");
        second.ack().await.unwrap();
        broker.set_alarm(shortage, false).unwrap();

        publish_until_taken(&queue, 6).await;
        let seen = drain(&mut receiver, [6]).await;
        assert!(!seen.contains(&5), "refused, and sent all the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_no_channel_left_is_replaced() {
    let broker = RabbitMq::start_with(&[("channel_max", "1")]).unwrap();
    let settings = settings(&broker);
    let queue = AmqpQueue::open(&settings).await.unwrap();

    // The publisher keeps the one channel there is; to make the queue it takes another.
    let taken = publish_until_taken(&queue, 1);
    let taken = tokio::time::timeout(Duration::from_mins(1), taken).await;

    assert!(taken.is_ok(), "never published");
    let work = format!("{}.work", settings.prefix);
    broker.take(&work).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_deleted_is_made_again_for_its_consumer() {
    let lab = Lab::shared().await;
    let mut receiver = lab.queue.consume("work", 1).await.unwrap();

    lab.delete("work");

    publish_until_taken(&lab.queue, 1).await;
    assert_eq!(next(&mut receiver).await.envelope.id, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_the_broker_forgot_finds_out() {
    let lab = Lab::shared().await;
    let mut receiver = lab.queue.consume("work", 1).await.unwrap();
    let work = format!("{}.work", lab.settings.prefix);

    lab.broker.forget_consumers(&work).unwrap();
    publish(&lab.queue, 1).await.unwrap();

    assert_eq!(next(&mut receiver).await.envelope.id, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_deleted_is_made_again_by_a_publisher() {
    let lab = Lab::shared().await;
    publish(&lab.queue, 1).await.unwrap();

    lab.delete("work");
    publish(&lab.queue, 2).await.unwrap();

    assert_eq!(receive(&lab.queue, "work").await.envelope.id, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_room_that_was_deleted_is_made_again() {
    let lab = Lab::shared().await;
    publish(&lab.queue, 1).await.unwrap();
    let message = receive(&lab.queue, "work").await;

    lab.delete("work.retry.1s");
    message.retry(Duration::from_secs(1)).await.unwrap();

    assert_eq!(receive(&lab.queue, "work").await.envelope.attempt, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_an_error() {
    let lab = Lab::shared().await;
    publish(&lab.queue, 0).await.unwrap();
    let work = format!("^{}\\.work$", lab.settings.prefix);
    lab.broker.limit_length(&work, 1).unwrap();

    let mut refused = None;
    for id in 1..100 {
        if let Err(error) = publish(&lab.queue, id).await {
            refused = Some(error);
            break;
        }
    }

    assert!(matches!(cause(refused.unwrap()), AmqpError::Full));
}

/// Up to RabbitMQ 4.2 a message that is given back counts; later only lost connections do.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_back_for_ever_is_buried_by_the_broker() {
    let lab = Lab::shared().await;
    publish(&lab.queue, 1).await.unwrap();
    let mut receiver = lab.queue.consume("work", 1).await.unwrap();

    for returned in 0..=20 {
        let message = next(&mut receiver).await;
        assert_eq!(message.envelope.returned, returned);
        drop(message);
    }

    let dead = receive(&lab.queue, &dead_letters("work")).await;
    assert_eq!(dead.envelope.id, "1");
}
