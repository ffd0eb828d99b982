//! The newest run of a connector: its state, and how far it is or what it came to.

use chatkeep_proto::v1::RunState;
use opentelemetry::KeyValue;

use super::metric::{Metric, Sample, sample};
use crate::{balance::Balance, ledger::run::RunRow};

/// State, number, beginning and end.
pub(super) fn state(run: &RunRow, connector: &KeyValue) -> Vec<Sample> {
    let name = match run.status {
        RunState::Unspecified => "unknown",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Succeeded => "succeeded",
        RunState::SucceededWithExceptions => "succeeded with exceptions",
        RunState::Unreconciled => "unreconciled",
        RunState::Failed => "failed",
        RunState::NothingNew => "nothing new",
        RunState::Cancelled => "cancelled",
    };
    let state = KeyValue::new("chatkeep.run.state", name);
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    let (number, opened) = (unsigned(run.number), unsigned(run.opened / 1000));
    let mut samples = vec![
        sample(Metric::State, 1, [connector.clone(), state]),
        sample(Metric::Number, number, [connector.clone()]),
        sample(Metric::Opened, opened, [connector.clone()]),
    ];
    let closed = run
        .closed
        .and_then(|closed| u64::try_from(closed / 1000).ok());
    samples.extend(closed.map(|closed| sample(Metric::Closed, closed, [connector.clone()])));
    samples
}

/// What a run that is not closed has counted so far.
pub(super) fn progress(run: &RunRow, connector: &KeyValue) -> Vec<Sample> {
    let counters = run.counters;
    let of = |metric, state: &'static str, value| {
        let state = KeyValue::new("chatkeep.outcome", state);
        sample(metric, value, [connector.clone(), state])
    };
    vec![
        of(Metric::Records, "read", counters.records),
        of(Metric::Deliveries, "planned", counters.planned),
        of(Metric::Deliveries, "done", counters.done),
        sample(Metric::Items, counters.items, [connector.clone()]),
    ]
}

/// Both equations of a run.
pub(super) fn balanced(balance: &Balance, connector: &KeyValue) -> Vec<Sample> {
    let (records, deliveries) = (balance.records(0), balance.deliveries());
    let records = [
        ("read", records.read),
        ("rendered", records.rendered),
        ("duplicates", records.duplicates),
        ("excluded", records.excluded),
        ("quarantined", records.quarantined),
        ("open", records.open),
    ];
    let deliveries = [
        ("planned", deliveries.planned),
        ("imported", deliveries.imported),
        ("partially imported", deliveries.partially_imported),
        ("skipped", deliveries.skipped),
        ("failed", deliveries.failed),
        ("held", deliveries.held),
    ];
    let of = |metric, (state, value): (&'static str, u64)| {
        let state = KeyValue::new("chatkeep.outcome", state);
        sample(metric, value, [connector.clone(), state])
    };
    let items = u64::try_from(balance.items).unwrap_or(0);
    let records = records.map(|record| of(Metric::Records, record));
    let deliveries = deliveries.map(|delivery| of(Metric::Deliveries, delivery));
    let items = sample(Metric::Items, items, [connector.clone()]);
    records
        .into_iter()
        .chain(deliveries)
        .chain([items])
        .collect()
}
