//! What schedules go by, and when runs were opened and closed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

/// The system's clock, or one that stands still until it is set, so that a test need not wait for days.
/// What is a matter of moments (leases, fences, lingering) goes by the system's in any case.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Standing>>);

#[derive(Debug)]
struct Standing {
    millis: AtomicI64,
    set: Notify,
}

impl Clock {
    /// A clock that stands at this time.
    pub fn standing_at(time: SystemTime) -> Self {
        Self(Some(Arc::new(Standing {
            millis: AtomicI64::new(millis(time)),
            set: Notify::new(),
        })))
    }

    /// Sets a clock that stands; the system's stays as it is.
    pub fn set(&self, time: SystemTime) {
        if let Some(standing) = &self.0 {
            standing.millis.store(millis(time), Ordering::SeqCst);
            standing.set.notify_one();
        }
    }

    /// Unix milliseconds.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Some(standing) => standing.millis.load(Ordering::SeqCst),
            None => millis(SystemTime::now()),
        }
    }

    /// Waits until somebody sets it.
    pub(crate) async fn is_set(&self) {
        match &self.0 {
            Some(standing) => standing.set.notified().await,
            None => std::future::pending().await,
        }
    }
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
