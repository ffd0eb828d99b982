use std::error::Error;

use chatkeep_pipeline::{LedgerClient, StageError};
use chatkeep_proto::v1::{Begun, DeliveryState, JournalRequest, ReportCopiesRequest, Settled};

use super::measure::TargetMeasures;

/// Settled deliveries are reported at the latest when so many have come together.
const MANY: usize = 1000;

/// The write-ahead journal of one hold of a shard. What is settled travels with what is begun next, so
/// that a batch costs one commit.
pub(super) struct Journal {
    ledger: LedgerClient,
    measures: TargetMeasures,
    task: String,
    fence: u64,
    settled: Vec<Settled>,
    /// Copies that were removed and could not be told, because the lease was lost.
    untold: u32,
}

/// What became of a delivery, in the ledger's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settlement {
    pub(super) state: DeliveryState,
    pub(super) reason: &'static str,
    /// Unix milliseconds.
    pub(super) not_before: i64,
}

impl Journal {
    pub(super) fn new(
        ledger: LedgerClient,
        measures: TargetMeasures,
        task: String,
        fence: u64,
    ) -> Self {
        Self {
            ledger,
            measures,
            task,
            fence,
            settled: Vec::new(),
            untold: 0,
        }
    }

    /// Number of the hold.
    pub(super) fn fence(&self) -> u64 {
        self.fence
    }

    /// The task that holds the shard.
    pub(super) fn task(&self) -> &str {
        &self.task
    }

    /// The way to the ledger.
    pub(super) fn ledger(&self) -> &LedgerClient {
        &self.ledger
    }

    /// Notes what became of a delivery.
    pub(super) async fn settle(
        &mut self,
        delivery: i64,
        settlement: Settlement,
    ) -> Result<(), StageError> {
        self.measures.settled(settlement);
        self.settled.push(Settled {
            delivery,
            state: settlement.state.into(),
            reason: settlement.reason.to_owned(),
            not_before: settlement.not_before,
            copies_removed: 0,
        });
        if self.settled.len() >= MANY {
            self.flush().await?;
        }
        Ok(())
    }

    /// Notes that a mailbox held copies that were removed; `delivery` is one of its own.
    pub(super) fn note_copies(&mut self, delivery: i64, copies: usize) {
        self.settled.push(Settled {
            delivery,
            state: DeliveryState::Imported.into(),
            reason: String::new(),
            not_before: 0,
            copies_removed: u32::try_from(copies).unwrap_or(u32::MAX),
        });
    }

    /// Has extra copies counted, also those that no entry will tell any more: when the lease was lost, or
    /// entries must stay open.
    pub(super) async fn report_copies(&mut self, copies: usize) {
        let copies = u32::try_from(copies).unwrap_or(u32::MAX);
        let noted = self.settled.iter_mut();
        let noted: u32 = noted
            .map(|one| std::mem::take(&mut one.copies_removed))
            .sum();
        let untold = std::mem::take(&mut self.untold);
        let copies = copies.saturating_add(noted).saturating_add(untold);
        if copies == 0 {
            return;
        }
        let request = ReportCopiesRequest {
            task: self.task.clone(),
            copies,
        };
        if let Err(error) = self.ledger.clone().report_copies(request).await {
            let error = &error as &dyn Error;
            tracing::warn!(error, copies, "removed copies not counted");
        }
    }

    /// Writes ahead what is about to be sent. On return it is durable.
    pub(super) async fn begin(&mut self, begun: Vec<Begun>) -> Result<(), StageError> {
        let copies: u32 = self.settled.iter().map(|one| one.copies_removed).sum();
        let request = JournalRequest {
            task: self.task.clone(),
            fence: self.fence,
            settled: std::mem::take(&mut self.settled),
            begun,
        };
        let written = self.ledger.journal(request).await;
        if written.is_err() {
            self.untold += copies;
        }
        written.map_err(StageError::ledger("write journal"))?;
        Ok(())
    }

    /// Reports what is settled.
    pub(super) async fn flush(&mut self) -> Result<(), StageError> {
        if self.settled.is_empty() {
            return Ok(());
        }
        self.begin(Vec::new()).await
    }
}
