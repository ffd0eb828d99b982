use std::{
    error::Error,
    time::{Duration, Instant},
};

use chatkeep_pipeline::{StageError, crash_point};
use chatkeep_proto::v1::Begun;

use super::{
    doubt::Doubt,
    draft::{Aside, Draft, PartState, settle},
    journal::Journal,
    permit::Permit,
    shard::Shard,
};
use crate::target::{Message, Outcome, Position, Refusal, TargetError};

/// How often a connection may break off at one message before it is the message's fault.
const BREAKS: u32 = 3;

impl Shard {
    /// Sends what waits, and settles all. A connection that breaks off is followed by a pause, a
    /// look-up and another try with less at a time.
    pub(super) async fn send(
        &mut self,
        begun: Begun,
        since: Instant,
        mut drafts: Vec<Draft>,
        journal: &mut Journal,
    ) -> Result<(), StageError> {
        let position = Position {
            uid_validity: begun.uid_validity,
            uid_next: begun.uid_next,
        };
        let mailbox = begun.mailbox.clone();
        self.sent = Some((mailbox.clone(), position));
        let permit = Permit::new(journal, begun, since, self.permission());
        let mut breaks = Breaks::default();
        while let Some(error) = self
            .append(&mut drafts, breaks.one_at_a_time(), &permit)
            .await
        {
            if !matches!(error, TargetError::Lost { .. }) {
                // Where a look-up that is put off begins.
                let doubt = self.doubts.entry(mailbox.clone());
                doubt.or_insert_with(|| Doubt::since(position));
                return self.give_back(&mailbox, drafts, error, journal).await;
            }
            tracing::warn!(
                error = &error as &dyn Error,
                "connection to mailbox broke off"
            );
            self.leave_session(journal);
            self.wait_for(self.around.term).await;
            for draft in &mut drafts {
                draft.in_doubt |= draft.is_waiting();
            }
            let looked = self
                .look_again(&mailbox, position, &mut drafts, journal)
                .await;
            if let Err(error) = looked {
                return self.leave_open(error, journal);
            }
            breaks.count(&mut drafts);
        }
        crash_point("done");
        if let Some(session) = &mut self.session
            && let Some(draft) = drafts.first()
        {
            session.note(draft.delivery);
        }
        if is_over_quota(&drafts) {
            let reason = Refusal::Quota.reason();
            self.asides.insert(mailbox, Aside::Never(reason));
        }
        settle(journal, &drafts, None).await
    }

    /// How long a permission to send may be used: without end where nothing can arrive late.
    fn permission(&self) -> Duration {
        if self.around.target.needs_fence() {
            self.around.term
        } else {
            Duration::MAX
        }
    }

    /// One try, of all that waits or of one message after the other.
    async fn append(
        &mut self,
        drafts: &mut [Draft],
        one_at_a_time: bool,
        permit: &Permit,
    ) -> Option<TargetError> {
        let lost = |source: &'static str| TargetError::Lost {
            source: source.into(),
        };
        loop {
            let mut waiting: Vec<_> = drafts
                .iter_mut()
                .flat_map(|draft| &mut draft.parts)
                .filter(|part| part.state == PartState::Waiting)
                .collect();
            if one_at_a_time {
                waiting.truncate(1);
            }
            if waiting.is_empty() {
                return None;
            }
            let Some(session) = &mut self.session else {
                return Some(lost("no mailbox is open"));
            };
            let messages: Vec<Message> = waiting.iter().map(|part| part.message.clone()).collect();
            let appended = session.mailbox.append(&messages, permit).await;
            for (part, outcome) in waiting.iter_mut().zip(&appended.outcomes) {
                part.state = (*outcome).into();
            }
            let all_told = appended
                .outcomes
                .iter()
                .all(|outcome| *outcome != Outcome::NotStored);
            if appended.stopped.is_some() {
                return appended.stopped;
            }
            if !all_told {
                return Some(lost("the target neither stored nor refused a message"));
            }
        }
    }

    async fn look_again(
        &mut self,
        mailbox: &str,
        since: Position,
        drafts: &mut [Draft],
        journal: &mut Journal,
    ) -> Result<(), TargetError> {
        self.open(mailbox, journal).await?;
        match &mut self.session {
            Some(session) => session.look_up(drafts, since, &self.around.domain).await,
            None => Ok(()),
        }
    }
}

/// Breaks of the connection while the same messages are being sent.
#[derive(Default)]
struct Breaks {
    all: u32,
    /// The message that is first in line, and how often it was when the connection broke off.
    at: (String, u32),
}

impl Breaks {
    fn one_at_a_time(&self) -> bool {
        self.all >= 2
    }

    /// Counts a break, after the look-up. The message at which connections break off is given up, so
    /// that the others get their turn.
    fn count(&mut self, drafts: &mut [Draft]) {
        let was_alone = self.one_at_a_time();
        self.all += 1;
        let mut parts = drafts.iter_mut().flat_map(|draft| &mut draft.parts);
        let Some(first) = parts.find(|part| part.state == PartState::Waiting) else {
            return;
        };
        if !was_alone || self.at.0 != first.message.id {
            self.at = (first.message.id.clone(), 0);
        }
        self.at.1 += u32::from(was_alone);
        if self.at.1 >= BREAKS {
            first.state = PartState::Breaking;
        }
    }
}

fn is_over_quota(drafts: &[Draft]) -> bool {
    let mut parts = drafts.iter().flat_map(|draft| &draft.parts);
    parts.any(|part| part.state == PartState::Refused(Refusal::Quota))
}
