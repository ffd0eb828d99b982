use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1;
use tonic::Code;

use crate::{LedgerClient, ResultExt as _, StageError};

/// The runs a stage has worked for lately: what they are does not change once they are pinned.
#[derive(Debug)]
pub struct Runs {
    ledger: LedgerClient,
    known: Mutex<HashMap<i64, Arc<RunContext>>>,
}

/// A run and its connector.
#[derive(Clone, Debug)]
pub struct RunContext {
    /// The run.
    pub run: v1::Run,
    /// The connector as it was when the run was opened.
    pub connector: Connector,
}

/// More runs than this are not in flight at once.
const REMEMBERED: usize = 64;

impl Runs {
    /// Asks this ledger.
    pub fn new(ledger: LedgerClient) -> Self {
        Self {
            ledger,
            known: Mutex::default(),
        }
    }

    /// The run with this id.
    pub async fn get(&self, run: i64) -> Result<Arc<RunContext>, StageError> {
        if let Some(known) = self.lock().get(&run) {
            return Ok(Arc::clone(known));
        }
        let request = v1::GetRunRequest { run };
        let response = self.ledger.clone().get_run(request).await;
        let run = response
            .map_err(StageError::ledger("get run"))?
            .into_inner();
        let connector = Connector::parse(&run.connector_file, Path::new("/"));
        let connector = connector.or_reject("read connector of run")?;
        let context = Arc::new(RunContext { run, connector });
        // Until its snapshots are pinned, a run is not what it will be.
        if context.run.directory.is_some() {
            let mut known = self.lock();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(context.run.id, Arc::clone(&context));
        }
        Ok(context)
    }

    /// The run of a task, with the secrets that control keeps for its connector filled in: as they are now,
    /// since somebody may have replaced them. One that is not stored is waited for.
    pub async fn of_task(&self, task: &v1::Task) -> Result<Arc<RunContext>, StageError> {
        let context = self.get(task.run).await?;
        let names = context.connector.stored_secrets();
        if names.is_empty() {
            return Ok(context);
        }
        let mut context = RunContext::clone(&context);
        for name in names {
            let request = v1::SecretRequest {
                task: task.id.clone(),
                name: name.clone(),
            };
            let secret = self.ledger.clone().secret(request).await;
            let secret = match secret {
                Err(status) if status.code() == Code::NotFound => {
                    return Err(status).or_wait("get secret");
                }
                secret => secret.map_err(StageError::ledger("get secret"))?,
            };
            context.connector.fill_in(&name, &secret.into_inner().value);
        }
        Ok(Arc::new(context))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Arc<RunContext>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
