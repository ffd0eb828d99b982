use std::{error::Error, time::Duration};

use chatkeep_pipeline::{StageError, Verdict};
use chatkeep_proto::v1::Begun;

use super::{
    doubt::in_millis,
    draft::{Aside, Draft, settle},
    journal::Journal,
    shard::Shard,
};
use crate::target::{Position, TargetError};

/// How long a mailbox that lets nobody in is left alone when its state must still be looked up.
const LONG_PAUSE: Duration = Duration::from_mins(5);

impl Shard {
    /// Settles what could not be tried by what the reason says. Only what is no mailbox's fault ends
    /// the task.
    pub(super) async fn give_back(
        &mut self,
        mailbox: &str,
        mut drafts: Vec<Draft>,
        error: TargetError,
        journal: &mut Journal,
    ) -> Result<(), StageError> {
        let in_flight = drafts.iter().any(Draft::is_in_flight);
        drafts.iter_mut().for_each(Draft::doubt);
        let aside = match error {
            // Without an answer it may arrive late: the mailbox is left alone until it has, with its entry
            // in the journal, and looked at before anything is sent again. A holder waits twice the term
            // from that entry on: it had better be over by then.
            TargetError::Busy { after } if in_flight => {
                self.leave_alone(after.max(self.around.term * 2))
            }
            TargetError::Busy { after } => self.leave_alone(after),
            TargetError::NoMailbox => Aside::Never("mailbox not found"),
            TargetError::Login { .. } => Aside::Never("mailbox refuses the login"),
            TargetError::NotConnected { .. } => Aside::Never("mailbox not open to the application"),
            TargetError::Folder { .. } => Aside::Never("mailbox refuses the folder"),
            TargetError::Unreachable { .. } | TargetError::Setup { .. } if !in_flight => {
                let (_, begun) = Self::part_from_doubtful(drafts);
                settle(journal, &begun, Some(Aside::Until(0))).await?;
                return self.leave_open(error, journal);
            }
            // The journal says what is open: whoever holds the lease next looks it up.
            _ => return self.leave_open(error, journal),
        };
        tracing::warn!(error = &error as &dyn Error, "mailbox set aside");
        self.asides.insert(mailbox.to_owned(), aside);
        let (doubtful, rest) = Self::part_from_doubtful(drafts);
        settle(journal, &rest, Some(aside)).await?;
        if !doubtful.is_empty() {
            self.leave_session(journal);
        }
        self.put_off(mailbox, &doubtful, aside, journal).await
    }

    /// A mailbox that takes nothing for so long.
    fn leave_alone(&self, pause: Duration) -> Aside {
        self.around.measures.paused(pause);
        Aside::Until(in_millis(pause))
    }

    /// Parts what an earlier holder or a broken connection may have stored from the rest.
    fn part_from_doubtful(drafts: Vec<Draft>) -> (Vec<Draft>, Vec<Draft>) {
        let is_doubtful = |draft: &Draft| draft.in_doubt && draft.is_waiting();
        drafts.into_iter().partition(is_doubtful)
    }

    /// Puts off what must be looked up before it is sent again: it stays in the journal, and waits.
    async fn put_off(
        &mut self,
        mailbox: &str,
        doubtful: &[Draft],
        aside: Aside,
        journal: &mut Journal,
    ) -> Result<(), StageError> {
        if doubtful.is_empty() {
            return Ok(());
        }
        let until = match aside {
            Aside::Until(until) => until,
            Aside::Never(_) => in_millis(LONG_PAUSE),
        };
        for draft in doubtful {
            let settlement = Aside::Until(until).settlement();
            journal.settle(draft.delivery, settlement).await?;
        }
        let since = self
            .doubts
            .get(mailbox)
            .map_or_else(Position::default, |doubt| doubt.since);
        let begun = Begun {
            mailbox: mailbox.to_owned(),
            uid_validity: since.uid_validity,
            uid_next: since.uid_next,
            deliveries: doubtful.iter().map(|draft| draft.delivery).collect(),
        };
        journal.begin(vec![begun]).await
    }

    /// Leaves the open mailbox without a last look: whoever looks up what is open takes it. What was removed
    /// from it counts.
    pub(super) fn leave_session(&mut self, journal: &mut Journal) {
        let session = self.session.take();
        if let Some((delivery, copies)) = session.and_then(|session| session.removed()) {
            journal.note_copies(delivery, copies);
        }
    }

    pub(super) fn leave_open(
        &mut self,
        error: TargetError,
        journal: &mut Journal,
    ) -> Result<(), StageError> {
        self.leave_session(journal);
        let (verdict, action) = match &error {
            TargetError::Fenced => (Verdict::Superseded, "keep lease"),
            TargetError::Lapsed { .. } => (Verdict::Wait, "renew lease"),
            _ => (Verdict::Wait, "reach mailboxes"),
        };
        Err(StageError::new(verdict, action, error))
    }
}
