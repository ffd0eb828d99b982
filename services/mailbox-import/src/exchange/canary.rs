//! The first message of a process in a tenant or on a server: what no test outside of Microsoft can prove is looked at
//! before thousands follow.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;

use crate::target::TargetError;

/// How long a failure is believed before another message is tried.
const BELIEVED: Duration = Duration::from_mins(5);

/// Whether messages come out as they should.
#[derive(Debug, Default)]
pub(crate) enum Canary {
    /// None was looked at yet.
    #[default]
    Unknown,
    /// They do.
    Alive,
    /// One did not.
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
}

/// What a message came out as.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Looked {
    pub(crate) is_draft: bool,
    pub(crate) is_read: bool,
    pub(crate) received_date_time: Timestamp,
}

impl Canary {
    /// Whether there is nothing left to look at. An error as long as a failure is believed.
    pub(crate) fn is_over(&self) -> Result<bool, TargetError> {
        match self {
            Self::Dead(since, wrong) if since.elapsed() < BELIEVED => Err(setup(*wrong)),
            Self::Alive => Ok(true),
            Self::Unknown | Self::Dead(..) => Ok(false),
        }
    }

    /// Judges a message that should have been received at `date`, Unix seconds.
    pub(crate) fn judge(&mut self, looked: Looked, date: i64) -> Result<(), TargetError> {
        match looked.flaw(date) {
            None => {
                *self = Self::Alive;
                Ok(())
            }
            Some(wrong) => {
                *self = Self::Dead(Instant::now(), wrong);
                Err(setup(wrong))
            }
        }
    }
}

impl Looked {
    fn flaw(self, date: i64) -> Option<Wrong> {
        if self.is_draft {
            Some(Wrong::Draft)
        } else if !self.is_read {
            Some(Wrong::Unread)
        } else if self.received_date_time.as_second() != date {
            Some(Wrong::Date)
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

    #[test]
    fn drafts_unread_messages_and_other_dates_are_wrong() {
        let looked = |is_draft, is_read, second| Looked {
            is_draft,
            is_read,
            received_date_time: Timestamp::from_second(second).unwrap(),
        };

        assert_eq!(looked(false, true, 5).flaw(5), None);
        assert_eq!(looked(true, true, 5).flaw(5), Some(Wrong::Draft));
        assert_eq!(looked(false, false, 5).flaw(5), Some(Wrong::Unread));
        assert_eq!(looked(false, true, 6).flaw(5), Some(Wrong::Date));
    }
}
