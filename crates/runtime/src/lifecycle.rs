use std::{error::Error, process, time::Duration};

use opentelemetry::metrics::{Meter, MeterProvider as _, NoopMeterProvider};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, info_span};

use crate::Outages;

/// How long a process may finish what it holds: less than the 30 s after which Kubernetes kills a pod.
pub const GRACE: Duration = Duration::from_secs(25);

/// Owns every task of the process: starts them, tells them to stop, waits for them.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    shutdown: CancellationToken,
    failed: CancellationToken,
    tasks: TaskTracker,
    outages: Outages,
    grace: Duration,
    meter: Meter,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            shutdown: CancellationToken::default(),
            failed: CancellationToken::default(),
            tasks: TaskTracker::default(),
            outages: Outages::default(),
            grace: GRACE,
            meter: NoopMeterProvider::new().meter("chatkeep"),
        }
    }
}

impl Lifecycle {
    /// Stops on SIGTERM and SIGINT, within `grace`. A second signal ends the process at once, which
    /// loses nothing either: what was not finished is done again.
    pub fn new(grace: Duration) -> std::io::Result<Self> {
        let lifecycle = Self {
            grace,
            ..Self::default()
        };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = lifecycle.shutdown.clone();
        lifecycle.accompany(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = interrupt.recv() => SignalKind::interrupt(),
                }
            };
            let first = next().await;
            tracing::info!(signal = first.as_raw_value(), "shutting down");
            shutdown.cancel();
            let second = next().await;
            tracing::warn!(
                signal = second.as_raw_value(),
                "second signal, exiting at once"
            );
            process::exit(128 + second.as_raw_value());
        });
        Ok(lifecycle)
    }

    /// Without signal handlers, for tests.
    pub fn detached() -> Self {
        Self::default()
    }

    /// Measures with this meter. Without one nothing is measured.
    pub fn with_meter(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }

    /// Where services make their instruments.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Cancelled when the process is to stop. Whoever starts work checks it first and finishes what it
    /// holds.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// How long a process may finish what it holds.
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// True once a service has ended with an error or a panic.
    pub fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Where workers say that they wait for a dependency.
    pub fn outages(&self) -> Outages {
        self.outages.clone()
    }

    /// Runs a service. When it ends, the process shuts down; when it ends with an error or a panic,
    /// [`has_failed`](Self::has_failed) says so.
    pub fn spawn<E>(
        &self,
        service: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Into<Box<dyn Error + Send + Sync>> + Send,
    {
        let failed = self.failed.clone();
        // Dropped when the task ends, also when it panics: no process lives on with one of its
        // services gone.
        let stop = self.shutdown.clone().drop_guard();
        let task = async move {
            let _stop = stop;
            let fail = failed.drop_guard();
            match task.await {
                Ok(()) => drop(fail.disarm()),
                Err(error) => {
                    let error = error.into();
                    tracing::error!(error = &*error as &dyn Error, "service failed");
                }
            }
        };
        self.tasks
            .spawn(task.instrument(info_span!("service", service.name = service)));
    }

    /// Runs something beside the services, until the very end of the process: nobody waits for it.
    pub fn accompany(&self, task: impl Future<Output = ()> + Send + 'static) {
        #[expect(clippy::disallowed_methods, reason = "outlives the tracked tasks")]
        tokio::spawn(task);
    }

    /// Tells every task to stop and waits until they have, or until the grace period is over.
    /// True when all finished in time and none failed.
    pub async fn stop(self) -> bool {
        self.shutdown.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(self.grace, self.tasks.wait()).await;
        if finished.is_err() {
            tracing::error!(grace = ?self.grace, "tasks still running, exiting anyway");
        }
        finished.is_ok() && !self.has_failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_service_stops_the_process_and_is_a_failure() {
        let lifecycle = Lifecycle::detached();
        lifecycle.spawn("broken", async {
            assert!(std::hint::black_box(false), "bug");
            Ok::<(), std::io::Error>(())
        });

        lifecycle.shutdown().cancelled().await;

        assert!(!lifecycle.stop().await);
    }

    #[tokio::test]
    async fn stopping_waits_for_what_is_held() {
        let lifecycle = Lifecycle::detached();
        let shutdown = lifecycle.shutdown();
        lifecycle.spawn("worker", async move {
            shutdown.cancelled().await;
            tokio::task::yield_now().await;
            Ok::<(), std::io::Error>(())
        });

        assert!(lifecycle.stop().await);
    }
}
