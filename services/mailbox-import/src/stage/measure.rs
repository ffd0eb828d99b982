//! What import tells in metrics: what became of deliveries, and how long mailboxes are left alone.

use std::time::Duration;

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::DeliveryState;
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter},
};

use super::journal::Settlement;

/// Bounds of pauses in seconds: servers ask for seconds up to an hour.
const SECONDS: [f64; 8] = [1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// The instruments of the stage.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    deliveries: Counter<u64>,
    pause: Histogram<f64>,
}

/// The measures of one connector's target.
#[derive(Clone, Debug)]
pub(super) struct TargetMeasures {
    measures: Measures,
    of_target: [KeyValue; 2],
}

impl Measures {
    pub(super) fn new(meter: &Meter) -> Self {
        let pause = meter.f64_histogram("chatkeep.target.pause").with_unit("s");
        Self {
            deliveries: meter.u64_counter("chatkeep.target.deliveries").build(),
            pause: pause.with_boundaries(SECONDS.to_vec()).build(),
        }
    }

    pub(super) fn of(&self, connector: &Connector) -> TargetMeasures {
        TargetMeasures {
            measures: self.clone(),
            of_target: [
                KeyValue::new("chatkeep.connector.id", connector.id()),
                KeyValue::new("chatkeep.target", connector.target.type_name()),
            ],
        }
    }
}

impl TargetMeasures {
    /// What became of a delivery in this hold; one that waits again is counted each time.
    pub(super) fn settled(&self, settlement: Settlement) {
        let [connector, target] = self.of_target.clone();
        let outcome = KeyValue::new("chatkeep.outcome", name_of(settlement.state));
        let reason = KeyValue::new("error.type", settlement.reason);
        let attributes = [connector, target, outcome, reason];
        self.measures.deliveries.add(1, &attributes);
    }

    /// A mailbox takes nothing for so long.
    pub(super) fn paused(&self, pause: Duration) {
        let seconds = pause.as_secs_f64();
        self.measures.pause.record(seconds, &self.of_target);
    }
}

fn name_of(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Unspecified => "unknown",
        DeliveryState::Waiting => "waiting",
        DeliveryState::Imported => "imported",
        DeliveryState::PartiallyImported => "partially imported",
        DeliveryState::Skipped => "skipped",
        DeliveryState::Failed => "failed",
    }
}
