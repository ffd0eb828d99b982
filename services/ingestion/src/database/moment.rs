use std::fmt;

use chatkeep_model::UtcTime;
use serde::{Deserialize, Serialize};

/// Days from 1900-01-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 25_567;
const SECONDS_PER_DAY: i64 = 86_400;
/// Parts of a second that `datetime` tells apart.
const TICKS_PER_SECOND: i64 = 300;

/// A `datetime` of SQL Server, exactly as it was read: days since 1900-01-01 and 1/300 seconds since
/// midnight ([MS-TDS] 2.2.5.5.1.8). Rounded to milliseconds it would no longer be equal to itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct Moment {
    pub(crate) days: i32,
    pub(crate) ticks: u32,
}

impl Moment {
    /// Whole seconds since the Unix epoch; a `datetime` holds them exactly. Saturates at the years 1753
    /// and 9999, where `datetime` ends.
    pub(crate) fn from_seconds(seconds: i64) -> Self {
        const FIRST: i64 = -6_847_804_800;
        const LAST: i64 = 253_402_300_799;
        let seconds = seconds.clamp(FIRST, LAST);
        let days = seconds.div_euclid(SECONDS_PER_DAY) + DAYS_TO_EPOCH;
        let ticks = seconds.rem_euclid(SECONDS_PER_DAY) * TICKS_PER_SECOND;
        Self {
            days: i32::try_from(days).unwrap_or_default(),
            ticks: u32::try_from(ticks).unwrap_or_default(),
        }
    }

    /// The moment in whole milliseconds, rounded as SQL Server shows it: .000, .003, .007.
    pub(crate) fn time(self) -> UtcTime {
        let seconds = (i64::from(self.days) - DAYS_TO_EPOCH) * SECONDS_PER_DAY;
        let millis = (i64::from(self.ticks) * 20 + 3) / 6;
        let nanos = UtcTime::from_seconds(seconds)
            .nanos()
            .saturating_add(millis * 1_000_000);
        UtcTime::from_nanos(nanos)
    }

    /// 1/300 seconds since 1900-01-01: what a row's identity holds.
    pub(crate) fn number(self) -> i64 {
        i64::from(self.days) * SECONDS_PER_DAY * TICKS_PER_SECOND + i64::from(self.ticks)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.time(), f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirds_of_a_centisecond_are_shown_as_sql_server_shows_them() {
        let shown = |ticks| {
            Moment {
                days: 45_000,
                ticks,
            }
            .to_string()
        };

        assert_eq!(shown(0), "2023-03-17T00:00:00Z");
        assert_eq!(shown(1), "2023-03-17T00:00:00.003Z");
        assert_eq!(shown(2), "2023-03-17T00:00:00.007Z");
        assert_eq!(shown(3), "2023-03-17T00:00:00.01Z");
        assert_eq!(shown(25_919_999), "2023-03-17T23:59:59.997Z");
    }

    proptest! {
        #[test]
        fn whole_seconds_come_back(seconds in -6_847_804_800_i64..9_000_000_000) {
            prop_assert_eq!(Moment::from_seconds(seconds).time().seconds(), seconds);
        }

        #[test]
        fn order_and_number_agree(
            one in (0..60_000_i32, 0..25_920_000_u32),
            two in (0..60_000_i32, 0..25_920_000_u32),
        ) {
            let [one, two] = [one, two].map(|(days, ticks)| Moment { days, ticks });
            prop_assert_eq!(one.cmp(&two), one.number().cmp(&two.number()));
            prop_assert!(one > two || one.time() <= two.time());
        }
    }
}
