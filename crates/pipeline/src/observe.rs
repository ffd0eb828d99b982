//! What workers and control tell about work messages: traces and metrics.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chatkeep_proto::v1::{Task, TaskKind};
use chatkeep_runtime::{
    Outages,
    trace::{self, TRACEPARENT},
};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, UpDownCounter},
};
use prost::Message as _;
use tracing::{Span, field::Empty, info_span};

use crate::Envelope;

/// What carries work messages wherever anything is traced: the queue in memory has no traces.
const SYSTEM: &str = "rabbitmq";
/// Header of a work message: when control published it, Unix milliseconds.
const PUBLISHED: &str = "x-published";
/// A message that waited for longer, or that is tried again, begins a trace of its own, linked to the one
/// it was published in: a trace of hours shows nothing.
const CONTINUES: Duration = Duration::from_mins(15);
/// Bounds of task durations and queue waits in seconds: an import task may take five minutes.
const SECONDS: [f64; 12] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0,
];

/// The span in which control publishes a task; `origin` is the `traceparent` of what led to it.
///
/// What is few in a run belongs to the trace of the run. The work on one part of it (a range of files, a
/// shard) begins a trace of its own that is linked to the run's, and that conversion and mapping continue.
pub fn publish_span(queue: &str, kind: TaskKind, origin: &str) -> Span {
    let span = info_span!(
        "publish",
        otel.name = format!("publish {queue}"),
        otel.kind = "producer",
        messaging.system = SYSTEM,
        messaging.operation.name = "publish",
        messaging.operation.r#type = "send",
        messaging.destination.name = queue,
        chatkeep.task.kind = name_of(kind),
    );
    match kind {
        TaskKind::Capture | TaskKind::Assemble | TaskKind::Resolve | TaskKind::Import => {
            trace::link_to(&span, origin);
        }
        _ => trace::continue_from(&span, origin),
    }
    span
}

impl Envelope {
    /// Notes when and in which trace the message is published.
    pub fn published(mut self, at: SystemTime) -> Self {
        let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = millis.as_millis().to_string();
        self.headers.insert(PUBLISHED.to_owned(), millis);
        if let Some(parent) = trace::current() {
            self.headers.insert(TRACEPARENT.to_owned(), parent);
        }
        self
    }

    /// How long the message has waited, as far as the clocks agree.
    fn waited(&self, now: SystemTime) -> Option<Duration> {
        let published: u64 = self.headers.get(PUBLISHED)?.parse().ok()?;
        let published = UNIX_EPOCH + Duration::from_millis(published);
        Some(now.duration_since(published).unwrap_or_default())
    }
}

/// The instruments of a worker.
#[derive(Clone, Debug)]
pub(crate) struct Measures {
    stage: KeyValue,
    started: Counter<u64>,
    ended: Counter<u64>,
    dead_letters: Counter<u64>,
    duration: Histogram<f64>,
    wait: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
}

impl Measures {
    pub(crate) fn new(meter: &Meter, stage: &'static str, outages: &Outages) -> Self {
        let counter = |name| meter.u64_counter(name).build();
        let seconds = |name| {
            let histogram = meter.f64_histogram(name).with_unit("s");
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        outages.measure(meter, stage);
        Self {
            stage: KeyValue::new("chatkeep.stage", stage),
            started: counter("chatkeep.task.started"),
            ended: counter("chatkeep.task.ended"),
            dead_letters: counter("chatkeep.queue.dead_letters"),
            duration: seconds("chatkeep.task.duration"),
            wait: seconds("chatkeep.queue.wait"),
            in_flight: meter.i64_up_down_counter("chatkeep.task.in_flight").build(),
        }
    }

    /// A message was received: its task begins.
    pub(crate) fn begin(&self, queue: &'static str, envelope: &Envelope) -> Observed {
        let task = Task::decode(envelope.body.clone()).unwrap_or_default();
        let kind = name_of(task.kind());
        let kind_attribute = KeyValue::new("chatkeep.task.kind", kind);
        let waited = envelope.waited(SystemTime::now());
        let is_first = envelope.attempt == 0;
        if let Some(waited) = waited.filter(|_| is_first) {
            let stage = std::slice::from_ref(&self.stage);
            self.wait.record(waited.as_secs_f64(), stage);
        }
        let span = info_span!(
            "process",
            otel.name = format!("process {queue}"),
            otel.kind = "consumer",
            otel.status_code = Empty,
            error.r#type = Empty,
            messaging.system = SYSTEM,
            messaging.operation.name = "process",
            messaging.operation.r#type = "process",
            messaging.message.id = %envelope.id,
            messaging.destination.name = queue,
            chatkeep.run.id = task.run,
            chatkeep.task.id = %envelope.id,
            chatkeep.task.kind = kind,
            chatkeep.task.attempt = envelope.attempt,
            chatkeep.task.outcome = Empty,
        );
        if let Some(parent) = envelope.headers.get(TRACEPARENT) {
            if is_first && waited.unwrap_or_default() < CONTINUES {
                trace::continue_from(&span, parent);
            } else {
                trace::link_to(&span, parent);
            }
        }
        self.started
            .add(1, &[self.stage.clone(), kind_attribute.clone()]);
        self.in_flight.add(1, std::slice::from_ref(&self.stage));
        Observed {
            measures: self.clone(),
            kind: kind_attribute,
            span,
            begun: Instant::now(),
            outcome: Outcome::Returned,
            reason: "",
        }
    }

    /// A message was buried.
    pub(crate) fn buried(&self, reason: &'static str) {
        let reason = KeyValue::new("error.type", reason);
        self.dead_letters.add(1, &[self.stage.clone(), reason]);
    }
}

/// How the work on a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Superseded,
    Retried,
    GivenUp,
    /// Back to the queue, untouched: the process shuts down, or what the task needs stays away.
    Returned,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Superseded => "superseded",
            Self::Retried => "retried",
            Self::GivenUp => "given up",
            Self::Returned => "returned",
        }
    }
}

/// A task under way. Counted as returned unless somebody says how it ended.
pub(crate) struct Observed {
    measures: Measures,
    kind: KeyValue,
    span: Span,
    begun: Instant,
    outcome: Outcome,
    reason: &'static str,
}

impl Observed {
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// How the task ended; `reason` is empty or static words.
    pub(crate) fn ends(&mut self, outcome: Outcome, reason: &'static str) {
        self.outcome = outcome;
        self.reason = reason;
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let outcome = self.outcome.name();
        self.span.record("chatkeep.task.outcome", outcome);
        if !self.reason.is_empty() {
            self.span.record("error.type", self.reason);
        }
        if self.outcome == Outcome::GivenUp {
            self.span.record("otel.status_code", "ERROR");
        }
        let measures = &self.measures;
        let stage = measures.stage.clone();
        let outcome = KeyValue::new("chatkeep.task.outcome", outcome);
        let of_task = [stage, self.kind.clone(), outcome];
        let seconds = self.begun.elapsed().as_secs_f64();
        measures.duration.record(seconds, &of_task);
        let [stage, kind, outcome] = of_task;
        let reason = KeyValue::new("error.type", self.reason);
        measures.in_flight.add(-1, std::slice::from_ref(&stage));
        measures.ended.add(1, &[stage, kind, outcome, reason]);
    }
}

/// As logs, traces and metrics write it.
fn name_of(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Unspecified => "unknown",
        TaskKind::Refresh => "refresh",
        TaskKind::List => "list",
        TaskKind::Capture => "capture",
        TaskKind::Assemble => "assemble",
        TaskKind::Convert => "convert",
        TaskKind::Plan => "plan",
        TaskKind::Resolve => "resolve",
        TaskKind::Import => "import",
    }
}
