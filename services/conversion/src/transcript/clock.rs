//! Times as people read them.

use chatkeep_model::UtcTime;
use jiff::{Timestamp, tz::TimeZone};

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day of the Gregorian calendar, in days since 1970-01-01 of its own zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) i64);

/// Converts times into one time zone. Remembers the offset between two of its changes, because a
/// conversation seldom crosses one.
#[derive(Debug)]
pub(crate) struct Clock<'a> {
    zone: &'a TimeZone,
    from: i64,
    until: i64,
    offset: i64,
    abbreviation: String,
}

impl<'a> Clock<'a> {
    /// A clock that shows the time of this zone.
    pub(crate) fn new(zone: &'a TimeZone) -> Self {
        let mut clock = Self {
            zone,
            from: 0,
            until: 0,
            offset: 0,
            abbreviation: String::new(),
        };
        if *zone == TimeZone::UTC {
            clock.abbreviation.push_str("UTC");
            (clock.from, clock.until) = (i64::MIN, i64::MAX);
        }
        clock
    }

    /// Writes `HH:MM:SS ZONE` and returns the day.
    pub(crate) fn write(&mut self, time: UtcTime, text: &mut String) -> Day {
        let local = self.local(time);
        write_time(local.rem_euclid(86_400), text);
        text.push(' ');
        text.push_str(&self.abbreviation);
        Day(local.div_euclid(86_400))
    }

    fn local(&mut self, time: UtcTime) -> i64 {
        let seconds = time.seconds();
        if !(self.from..self.until).contains(&seconds) {
            self.look_up(seconds);
        }
        seconds + self.offset
    }

    fn look_up(&mut self, seconds: i64) {
        let Ok(at) = Timestamp::from_second(seconds) else {
            return;
        };
        let info = self.zone.to_offset_info(at);
        self.offset = i64::from(info.offset().seconds());
        self.abbreviation.clear();
        self.abbreviation.push_str(info.abbreviation());
        self.from = seconds;
        let change = self.zone.following(at).next();
        self.until = change.map_or(i64::MAX, |change| change.timestamp().as_second());
    }
}

impl Day {
    /// E.g. `Monday, 5 June 2017`.
    pub(crate) fn write(self, text: &mut String) {
        let (year, month, day) = self.civil();
        text.push_str(DAYS[self.weekday()]);
        text.push_str(", ");
        write_number(day, text);
        text.push(' ');
        text.push_str(MONTHS[month]);
        text.push(' ');
        write_number(year, text);
    }

    /// From Monday, 0.
    fn weekday(self) -> usize {
        usize::try_from((self.0 + 3).rem_euclid(7)).unwrap_or(0)
    }

    /// Year, month from 0, day of month (Howard Hinnant, `civil_from_days`).
    fn civil(self) -> (i64, usize, i64) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = (march_month + 2) % 12;
        let year = year_of_era + era * 400 + i64::from(month < 2);
        (year, usize::try_from(month).unwrap_or(0), day)
    }
}

/// RFC 5322 `date-time` in UTC, e.g. `Mon, 05 Jun 2017 09:15:02 +0000`.
pub(crate) fn write_rfc5322(time: UtcTime, header: &mut String) {
    let seconds = time.seconds();
    let day = Day(seconds.div_euclid(86_400));
    let (year, month, day_of_month) = day.civil();
    header.push_str(&DAYS[day.weekday()][..3]);
    header.push_str(", ");
    write_two_digits(day_of_month, header);
    header.push(' ');
    header.push_str(&MONTHS[month][..3]);
    header.push(' ');
    write_number(year, header);
    header.push(' ');
    write_time(seconds.rem_euclid(86_400), header);
    header.push_str(" +0000");
}

/// RFC 3339 in UTC with as many fractional digits as needed.
pub(crate) fn write_rfc3339(time: UtcTime, header: &mut String) {
    let seconds = time.seconds();
    let (year, month, day) = Day(seconds.div_euclid(86_400)).civil();
    write_number(year, header);
    header.push('-');
    write_two_digits(i64::try_from(month).unwrap_or(0) + 1, header);
    header.push('-');
    write_two_digits(day, header);
    header.push('T');
    write_time(seconds.rem_euclid(86_400), header);
    let nanos = time.nanos().rem_euclid(1_000_000_000);
    if nanos != 0 {
        let fraction = format!(".{nanos:09}");
        header.push_str(fraction.trim_end_matches('0'));
    }
    header.push('Z');
}

/// Decimal digits.
pub(crate) fn write_number(number: i64, text: &mut String) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        text.push('-');
    }
    text.extend(digits[at..].iter().copied().map(char::from));
}

fn write_time(second_of_day: i64, text: &mut String) {
    write_two_digits(second_of_day / 3_600, text);
    text.push(':');
    write_two_digits(second_of_day / 60 % 60, text);
    text.push(':');
    write_two_digits(second_of_day % 60, text);
}

fn write_two_digits(number: i64, text: &mut String) {
    let digit = |number: i64| char::from(b'0' + u8::try_from(number % 10).unwrap_or(0));
    text.push(digit(number / 10));
    text.push(digit(number));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(zone: &str, seconds: i64) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let mut text = String::new();
        let day = Clock::new(&zone).write(UtcTime::from_seconds(seconds), &mut text);
        text.push_str(" of ");
        day.write(&mut text);
        text
    }

    #[test]
    fn times_are_shown_in_the_zone_with_its_name() {
        assert_eq!(shown("UTC", 0), "00:00:00 UTC of Thursday, 1 January 1970");
        assert_eq!(
            shown("Europe/Berlin", 1_490_489_999),
            "01:59:59 CET of Sunday, 26 March 2017"
        );
        assert_eq!(
            shown("Europe/Berlin", 1_490_490_000),
            "03:00:00 CEST of Sunday, 26 March 2017"
        );
        assert_eq!(
            shown("Asia/Kolkata", 1_496_000_000),
            "01:03:20 IST of Monday, 29 May 2017"
        );
    }

    #[test]
    fn the_remembered_offset_ends_at_the_next_change() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let mut clock = Clock::new(&zone);
        let mut text = String::new();
        for seconds in [1_490_400_000, 1_490_490_000, 1_490_400_000] {
            clock.write(UtcTime::from_seconds(seconds), &mut text);
            text.push(' ');
        }

        assert_eq!(text, "01:00:00 CET 03:00:00 CEST 01:00:00 CET ");
    }

    #[test]
    fn headers_agree_with_jiff() {
        let days = [
            -106_751, -25_509, -1, 0, 58, 59, 60, 11_016, 17_000, 106_751,
        ];
        for nanos in days.map(|day: i64| day * 86_400_000_000_000 + 3_723_123_456_700) {
            let time = UtcTime::from_nanos(nanos);
            let (mut rfc3339, mut rfc5322) = (String::new(), String::new());
            write_rfc3339(time, &mut rfc3339);
            write_rfc5322(time, &mut rfc5322);
            let jiff = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();

            assert_eq!(rfc3339, jiff.to_string());
            assert_eq!(
                rfc5322,
                jiff.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
            );
        }
    }
}
