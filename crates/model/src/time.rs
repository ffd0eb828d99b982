use std::fmt;

use serde::{Deserialize, Serialize};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// .NET ticks (100 ns since 0001-01-01) at the Unix epoch.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;

/// A moment in UTC, in nanoseconds since the Unix epoch (1677 to 2262).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcTime(i64);

/// A UTC day, in days since 1970-01-01.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcDay(pub i32);

impl UtcTime {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds since the Unix epoch; saturates beyond 1677 and 2262.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// From .NET ticks, 100 ns since 0001-01-01 UTC, as Persistent Chat stores them.
    /// `None` outside 1677 to 2262.
    pub fn from_ticks(ticks: i64) -> Option<Self> {
        let since_epoch = ticks.checked_sub(TICKS_AT_EPOCH)?;
        since_epoch.checked_mul(100).map(Self)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// The UTC day this moment lies in.
    pub fn day(self) -> UtcDay {
        let days = self.seconds().div_euclid(SECONDS_PER_DAY);
        UtcDay(i32::try_from(days).unwrap_or(0))
    }
}

impl UtcDay {
    /// Midnight at the start of the day.
    pub fn start(self) -> UtcTime {
        UtcTime::from_seconds(i64::from(self.0) * SECONDS_PER_DAY)
    }
}

/// As RFC 3339 in UTC, with as many fractional digits as needed.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// As `YYYY-MM-DD`.
impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start().to_string();
        f.write_str(start.get(..10).unwrap_or(&start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_agree_with_the_published_sample() {
        // MicrosoftDocs, configure-compliance.md: since1970="1212610540953" long="633482073409535482"
        let time = UtcTime::from_ticks(633_482_073_409_535_482).unwrap();

        assert_eq!(time.nanos() / 1_000_000, 1_212_610_540_953);
        assert_eq!(time.to_string(), "2008-06-04T20:15:40.9535482Z");
    }

    #[test]
    fn days_before_1970_round_down() {
        assert_eq!(UtcTime::from_seconds(-1).day(), UtcDay(-1));
        assert_eq!(UtcDay(-1).to_string(), "1969-12-31");
    }
}
