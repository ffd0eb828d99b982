//! Spans that a collector does not take: bounded, and counted.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use chatkeep_runtime::telemetry::{Telemetry, TelemetrySettings};
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;

/// About 200 MB of spans, if they were kept.
const SPANS: u64 = 200_000;
/// Much more than those that may wait, much less than all.
const MEMORY: u64 = 100 << 20;

fn telemetry(collector: SocketAddr) -> Telemetry {
    let settings = TelemetrySettings {
        otlp: Some(format!("http://{collector}")),
        ..TelemetrySettings::default()
    };
    Telemetry::new(&settings, "test", "1.2.3").unwrap()
}

/// Ends so many spans.
fn trace(telemetry: &Telemetry, spans: u64) {
    let subscriber = tracing_subscriber::registry().with(telemetry.spans());
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..spans {
            let words = "an attribute of some length, as those of a task have it";
            let span = info_span!(target: "chatkeep_test", "work", number, words);
            drop(span.entered());
        }
    });
}

fn lost(telemetry: &Telemetry) -> u64 {
    let text = telemetry.scrape();
    let lines = text.lines();
    let lost = lines.filter(|line| line.starts_with("chatkeep_telemetry_spans_lost_total{"));
    let count = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    lost.map(count).sum()
}

/// What the process has in memory, bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

async fn flush(telemetry: &Telemetry) {
    let telemetry = telemetry.clone();
    let flushed = tokio::task::spawn_blocking(move || telemetry.flush());
    flushed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_a_silent_collector_does_not_take_are_counted_and_take_no_memory() {
    let black_hole = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let telemetry = telemetry(black_hole.local_addr().unwrap());
    let before = resident();

    trace(&telemetry, SPANS);

    let grown = resident().saturating_sub(before);
    assert!(grown < MEMORY, "{grown}");
    let dropped = lost(&telemetry);
    assert!(dropped > SPANS / 2, "{dropped}");
    flush(&telemetry).await;
    assert_eq!(lost(&telemetry), SPANS);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_nobody_listens_for_are_counted() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let telemetry = telemetry(address);
    assert_eq!(lost(&telemetry), 0);

    trace(&telemetry, 100);
    flush(&telemetry).await;

    assert_eq!(lost(&telemetry), 100);
}
