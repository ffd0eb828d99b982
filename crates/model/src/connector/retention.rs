use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Seconds of a day and of an hour.
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// How long an Archiving Server keeps what it has archived: with `EnablePurging`, as
/// `Get-CsArchivingConfiguration` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// `KeepArchivingDataForDays`, 1 to 2562.
    pub days: u16,
    /// `PurgeHourOfDay`, 0 to 23, as an hour of UTC.
    #[serde(default = "default_purge_hour")]
    pub purge_hour: u8,
    /// How long before unread rows are purged somebody must know; by default half of `days`.
    #[serde(
        default,
        with = "humantime_serde",
        skip_serializing_if = "Option::is_none"
    )]
    pub margin: Option<Duration>,
}

fn default_purge_hour() -> u8 {
    2
}

impl Retention {
    /// When a row of this time is purged at the earliest; both in Unix seconds.
    pub fn purged_at(&self, row: i64) -> i64 {
        let expired = row.saturating_add(i64::from(self.days) * DAY);
        let hour = i64::from(self.purge_hour) * HOUR;
        let until_purge = (hour - expired.rem_euclid(DAY)).rem_euclid(DAY);
        expired.saturating_add(until_purge)
    }

    /// How long before unread rows are purged somebody must know, seconds.
    pub fn margin(&self) -> i64 {
        let half = i64::from(self.days) * DAY / 2;
        let seconds = self.margin.map(|margin| i64::try_from(margin.as_secs()));
        seconds.map_or(half, |seconds| seconds.unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Retention = Retention {
        days: 14,
        purge_hour: 2,
        margin: None,
    };

    #[test]
    fn a_row_is_purged_at_the_first_purge_after_its_days() {
        let noon = 12 * HOUR;

        assert_eq!(RETENTION.purged_at(noon), 15 * DAY + 2 * HOUR);
        assert_eq!(RETENTION.purged_at(HOUR), 14 * DAY + 2 * HOUR);
        assert_eq!(RETENTION.purged_at(2 * HOUR), 14 * DAY + 2 * HOUR);
    }

    #[test]
    fn half_of_the_days_is_the_margin_unless_another_is_given() {
        let week = Retention {
            margin: Some(Duration::from_hours(24)),
            ..RETENTION
        };

        assert_eq!(RETENTION.margin(), 7 * DAY);
        assert_eq!(week.margin(), DAY);
    }
}
