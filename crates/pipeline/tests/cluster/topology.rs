//! Queues that are there already.

use chatkeep_pipeline::{AmqpError, Queue as _, QueueError};
use chatkeep_testkit::RabbitMq;
use lapin::{
    Connection, ConnectionProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

use crate::lab::Lab;

/// Declares the stage's queue as somebody else would.
async fn declare(lab: &Lab, arguments: &[(&str, AMQPValue)]) {
    let (user, password) = (RabbitMq::USER, RabbitMq::PASSWORD);
    let url = format!("amqp://{user}:{password}@{}/%2f", lab.broker.address());
    let connection = Connection::connect(&url, ConnectionProperties::default());
    let connection = connection.await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    let queue = format!("{}.work", lab.settings.prefix);
    let options = QueueDeclareOptions::durable();
    let declared = channel.queue_declare(queue.as_str().into(), options, table);
    declared.await.unwrap();
    connection.close(200, "".into()).await.unwrap();
}

/// What consuming says about the difference.
async fn difference(lab: &Lab) -> (String, String) {
    let Err(error) = lab.queue.consume("work", 1).await else {
        panic!("consumes from a queue that is another");
    };
    let QueueError::Consume { queue, source } = error else {
        panic!("{error}");
    };
    assert_eq!(queue, "work");
    match *source.downcast().unwrap() {
        AmqpError::Differs { queue, argument } => (queue, argument),
        error => panic!("{error}"),
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

#[tokio::test]
async fn a_queue_of_another_type_is_named() {
    let lab = Lab::shared().await;
    declare(&lab, &[("x-queue-type", text("classic"))]).await;

    let (queue, _) = difference(&lab).await;

    assert_eq!(queue, format!("{}.work", lab.settings.prefix));
}

#[tokio::test]
async fn an_argument_with_another_value_is_named() {
    let lab = Lab::shared().await;
    let dead = format!("{}.work.dead", lab.settings.prefix);
    let arguments = [
        ("x-queue-type", text("quorum")),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(&dead)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
        ("x-delivery-limit", AMQPValue::LongInt(5)),
    ];
    declare(&lab, &arguments).await;

    let (_, argument) = difference(&lab).await;

    assert_eq!(argument, "x-delivery-limit");
}

#[tokio::test]
async fn queues_that_are_there_already_and_the_same_are_used() {
    let lab = Lab::shared().await;
    drop(lab.queue.consume("work", 1).await.unwrap());

    let another = chatkeep_pipeline::AmqpQueue::open(&lab.settings)
        .await
        .unwrap();

    another.consume("work", 1).await.unwrap();
}
