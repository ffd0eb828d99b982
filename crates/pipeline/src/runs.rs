use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1;

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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Arc<RunContext>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
