use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chatkeep_pipeline::{LedgerClient, StageError, Verdict, crash_point};
use chatkeep_proto::v1::{Begun, LeaseResponse};
use chatkeep_staging::Staging;
use tokio_util::sync::CancellationToken;

use super::{
    backlog::{Backlog, Batch},
    doubt::{Doubt, by_mailbox},
    draft::{Aside, Draft, settle},
    journal::Journal,
    measure::TargetMeasures,
    session::Session,
};
use crate::target::{Position, Target, TargetError};

/// What a shard is worked on with.
pub(super) struct Surroundings {
    pub(super) ledger: LedgerClient,
    pub(super) staging: Staging,
    pub(super) target: Arc<dyn Target>,
    pub(super) measures: TargetMeasures,
    pub(super) domain: String,
    /// How long the lease to send lasts after the journal was written, and how long what was sent may
    /// take to arrive.
    pub(super) term: Duration,
    pub(super) deadline: Instant,
    pub(super) shutdown: CancellationToken,
}

/// One hold of a shard: its mailboxes, one after the other.
pub(super) struct Shard {
    pub(super) around: Surroundings,
    /// Batches that an earlier holder began and nobody settled, by mailbox.
    pub(super) doubts: HashMap<String, Doubt>,
    /// When all of that has arrived that ever will.
    settled_at: Instant,
    /// Mailboxes that take nothing now.
    pub(super) asides: HashMap<String, Aside>,
    pub(super) session: Option<Session>,
    /// The mailbox that was sent to last, and where it ended before.
    pub(super) sent: Option<(String, Position)>,
    /// False when a mailbox could not be looked at a last time: its journal stays open.
    may_tell: bool,
}

impl Shard {
    pub(super) fn new(around: Surroundings) -> Self {
        Self {
            around,
            doubts: HashMap::new(),
            settled_at: Instant::now(),
            asides: HashMap::new(),
            session: None,
            sent: None,
            may_tell: true,
        }
    }

    /// Works until nothing is left, or the time is over; the ledger keeps the rest.
    pub(super) async fn work(
        mut self,
        task: String,
        lease: LeaseResponse,
    ) -> Result<(), StageError> {
        self.settled_at = Instant::now() + Duration::from_millis(lease.settled_in);
        self.doubts = by_mailbox(lease.open);
        let doubtful = self.doubts.keys().cloned().collect();
        let ledger = self.around.ledger.clone();
        let measures = self.around.measures.clone();
        let mut journal = Journal::new(ledger.clone(), measures, task.clone(), lease.fence);
        let mut backlog = Backlog::new(ledger, task, lease.fence, doubtful);
        let mut worked = self.work_off(&mut backlog, &mut journal).await;
        if worked.is_ok() {
            worked = journal.flush().await;
        }
        let Err(error) = worked else {
            return Ok(());
        };
        match error.verdict {
            Verdict::Superseded => self.part(&mut journal).await,
            // What is known is worth telling; what is not told is looked up the next time.
            Verdict::Wait if self.may_tell => journal.flush().await?,
            _ => journal.report_copies(0).await,
        }
        Err(error)
    }

    async fn work_off(
        &mut self,
        backlog: &mut Backlog,
        journal: &mut Journal,
    ) -> Result<(), StageError> {
        while Instant::now() < self.around.deadline && !self.around.shutdown.is_cancelled() {
            let mut wave = backlog.next().await?;
            let Some(batch) = wave.pop() else {
                break;
            };
            if wave.is_empty() {
                self.import_one(batch, journal).await?;
            } else {
                wave.push(batch);
                self.import_many(wave, journal).await?;
            }
        }
        let ended = self.end_open_session(journal).await;
        ended.or_else(|error| self.leave_open(error, journal))
    }

    /// Waits until nothing that was sent before can still arrive; not where nothing ever arrives late.
    pub(super) async fn wait_for(&self, arrivals: Duration) {
        if self.around.target.needs_fence() {
            self.sleep(arrivals).await;
        }
    }

    pub(super) async fn sleep(&self, time: Duration) {
        let sleep = tokio::time::sleep(time);
        // Whether it was cut short does not matter: after a shutdown nothing is sent any more.
        let _: Option<()> = self.around.shutdown.run_until_cancelled(sleep).await;
    }

    /// Imports a batch of one mailbox. The mailbox is open before the journal is written, which so
    /// says from where on to look; what may stand already is looked up first.
    async fn import_one(&mut self, batch: Batch, journal: &mut Journal) -> Result<(), StageError> {
        if let Some(aside) = self.asides.get(&batch.mailbox).copied() {
            for delivery in &batch.deliveries {
                journal.settle(delivery.id, aside.settlement()).await?;
            }
            return Ok(());
        }
        if self.doubts.contains_key(&batch.mailbox) {
            // An earlier holder can send what it began until then, and only to these mailboxes: the
            // others need not wait.
            let left = self.settled_at.saturating_duration_since(Instant::now());
            self.wait_for(left).await;
        }
        let mut drafts = self.load(&batch).await?;
        if let Err(error) = self.open(&batch.mailbox, journal).await {
            return self.give_back(&batch.mailbox, drafts, error, journal).await;
        }
        if let Err(error) = self.look_up(&batch.mailbox, &mut drafts).await {
            return self.give_back(&batch.mailbox, drafts, error, journal).await;
        }
        let waiting = drafts.iter().filter(|draft| draft.is_waiting());
        let begun = Begun {
            deliveries: waiting.map(|draft| draft.delivery).collect(),
            ..self.begun(&batch.mailbox)
        };
        let since = Instant::now();
        if !begun.deliveries.is_empty() {
            journal.begin(vec![begun.clone()]).await?;
            crash_point("journaled");
        }
        self.send(begun, since, drafts, journal).await
    }

    /// Imports few deliveries for each of several mailboxes under one journal entry. Their positions
    /// are not known yet: should it come to a look-up, it goes over the whole folder.
    async fn import_many(
        &mut self,
        wave: Vec<Batch>,
        journal: &mut Journal,
    ) -> Result<(), StageError> {
        let mut begun = Vec::with_capacity(wave.len());
        let mut loaded = Vec::with_capacity(wave.len());
        for batch in wave {
            loaded.push(self.load(&batch).await?);
            begun.push(Begun {
                deliveries: batch
                    .deliveries
                    .iter()
                    .map(|delivery| delivery.id)
                    .collect(),
                ..self.begun(&batch.mailbox)
            });
        }
        let since = Instant::now();
        journal.begin(begun.clone()).await?;
        crash_point("journaled");
        let mut failed = Ok(());
        for (begun, drafts) in begun.into_iter().zip(loaded) {
            let mailbox = begun.mailbox.clone();
            if failed.is_err() {
                // Nothing of it was sent.
                settle(journal, &drafts, Some(Aside::Until(0))).await?;
            } else if let Some(aside) = self.asides.get(&mailbox).copied() {
                settle(journal, &drafts, Some(aside)).await?;
            } else if let Err(error) = self.open(&mailbox, journal).await {
                failed = self.give_back(&mailbox, drafts, error, journal).await;
            } else {
                failed = self.send(begun, since, drafts, journal).await;
            }
        }
        failed
    }

    async fn load(&self, batch: &Batch) -> Result<Vec<Draft>, StageError> {
        let around = &self.around;
        let mut drafts = Draft::load(&around.staging, &batch.deliveries, &around.domain).await?;
        if let Some(doubt) = self.doubts.get(&batch.mailbox) {
            for draft in &mut drafts {
                draft.in_doubt = doubt.deliveries.contains(&draft.delivery);
            }
        }
        Ok(drafts)
    }

    /// A journal entry for a mailbox, with its position when it is open.
    fn begun(&self, mailbox: &str) -> Begun {
        let open = self
            .session
            .as_ref()
            .filter(|session| session.name == mailbox);
        let position = open.map_or_else(Position::default, |open| open.mailbox.position());
        Begun {
            mailbox: mailbox.to_owned(),
            uid_validity: position.uid_validity,
            uid_next: position.uid_next,
            deliveries: Vec::new(),
        }
    }

    /// Makes `mailbox` the open one.
    pub(super) async fn open(
        &mut self,
        mailbox: &str,
        journal: &mut Journal,
    ) -> Result<(), TargetError> {
        if self
            .session
            .as_ref()
            .is_some_and(|session| session.name == mailbox)
        {
            return Ok(());
        }
        self.end_open_session(journal).await?;
        let opened = self.around.target.open(mailbox).await?;
        self.session = Some(Session::new(mailbox.to_owned(), opened));
        Ok(())
    }

    /// Looks which parts stand already: of deliveries that an earlier holder began, and of items in
    /// several parts, of which some may have been stored before the others were put off.
    async fn look_up(&mut self, mailbox: &str, drafts: &mut [Draft]) -> Result<(), TargetError> {
        let has_parts = drafts.iter().any(|draft| draft.parts.len() > 1);
        let in_doubt = drafts.iter().any(|draft| draft.in_doubt);
        let since = match self.doubts.get(mailbox) {
            Some(doubt) if in_doubt && !has_parts => doubt.since,
            _ if has_parts || in_doubt => Position::default(),
            _ => return Ok(()),
        };
        let session = self
            .session
            .as_mut()
            .filter(|session| session.name == mailbox);
        match session {
            Some(session) => session.look_up(drafts, since, &self.around.domain).await,
            None => Ok(()),
        }
    }

    /// Ends the open mailbox: the last look at it, and the report of what was removed.
    async fn end_open_session(&mut self, journal: &mut Journal) -> Result<(), TargetError> {
        let Some(mut session) = self.session.take() else {
            return Ok(());
        };
        let looked = session.reconcile(&self.around.domain).await;
        self.may_tell &= looked.is_ok();
        if let Some((delivery, copies)) = session.removed() {
            journal.note_copies(delivery, copies);
        }
        looked?;
        session.mailbox.close().await;
        Ok(())
    }
}
