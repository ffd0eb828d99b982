//! The end of a holder that was replaced.

use std::error::Error;

use super::{journal::Journal, session::Session, shard::Shard};
use crate::target::TargetError;

impl Shard {
    /// Leaves the shard to its new holder. A process that stood still between its last look at the lease
    /// and the bytes that followed has sent them late, beside what the new holder sent, who may have
    /// looked for the last time before: extra copies are removed here. Both may do it, for both keep the
    /// copy that came first.
    pub(super) async fn part(&mut self, journal: &Journal) {
        if !self.around.target.needs_fence() {
            return;
        }
        match self.remove_late_copies().await {
            Ok(copies) => journal.report_copies(copies).await,
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(
                    error,
                    "mailbox not looked at again after the lease was lost"
                );
            }
        }
    }

    async fn remove_late_copies(&mut self) -> Result<usize, TargetError> {
        // Whether the old connection still answers nobody knows.
        self.session = None;
        let Some((mailbox, since)) = self.sent.take() else {
            return Ok(0);
        };
        let opened = self.around.target.open(&mailbox).await?;
        let session = Session::new(mailbox, opened);
        session.part(since, &self.around.domain).await
    }
}
