use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Messages that are remembered.
const REMEMBERED: usize = 4_096;
/// A message is given up after so many requests of which nobody knows what became of them. The pauses
/// between them double, up to an hour: it takes most of a day.
const MOST: u32 = 24;
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Messages whose requests were lost, by Message-ID: how often.
#[derive(Debug, Default)]
pub(crate) struct Stumbles(Mutex<HashMap<String, u32>>);

impl Stumbles {
    /// Notes that nobody knows what became of a message; how long to leave its mailbox alone, at least
    /// `least`.
    pub(crate) fn stumbled(&self, message: &str, least: Duration) -> Duration {
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let times = known.entry(message.to_owned()).or_default();
        let pause = least.saturating_mul(1 << (*times).min(12));
        *times += 1;
        pause.min(LONGEST_PAUSE).max(least)
    }

    /// Notes that a message arrived.
    pub(crate) fn arrived(&self, message: &str) {
        self.known().remove(message);
    }

    /// How often a message was lost.
    pub(crate) fn of(&self, message: &str) -> u32 {
        self.known().get(message).copied().unwrap_or_default()
    }

    /// Whether a message was tried often enough.
    pub(crate) fn is_given_up(&self, message: &str) -> bool {
        self.of(message) >= MOST
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_lost_again_and_again_is_given_up_at_last() {
        let stumbles = Stumbles::default();
        let least = Duration::from_mins(2);
        let mut all = Duration::ZERO;
        while !stumbles.is_given_up("<a>") {
            all += stumbles.stumbled("<a>", least);
        }

        assert!(
            all > Duration::from_hours(12) && all < Duration::from_hours(24),
            "{all:?}"
        );
        assert!(!stumbles.is_given_up("<b>"));
        stumbles.arrived("<a>");
        assert_eq!(stumbles.stumbled("<a>", least), least);
    }
}
