//! RabbitMQ as the queue, on a real broker.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../contract/mod.rs"]
mod contract;
mod faults;
mod lab;
mod refusals;
mod topology;

use crate::{contract::contract, lab::Lab};

async fn empty() -> (chatkeep_pipeline::AmqpQueue, Lab) {
    let lab = Lab::shared().await;
    (lab.queue.clone(), lab)
}

contract!(tokio::test, empty().await);
