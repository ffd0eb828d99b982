use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use opentelemetry::{KeyValue, metrics::Meter};

/// Which workers wait for a dependency that is down, and since when. Shared by the workers of a process
/// and whoever watches them.
#[derive(Clone, Debug, Default)]
pub struct Outages(Arc<Mutex<HashMap<&'static str, Outage>>>);

/// A worker that waits.
#[derive(Clone, Debug)]
pub struct Outage {
    /// What it cannot do: a verb and its object, then the chain of causes.
    pub cause: String,
    /// Since when.
    pub since: Instant,
}

impl Outages {
    /// The outage that has lasted longest, with the queue of the worker it stops.
    pub fn longest(&self) -> Option<(&'static str, Outage)> {
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = outages.iter().min_by_key(|(_, outage)| outage.since)?;
        Some((*longest.0, longest.1.clone()))
    }

    /// The outage that the worker of `queue` waits for the end of.
    fn of(&self, queue: &str) -> Option<Outage> {
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outages.get(queue).cloned()
    }

    /// Tells in metrics for how long the worker of `queue` has been waiting: 0 while it works.
    pub fn measure(&self, meter: &Meter, queue: &'static str) {
        let outages = self.clone();
        let stage = KeyValue::new("chatkeep.stage", queue);
        let gauge = meter.f64_observable_gauge("chatkeep.stage.waiting");
        // Whoever reads the metrics asks; nobody has to hold it.
        let _ = gauge
            .with_unit("s")
            .with_callback(move |gauge| {
                let waits = outages.of(queue).map(|outage| outage.since.elapsed());
                let seconds = waits.unwrap_or_default().as_secs_f64();
                gauge.observe(seconds, std::slice::from_ref(&stage));
            })
            .build();
    }

    /// The worker of `queue` waits because of this.
    pub fn begin(&self, queue: &'static str, cause: &dyn Error) {
        let mut outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = outages.entry(queue).or_insert_with(|| Outage {
            cause: String::new(),
            since: Instant::now(),
        });
        outage.cause = chain(cause);
    }

    /// The worker of `queue` works again.
    pub fn end(&self, queue: &'static str) {
        let mut outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outages.remove(queue);
    }
}

/// An error and what caused it, one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Databases repeat their cause.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
