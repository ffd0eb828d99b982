use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use tokio::time::{sleep, timeout};

use crate::Lifecycle;

/// How often dependencies are looked at: probes get the last answer and cost nothing.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Any error that can cross threads.
type BoxError = Box<dyn Error + Send + Sync>;
type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// Whether a program can do its work: it has started, and what it depends on answers.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    has_started: bool,
    dependencies: Vec<Dependency>,
}

#[derive(Clone)]
struct Dependency {
    name: &'static str,
    check: Check,
    /// `None` until it was looked at.
    answers: Option<bool>,
}

impl Readiness {
    /// Adds a dependency.
    pub fn needs<F, E>(&self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let check = move || -> BoxFuture<'static, Result<(), BoxError>> {
            let answer = check();
            Box::pin(async move { answer.await.map_err(Into::into) })
        };
        self.lock().dependencies.push(Dependency {
            name,
            check: Arc::new(check),
            answers: None,
        });
    }

    /// The program has started. Before that it is never ready.
    pub fn started(&self) {
        self.lock().has_started = true;
    }

    /// Looks at the dependencies until the process ends.
    pub(crate) fn watch(&self, lifecycle: &Lifecycle) {
        let readiness = self.clone();
        lifecycle.accompany(async move {
            loop {
                let dependencies = readiness.lock().dependencies.clone();
                let looks = dependencies.into_iter().map(|one| readiness.look(one));
                join_all(looks).await;
                sleep(INTERVAL).await;
            }
        });
    }

    async fn look(&self, dependency: Dependency) {
        let answer = timeout(PATIENCE, (dependency.check)()).await;
        let answer = answer.unwrap_or_else(|late| Err(late.into()));
        let name = dependency.name;
        let before = dependency.answers;
        let mut state = self.lock();
        let known = state.dependencies.iter_mut();
        for known in known.filter(|known| known.name == name) {
            known.answers = Some(answer.is_ok());
        }
        drop(state);
        match answer {
            Ok(()) if before == Some(false) => tracing::info!(dependency = name, "reachable again"),
            Err(error) if before != Some(false) => {
                let error = &*error as &dyn Error;
                tracing::warn!(error, dependency = name, "unreachable");
            }
            _ => {}
        }
    }

    /// Whether the program can work, and how its dependencies are, a line each.
    pub(crate) fn report(&self) -> (bool, String) {
        let state = self.lock();
        let mut is_ready = state.has_started;
        let mut text = String::new();
        if !state.has_started {
            text.push_str("starting\n");
        }
        for Dependency { name, answers, .. } in &state.dependencies {
            is_ready &= *answers == Some(true);
            let answers = match answers {
                Some(true) => "reachable",
                _ => "unreachable",
            };
            text.push_str(&format!("{name}: {answers}\n"));
        }
        (is_ready, text)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
