use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use tokio::time::{sleep, timeout};

use crate::Lifecycle;

/// How often dependencies are looked at: probes get the last answer and cost nothing.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Any error that can cross threads.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// Whether a program can do its work: what it depends on answers, and it is not about to stop.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
    answers: Arc<Mutex<BTreeMap<&'static str, bool>>>,
}

impl Readiness {
    /// Adds a dependency.
    pub fn needs<F, E>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let check = move || -> BoxFuture<'static, Result<(), BoxError>> {
            let answer = check();
            Box::pin(async move { answer.await.map_err(Into::into) })
        };
        self.checks.push((name, Arc::new(check)));
        self
    }

    /// Looks at the dependencies until the process ends.
    pub(crate) fn watch(&self, lifecycle: &Lifecycle) {
        let readiness = self.clone();
        lifecycle.accompany(async move {
            loop {
                join_all(readiness.checks.iter().map(|check| readiness.look(check))).await;
                sleep(INTERVAL).await;
            }
        });
    }

    async fn look(&self, (name, check): &(&'static str, Check)) {
        let answer = timeout(PATIENCE, check()).await;
        let answer = answer.unwrap_or_else(|late| Err(late.into()));
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let before = answers.insert(name, answer.is_ok());
        match answer {
            Ok(()) if before == Some(false) => tracing::info!(dependency = name, "reachable again"),
            Err(error) if before != Some(false) => {
                tracing::warn!(
                    error = &*error as &dyn std::error::Error,
                    dependency = name,
                    "unreachable"
                );
            }
            _ => {}
        }
    }

    /// True when every dependency answered when it was asked last.
    pub(crate) fn is_ready(&self) -> bool {
        self.answers().values().all(|&answered| answered)
    }

    /// Every dependency, and whether it answered.
    pub(crate) fn answers(&self) -> BTreeMap<&'static str, bool> {
        let unknown = self.checks.iter().map(|&(name, _)| (name, false));
        let mut answers: BTreeMap<_, _> = unknown.collect();
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.extend(known.iter());
        answers
    }
}
