use std::time::{Duration, Instant};

use async_trait::async_trait;
use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{Begun, JournalRequest};
use tokio::sync::Mutex;
use tonic::Code;

use super::journal::Journal;
use crate::target::{Gate, TargetError};

/// Permission to send what was begun: the lease, which lasts its term from when the journal was written. A
/// new holder waits for the lease's end and for what was sent until then to arrive. When the lease is
/// over, the journal is written again first; a holder that was replaced meanwhile is refused there.
pub(super) struct Permit {
    ledger: LedgerClient,
    request: JournalRequest,
    holds: Duration,
    since: Mutex<Instant>,
}

impl Permit {
    /// For a batch that was begun not before `since`.
    pub(super) fn new(journal: &Journal, begun: Begun, since: Instant, term: Duration) -> Self {
        Self {
            ledger: journal.ledger().clone(),
            request: JournalRequest {
                task: journal.task().to_owned(),
                fence: journal.fence(),
                settled: Vec::new(),
                begun: vec![begun],
            },
            holds: term,
            since: Mutex::new(since),
        }
    }
}

#[async_trait]
impl Gate for Permit {
    async fn pass(&self) -> Result<(), TargetError> {
        let mut since = self.since.lock().await;
        if since.elapsed() < self.holds {
            return Ok(());
        }
        let now = Instant::now();
        let written = self.ledger.clone().journal(self.request.clone()).await;
        written.map_err(|status| match status.code() {
            Code::FailedPrecondition => TargetError::Fenced,
            _ => TargetError::Lapsed {
                source: status.into(),
            },
        })?;
        *since = now;
        if since.elapsed() < self.holds {
            return Ok(());
        }
        Err(TargetError::Lapsed {
            source: "the journal took longer to write than the lease lasts".into(),
        })
    }
}
