//! The end of a holder that was replaced.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use super::{journal::Journal, session::Session, shard::Shard};
use crate::target::{Position, TargetError};

/// For how long a target that does not let itself be looked at is asked again. Well below the 30 minutes
/// after which a broker gives a message to somebody else.
const PATIENCE: Duration = Duration::from_mins(10);
/// Between the first two tries; doubled from try to try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Shard {
    /// Leaves the shard to its new holder. A process that stood still between its last look at the lease
    /// and the bytes that followed has sent them late, beside what the new holder sent, who may have
    /// looked for the last time before: extra copies are removed here. Both may do it, for both keep the
    /// copy that came first.
    pub(super) async fn part(&mut self, journal: &mut Journal) {
        if !self.around.target.needs_fence() {
            return;
        }
        // Whether the old connection still answers nobody knows.
        self.leave_session(journal);
        let copies = match self.sent.take() {
            Some((mailbox, since)) => self.look_until_seen(&mailbox, since).await,
            None => 0,
        };
        journal.report_copies(copies).await;
    }

    /// Removes late copies, and tries again while the target is away: nobody else looks any more.
    async fn look_until_seen(&self, mailbox: &str, since: Position) -> usize {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.remove_late_copies(mailbox, since).await {
                Ok(copies) => return copies,
                Err(error) => error,
            };
            let is_over = begun.elapsed() >= PATIENCE || self.around.shutdown.is_cancelled();
            tell(&error, is_over);
            if is_over {
                return 0;
            }
            self.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn remove_late_copies(
        &self,
        mailbox: &str,
        since: Position,
    ) -> Result<usize, TargetError> {
        let opened = self.around.target.open(mailbox).await?;
        let session = Session::new(mailbox.to_owned(), opened);
        session.part(since, &self.around.domain).await
    }
}

fn tell(error: &TargetError, is_over: bool) {
    let error = error as &dyn Error;
    if is_over {
        tracing::error!(
            error,
            "mailbox not looked at again after the lease was lost: a message may stand in it twice, \
             which verifying the run shows"
        );
    } else {
        tracing::warn!(error, "look at mailbox again after lost lease");
    }
}
