//! Spans on their way to a collector: a bounded number of them, and what is lost is counted. A collector that
//! is away, or answers nothing, costs its traces and nothing else.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    Context, KeyValue,
    metrics::{Counter, Meter},
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use tokio::{runtime::Handle, time::sleep};

/// Spans that wait to be sent, at most. One is about 1 KB.
pub(super) const WAITING: usize = 2048;
/// In place of how many wait: nothing is sent any more.
const ENDED: usize = usize::MAX;

/// What has happened to spans.
#[derive(Clone, Debug)]
pub(super) struct Losses(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Spans that have ended and were neither sent nor lost yet; or [`ENDED`].
    waiting: AtomicUsize,
    /// Spans that were lost and not told of.
    untold: AtomicUsize,
    state: Mutex<State>,
    counter: Counter<u64>,
}

/// What was said last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Sent,
    /// Fewer are sent than end.
    Overflows,
    /// None are sent.
    Down,
}

impl Losses {
    /// Counts with this meter, from 0 on.
    pub(super) fn new(meter: &Meter) -> Self {
        let losses = Self(Arc::new(Inner {
            waiting: AtomicUsize::default(),
            untold: AtomicUsize::default(),
            state: Mutex::default(),
            counter: meter.u64_counter("chatkeep.telemetry.spans.lost").build(),
        }));
        losses.lose(0, "not sent");
        losses
    }

    fn lose(&self, spans: usize, reason: &'static str) {
        self.0.untold.fetch_add(spans, Ordering::Relaxed);
        let reason = KeyValue::new("error.type", reason);
        self.0.counter.add(spans as u64, &[reason]);
    }

    /// A span has ended; false when there is no room for it.
    fn enter(&self) -> bool {
        let enter = |waiting| (waiting < WAITING).then(|| waiting + 1);
        let waiting = &self.0.waiting;
        let entered = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter);
        match entered {
            Ok(_) => {}
            Err(ENDED) => self.lose(1, "not sent"),
            Err(_) => self.lose(1, "queue full"),
        }
        entered.is_ok()
    }

    /// Some spans were sent, or not. Says so when that changes, not each time.
    fn leave(&self, spans: usize, sent: &OTelSdkResult) {
        let leave = |waiting| (waiting != ENDED).then(|| waiting - spans);
        let waiting = &self.0.waiting;
        let left = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, leave);
        if left.is_err() {
            // They were still on their way when nobody waited for them any more, and were counted then.
            return;
        }
        if sent.is_err() {
            self.lose(spans, "not sent");
        }
        let untold = self.0.untold.load(Ordering::Relaxed);
        let state = match sent {
            Err(_) => State::Down,
            Ok(()) if untold == 0 => State::Sent,
            Ok(()) => State::Overflows,
        };
        let before = {
            let mut known = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            mem::replace(&mut *known, state)
        };
        match (before, sent) {
            (State::Down, Ok(())) => {
                let lost = self.tell();
                tracing::info!(lost, "traces are sent again");
            }
            (State::Sent | State::Overflows, Err(error)) => {
                tracing::warn!(%error, "traces are not sent, and lost until they are");
            }
            (State::Sent, Ok(())) if state == State::Overflows => {
                let lost = self.tell();
                tracing::warn!(lost, "fewer spans are sent than end, the rest is lost");
            }
            (State::Overflows, Ok(())) => {
                self.tell();
            }
            _ => {}
        }
    }

    fn tell(&self) -> usize {
        self.0.untold.swap(0, Ordering::Relaxed)
    }

    /// Nothing is sent any more, what is still on its way counts as lost. Says how many spans were lost since
    /// that was said last.
    pub(super) fn end(&self) {
        let left = self.0.waiting.swap(ENDED, Ordering::Relaxed);
        if left != ENDED {
            self.lose(left, "not sent");
        }
        let lost = self.tell();
        if lost > 0 {
            tracing::warn!(lost, "traces were not sent");
        }
    }
}

/// Hands spans that have ended to the thread that sends them, as long as there is room.
#[derive(Debug)]
pub(super) struct Bounded {
    sender: BatchSpanProcessor,
    losses: Losses,
}

impl Bounded {
    /// Sends with this exporter, each batch within a time. To be called inside the runtime.
    pub(super) fn new<E>(exporter: E, patience: Duration, losses: Losses) -> Self
    where
        E: SpanExporter + 'static,
    {
        let counted = Counted {
            exporter,
            patience,
            losses: losses.clone(),
            runtime: Handle::current(),
        };
        let config = BatchConfigBuilder::default().with_max_queue_size(WAITING);
        let sender = BatchSpanProcessor::new(counted, config.build());
        Self { sender, losses }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.sender.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // Nothing is logged here: this is called while a span is being closed.
        if self.losses.enter() {
            self.sender.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.sender.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.sender.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.sender.set_resource(resource);
    }
}

/// An exporter that is given up after a time, and whose successes are counted.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    patience: Duration,
    losses: Losses,
    runtime: Handle,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        // The thread that waits for this is none of the runtime's, whose clock it needs. The exporter's own
        // timeout ends no call that is never answered.
        let late = {
            let _runtime = self.runtime.enter();
            sleep(self.patience)
        };
        let sent = tokio::select! {
            sent = self.exporter.export(batch) => sent,
            () = late => Err(OTelSdkError::Timeout(self.patience)),
        };
        self.losses.leave(spans, &sent);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
