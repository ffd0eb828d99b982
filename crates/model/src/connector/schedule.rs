use std::time::Duration;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::UtcTime;

/// When scheduled runs start: at slots, `every` so often, counted from `at` on 1970-01-01.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Time between runs.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// UTC time of day, `HH:MM`.
    pub at: String,
    /// While deliveries are held, directory and custom mapping are read again so long after the newest run
    /// was opened, and what they have learned is delivered.
    #[serde(with = "humantime_serde")]
    pub refresh: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            every: Duration::from_hours(24),
            at: "01:00".to_owned(),
            refresh: Duration::from_hours(1),
        }
    }
}

impl Schedule {
    /// The first slot at this time or after it.
    pub fn slot_from(&self, time: UtcTime) -> UtcTime {
        let slot = self.slot_until(time);
        if slot == time {
            slot
        } else {
            UtcTime::from_nanos(slot.nanos().saturating_add(self.every()))
        }
    }

    /// The last slot at this time or before it.
    pub fn slot_until(&self, time: UtcTime) -> UtcTime {
        let since = time.nanos().saturating_sub(self.first());
        UtcTime::from_nanos(time.nanos() - since.rem_euclid(self.every()))
    }

    /// The time of day of `at`; `None` when it is none.
    pub(super) fn time_of_day(&self) -> Option<Time> {
        Time::strptime("%H:%M", &self.at).ok()
    }

    /// The slot on 1970-01-01, nanoseconds.
    fn first(&self) -> i64 {
        let at = self.time_of_day().unwrap_or_default();
        UtcTime::from_seconds(i64::from(at.hour()) * 3_600 + i64::from(at.minute()) * 60).nanos()
    }

    /// Nanoseconds between slots.
    fn every(&self) -> i64 {
        i64::try_from(self.every.as_nanos())
            .unwrap_or(i64::MAX)
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(every: &str, at: &str) -> Schedule {
        toml::from_str(&format!("every = \"{every}\"\nat = \"{at}\"")).unwrap()
    }

    fn time(text: &str) -> UtcTime {
        let time: jiff::Timestamp = text.parse().unwrap();
        UtcTime::from_seconds(time.as_second())
    }

    #[test]
    fn a_daily_slot_is_at_its_time_of_day() {
        let daily = schedule("24h", "01:30");

        let next = |text| daily.slot_from(time(text)).to_string();

        assert_eq!(next("2026-03-01T01:29:59Z"), "2026-03-01T01:30:00Z");
        assert_eq!(next("2026-03-01T01:30:00Z"), "2026-03-01T01:30:00Z");
        assert_eq!(next("2026-03-01T01:30:01Z"), "2026-03-02T01:30:00Z");
    }

    #[test]
    fn slots_between_are_as_far_apart_as_every_says() {
        let often = schedule("6h", "01:00");

        let slots = ["2026-03-01T00:59:00Z", "2026-03-01T12:00:00Z"];

        let last = slots.map(|text| often.slot_until(time(text)).to_string());
        assert_eq!(last, ["2026-02-28T19:00:00Z", "2026-03-01T07:00:00Z"]);
    }
}
