//! The first message of a process in a tenant or on a server, and the first with each retention tag: what no test
//! outside of Microsoft can prove is looked at before thousands follow.

use std::time::{Duration, Instant};

use chatkeep_model::connector::PolicyTag;
use jiff::Timestamp;

use crate::target::TargetError;

/// How long a failure is believed before another message is tried.
const BELIEVED: Duration = Duration::from_mins(5);

/// Whether messages come out as they should, by the retention tag they are given.
#[derive(Debug, Default)]
pub(crate) struct Canary(Vec<(Option<PolicyTag>, Judged)>);

/// What the message that was looked at last says of others.
#[derive(Clone, Copy, Debug)]
enum Judged {
    /// They come out as they should.
    Alive,
    /// They do not.
    Dead(Instant, Wrong),
}

/// What is wrong with a message that Exchange made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("Exchange makes imported messages drafts; nothing more is imported")]
    Draft,
    #[error("Exchange makes imported messages unread; nothing more is imported")]
    Unread,
    #[error("Exchange gives imported messages another received date; nothing more is imported")]
    Date,
    #[error(
        "Exchange does not keep the retention tag of imported messages (target.tag); nothing more is imported"
    )]
    Tag,
}

/// What a message came out as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looked {
    pub(crate) is_draft: bool,
    pub(crate) is_read: bool,
    pub(crate) received: Timestamp,
    /// Whether it has the retention tag that it was given; true where it was given none.
    pub(crate) has_tag: bool,
}

impl Canary {
    /// Whether there is nothing left to look at. An error as long as a failure is believed.
    pub(crate) fn is_over(&self, tag: Option<PolicyTag>) -> Result<bool, TargetError> {
        match self.0.iter().find(|(judged, _)| *judged == tag) {
            Some((_, Judged::Dead(since, wrong))) if since.elapsed() < BELIEVED => {
                Err(setup(*wrong))
            }
            Some((_, Judged::Alive)) => Ok(true),
            None | Some(_) => Ok(false),
        }
    }

    /// Judges a message that should have been received at `date`, Unix seconds, and was given this tag.
    pub(crate) fn judge(
        &mut self,
        looked: Looked,
        date: i64,
        tag: Option<PolicyTag>,
    ) -> Result<(), TargetError> {
        let flaw = looked.flaw(date);
        let judged = flaw.map_or(Judged::Alive, |wrong| Judged::Dead(Instant::now(), wrong));
        self.0.retain(|(before, _)| *before != tag);
        self.0.push((tag, judged));
        flaw.map_or(Ok(()), |wrong| Err(setup(wrong)))
    }
}

impl Looked {
    fn flaw(self, date: i64) -> Option<Wrong> {
        if self.is_draft {
            Some(Wrong::Draft)
        } else if !self.is_read {
            Some(Wrong::Unread)
        } else if self.received.as_second() != date {
            Some(Wrong::Date)
        } else if !self.has_tag {
            Some(Wrong::Tag)
        } else {
            None
        }
    }
}

fn setup(wrong: Wrong) -> TargetError {
    TargetError::Setup {
        source: wrong.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKED: Looked = Looked {
        is_draft: false,
        is_read: true,
        received: Timestamp::UNIX_EPOCH,
        has_tag: true,
    };

    #[test]
    fn drafts_unread_messages_other_dates_and_lost_tags_are_wrong() {
        let flaw = |change: fn(&mut Looked)| {
            let mut looked = LOOKED;
            change(&mut looked);
            looked.flaw(0)
        };

        assert_eq!(LOOKED.flaw(0), None);
        assert_eq!(flaw(|looked| looked.is_draft = true), Some(Wrong::Draft));
        assert_eq!(flaw(|looked| looked.is_read = false), Some(Wrong::Unread));
        assert_eq!(LOOKED.flaw(1), Some(Wrong::Date));
        assert_eq!(flaw(|looked| looked.has_tag = false), Some(Wrong::Tag));
    }

    #[test]
    fn each_retention_tag_has_a_message_of_its_own_looked_at() {
        let id = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
        let tag = Some(PolicyTag { id, days: 3_650 });
        let mut canary = Canary::default();
        canary.judge(LOOKED, 0, None).unwrap();
        assert!(!canary.is_over(tag).unwrap());

        let lost = Looked {
            has_tag: false,
            ..LOOKED
        };
        canary.judge(lost, 0, tag).unwrap_err();

        canary.is_over(tag).unwrap_err();
        assert!(canary.is_over(None).unwrap());
        canary.judge(LOOKED, 0, tag).unwrap();
        assert!(canary.is_over(tag).unwrap());
    }
}
