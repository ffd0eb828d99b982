//! How fast work messages go through RabbitMQ, and what they cost.
//!
//! `cargo run --release -p chatkeep-pipeline --features amqp --example amqp_rate [MESSAGES]` starts a
//! broker of its own, publishes messages one after the other, each confirmed on disk, then receives and
//! acknowledges them, then lets them make the round through a waiting room.

#![expect(clippy::print_stdout, reason = "prints its figures")]

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chatkeep_model::connector::SecretRef;
use chatkeep_pipeline::{AmqpQueue, AmqpSettings, Envelope, Queue as _};
use chatkeep_testkit::RabbitMq;

/// As large as a task usually is.
const BODY: [u8; 300] = [7; 300];
const PREFETCH: u16 = 32;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let messages = std::env::args().nth(1).map_or(Ok(5_000), |n| n.parse())?;
    let broker = RabbitMq::start()?;
    let settings = AmqpSettings {
        url: broker.url(),
        user: Some(SecretRef::File(broker.user_file())),
        password: Some(SecretRef::File(broker.password_file())),
        ..AmqpSettings::default()
    };
    let queue = AmqpQueue::open(&settings).await?;
    // Makes the queues.
    drop(queue.consume("work", 1).await?);

    let mut watch = Watch::start(&broker)?;
    for id in 0..messages {
        let envelope = Envelope::new(id.to_string(), BODY.to_vec());
        queue.publish("work", envelope).await?;
    }
    watch.lap("published, confirmed", messages)?;

    let mut receiver = queue.consume("work", PREFETCH).await?;
    for _ in 0..messages / 2 {
        receiver.receive().await?.ack().await?;
    }
    watch.lap("received, acknowledged", messages / 2)?;

    for _ in 0..messages - messages / 2 {
        receiver.receive().await?.defer(Duration::ZERO).await?;
    }
    watch.lap("received, moved to a waiting room", messages - messages / 2)?;
    queue.close().await;
    Ok(())
}

/// Measures time, and CPU of this process and of the broker.
struct Watch {
    broker: u32,
    begun: Instant,
    cpu: (f64, f64),
}

impl Watch {
    fn start(broker: &RabbitMq) -> anyhow::Result<Self> {
        let broker = broker.pid().context("broker is gone")?;
        Ok(Self {
            broker,
            begun: Instant::now(),
            cpu: (cpu_seconds(std::process::id())?, cpu_seconds(broker)?),
        })
    }

    /// Prints what happened since the last time.
    fn lap(&mut self, what: &str, messages: u32) -> anyhow::Result<()> {
        let (client, broker) = (cpu_seconds(std::process::id())?, cpu_seconds(self.broker)?);
        let count = f64::from(messages);
        println!(
            "{what}: {messages} messages, {:.0}/s, CPU per message: ours {:.0} us, broker {:.0} us",
            count / self.begun.elapsed().as_secs_f64(),
            (client - self.cpu.0) / count * 1e6,
            (broker - self.cpu.1) / count * 1e6,
        );
        self.cpu = (client, broker);
        self.begun = Instant::now();
        Ok(())
    }
}

/// User and system time of a process. Linux counts in hundredths of a second.
fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("read process times")?;
    let mut ticks = 0.0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / 100.0)
}
