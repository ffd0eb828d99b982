mod backlog;
mod doubt;
mod draft;
mod journal;
mod parting;
mod permit;
mod putting_back;
mod sending;
mod session;
mod shard;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chatkeep_model::connector;
use chatkeep_pipeline::{
    Completion, LedgerClient, ResultExt as _, RunContext, Runs, Stage, StageError,
};
use chatkeep_proto::v1::{Imported, LeaseRequest, Task, complete_request};
use chatkeep_staging::Staging;
use tokio_util::sync::CancellationToken;

use self::shard::Shard;
use crate::{
    Settings,
    target::{Target, Tenants, Timeouts, open_target},
};

/// No batch is begun later than this, so that a task ends within five minutes; the rest is left to the
/// next one.
const WORK: Duration = Duration::from_secs(270);
/// More runs than this are not in flight at once.
const REMEMBERED: usize = 64;

/// Imports the waiting deliveries of a shard of mailboxes.
pub struct MailboxImport {
    ledger: LedgerClient,
    staging: Staging,
    runs: Runs,
    timeouts: Timeouts,
    shutdown: CancellationToken,
    targets: Mutex<HashMap<i64, (connector::Target, Arc<dyn Target>)>>,
    tenants: Tenants,
}

impl MailboxImport {
    /// Leaves the rest of a shard to the ledger when `shutdown` comes.
    pub fn new(
        settings: &Settings,
        ledger: LedgerClient,
        staging: Staging,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            runs: Runs::new(ledger.clone()),
            ledger,
            staging,
            timeouts: settings.timeouts(),
            shutdown,
            targets: Mutex::default(),
            tenants: Tenants::default(),
        }
    }

    /// The target of a run; made once, as it holds what all its connections share, and again when a secret
    /// that control keeps for it was replaced.
    fn target(&self, context: &RunContext) -> Result<Arc<dyn Target>, StageError> {
        let mut known = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let model = &context.connector.target;
        if let Some((_, target)) = known.get(&context.run.id).filter(|(of, _)| of == model) {
            return Ok(Arc::clone(target));
        }
        // A CA file that cannot be read is mended by an administrator, not by giving mailboxes up.
        let target = open_target(&context.connector, self.timeouts, &self.tenants);
        let target = target.or_wait("set up target")?;
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(context.run.id, (model.clone(), Arc::clone(&target)));
        Ok(target)
    }
}

impl Stage for MailboxImport {
    const QUEUE: &'static str = "mailbox-import";

    async fn process(&self, task: Task) -> Result<Completion, StageError> {
        let context = self.runs.of_task(&task).await?;
        let target = self.target(&context)?;
        let started = Instant::now();
        let request = LeaseRequest {
            task: task.id.clone(),
        };
        let lease = self.ledger.clone().lease(request).await;
        let lease = lease.map_err(StageError::ledger("take lease"))?;
        let lease = lease.into_inner();

        let shard = Shard::new(shard::Surroundings {
            ledger: self.ledger.clone(),
            staging: self.staging.clone(),
            target,
            domain: context.connector.domain.clone(),
            term: Duration::from_millis(lease.term),
            deadline: started + WORK,
            shutdown: self.shutdown.clone(),
        });
        shard.work(task.id, lease).await?;
        Ok(Completion::new(complete_request::Result::Imported(
            Imported {},
        )))
    }
}
