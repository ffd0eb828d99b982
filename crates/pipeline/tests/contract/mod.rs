//! What every [`Queue`] promises. `contract!` makes a test of each promise for one implementation.

use std::{collections::BTreeSet, time::Duration};

use chatkeep_pipeline::{Envelope, Queue, REASON, Received, Receiver, dead_letters};

/// Longer than any queue needs; no test waits so long for something that comes.
const COMES: Duration = Duration::from_mins(1);
/// After that, nothing came.
const COMES_NOT: Duration = Duration::from_secs(2);

/// Tests an implementation: `$queue` makes a queue with nothing in it, and something to keep until
/// the test is over.
macro_rules! contract {
    ($attribute:meta, $queue:expr, [$($promise:ident,)*]) => {
        $(
            #[$attribute]
            async fn $promise() {
                let (queue, _keep) = $queue;
                $crate::contract::$promise(&queue).await;
            }
        )*
    };
    ($attribute:meta, $queue:expr) => {
        $crate::contract::contract!($attribute, $queue, [
            forgets_what_was_acknowledged,
            passes_id_body_and_headers_on_as_they_are,
            a_retried_message_comes_back_with_a_higher_attempt,
            a_deferred_message_comes_back_as_it_was,
            a_short_wait_is_not_held_up_by_a_long_one,
            a_buried_message_keeps_its_reason,
            what_is_dropped_unsettled_comes_again,
            hands_out_no_more_than_the_prefetch,
            a_receiver_that_ends_holds_nothing_back,
            what_was_received_can_be_settled_without_its_receiver,
            every_message_goes_to_one_of_two_consumers,
            a_receive_that_is_given_up_loses_nothing,
        ]);
    };
}
pub(crate) use contract;

pub(crate) async fn next(receiver: &mut Box<dyn Receiver>) -> Received {
    let next = tokio::time::timeout(COMES, receiver.receive());
    next.await.unwrap().unwrap()
}

pub(crate) async fn receive(queue: &dyn Queue, name: &str) -> Received {
    let mut receiver = queue.consume(name, 1).await.unwrap();
    next(&mut receiver).await
}

async fn brings_nothing(receiver: &mut Box<dyn Receiver>) -> bool {
    let next = tokio::time::timeout(COMES_NOT, receiver.receive());
    next.await.is_err()
}

async fn publish(queue: &dyn Queue, ids: &[&str]) {
    for id in ids {
        queue.publish("work", Envelope::new(*id, "")).await.unwrap();
    }
}

pub(crate) async fn forgets_what_was_acknowledged(queue: &dyn Queue) {
    publish(queue, &["1"]).await;
    let mut receiver = queue.consume("work", 1).await.unwrap();

    next(&mut receiver).await.ack().await.unwrap();

    assert!(brings_nothing(&mut receiver).await);
    drop(receiver);
    let mut another = queue.consume("work", 1).await.unwrap();
    assert!(brings_nothing(&mut another).await);
}

pub(crate) async fn passes_id_body_and_headers_on_as_they_are(queue: &dyn Queue) {
    let mut sent = Envelope::new("1", "\0body\u{ff}");
    for (name, value) in [
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "vendor=a:b,other=\"c\""),
    ] {
        sent.headers.insert(name.to_owned(), value.to_owned());
    }
    queue.publish("work", sent.clone()).await.unwrap();

    let first = receive(queue, "work").await;
    assert_eq!(first.envelope, sent);
    first.retry(Duration::ZERO).await.unwrap();

    sent.attempt = 1;
    let second = receive(queue, "work").await;
    assert_eq!(second.envelope, sent);
    second.bury("read batch").await.unwrap();

    sent.headers
        .insert(REASON.to_owned(), "read batch".to_owned());
    let dead = receive(queue, &dead_letters("work")).await;
    assert_eq!(dead.envelope, sent);
}

pub(crate) async fn a_retried_message_comes_back_with_a_higher_attempt(queue: &dyn Queue) {
    publish(queue, &["1"]).await;

    for attempt in 0..3 {
        let message = receive(queue, "work").await;
        assert_eq!(message.envelope.attempt, attempt);
        message.retry(Duration::from_millis(500)).await.unwrap();
    }
}

pub(crate) async fn a_deferred_message_comes_back_as_it_was(queue: &dyn Queue) {
    let mut sent = Envelope::new("1", "hello");
    sent.attempt = 2;
    queue.publish("work", sent.clone()).await.unwrap();

    let message = receive(queue, "work").await;
    message.defer(Duration::from_secs(1)).await.unwrap();

    assert_eq!(receive(queue, "work").await.envelope, sent);
}

pub(crate) async fn a_short_wait_is_not_held_up_by_a_long_one(queue: &dyn Queue) {
    publish(queue, &["long", "short"]).await;
    let mut receiver = queue.consume("work", 2).await.unwrap();
    for _ in 0..2 {
        let message = next(&mut receiver).await;
        let is_long = message.envelope.id == "long";
        let delay = if is_long { 300 } else { 1 };
        message.retry(Duration::from_secs(delay)).await.unwrap();
    }

    assert_eq!(next(&mut receiver).await.envelope.id, "short");
}

pub(crate) async fn a_buried_message_keeps_its_reason(queue: &dyn Queue) {
    publish(queue, &["1"]).await;

    let message = receive(queue, "work").await;
    message.bury("read batch").await.unwrap();

    let dead = receive(queue, &dead_letters("work")).await;
    assert_eq!(dead.envelope.headers[REASON], "read batch");
    let mut receiver = queue.consume("work", 1).await.unwrap();
    assert!(brings_nothing(&mut receiver).await);
}

pub(crate) async fn what_is_dropped_unsettled_comes_again(queue: &dyn Queue) {
    publish(queue, &["1"]).await;

    drop(receive(queue, "work").await);

    receive(queue, "work").await.ack().await.unwrap();
}

pub(crate) async fn hands_out_no_more_than_the_prefetch(queue: &dyn Queue) {
    publish(queue, &["1", "2", "3"]).await;
    let mut receiver = queue.consume("work", 2).await.unwrap();
    let first = next(&mut receiver).await;
    let second = next(&mut receiver).await;

    let none = brings_nothing(&mut receiver).await;
    assert!(none, "a third message while two are unsettled");
    first.ack().await.unwrap();
    let third = next(&mut receiver).await;

    assert_ne!(third.envelope.id, second.envelope.id);
}

pub(crate) async fn a_receiver_that_ends_holds_nothing_back(queue: &dyn Queue) {
    publish(queue, &["1", "2", "3"]).await;
    let mut receiver = queue.consume("work", 3).await.unwrap();
    let held = next(&mut receiver).await;

    drop(receiver);

    let mut another = queue.consume("work", 3).await.unwrap();
    let mut others = BTreeSet::new();
    while others.len() < 2 {
        let message = next(&mut another).await;
        others.insert(message.envelope.id.clone());
        message.ack().await.unwrap();
    }
    assert!(!others.contains(&held.envelope.id));
}

pub(crate) async fn what_was_received_can_be_settled_without_its_receiver(queue: &dyn Queue) {
    publish(queue, &["1"]).await;
    let message = receive(queue, "work").await;

    message.ack().await.unwrap();

    let mut another = queue.consume("work", 1).await.unwrap();
    assert!(brings_nothing(&mut another).await);
}

pub(crate) async fn every_message_goes_to_one_of_two_consumers(queue: &dyn Queue) {
    publish(queue, &["1", "2"]).await;
    let mut one = queue.consume("work", 1).await.unwrap();
    let mut two = queue.consume("work", 1).await.unwrap();

    let (first, second) = (next(&mut one).await, next(&mut two).await);

    assert_ne!(first.envelope.id, second.envelope.id);
}

pub(crate) async fn a_receive_that_is_given_up_loses_nothing(queue: &dyn Queue) {
    let mut receiver = queue.consume("work", 1).await.unwrap();
    assert!(brings_nothing(&mut receiver).await);

    publish(queue, &["1"]).await;

    assert_eq!(next(&mut receiver).await.envelope.id, "1");
}
