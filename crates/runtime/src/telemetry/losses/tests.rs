use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, proto::MetricFamily};

use super::*;

/// Losses, and what is read of them from outside.
struct Counted {
    losses: Losses,
    registry: Registry,
    _metrics: SdkMeterProvider,
}

impl Counted {
    fn new() -> Self {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
        let metrics = SdkMeterProvider::builder().with_reader(exporter.build().unwrap());
        let metrics = metrics.build();
        Self {
            losses: Losses::new(&metrics.meter("chatkeep")),
            registry,
            _metrics: metrics,
        }
    }

    fn with_waiting(spans: usize) -> Self {
        let counted = Self::new();
        assert!((0..spans).all(|_| counted.losses.enter()));
        counted
    }

    /// Spans lost for this reason.
    fn lost(&self, reason: &str) -> String {
        let families = self.registry.gather();
        let is_it = |family: &&MetricFamily| family.name().contains("spans_lost");
        let metrics = families.iter().find(is_it).unwrap().get_metric();
        let of = metrics.iter().find(|metric| {
            let mut labels = metric.get_label().iter();
            labels.any(|label| label.name() == "error_type" && label.value() == reason)
        });
        let lost = of.map_or(0.0, |metric| metric.get_counter().get_value());
        lost.to_string()
    }
}

fn late() -> OTelSdkResult {
    Err(OTelSdkError::Timeout(Duration::from_secs(1)))
}

#[test]
fn what_is_on_its_way_at_the_end_is_counted_once_whatever_becomes_of_it() {
    for sent in [Ok(()), late()] {
        let counted = Counted::with_waiting(3);

        counted.losses.end();
        counted.losses.leave(2, &sent);

        assert_eq!(counted.lost("not sent"), "3");
    }
}

#[test]
fn ending_twice_counts_nothing_twice() {
    let counted = Counted::with_waiting(3);

    counted.losses.end();
    counted.losses.end();

    assert_eq!(counted.lost("not sent"), "3");
}

#[test]
fn a_span_that_ends_behind_the_end_is_lost_and_the_queue_is_not_full() {
    let counted = Counted::with_waiting(2);
    counted.losses.end();
    counted.losses.leave(2, &late());

    let entered = counted.losses.enter();

    assert!(!entered);
    assert_eq!(counted.lost("not sent"), "3");
    assert_eq!(counted.lost("queue full"), "0");
}

#[test]
fn spans_beyond_the_room_are_lost_until_some_were_sent() {
    let counted = Counted::with_waiting(WAITING);

    assert!(!counted.losses.enter());
    counted.losses.leave(1, &Ok(()));

    assert!(counted.losses.enter());
    assert_eq!(counted.lost("queue full"), "1");
    assert_eq!(counted.lost("not sent"), "0");
}
