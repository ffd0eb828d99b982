use chatkeep_model::UtcTime;
use jiff::{Timestamp, civil, fmt::rfc2822, tz::TimeZone};

/// Exporters get the day of the week wrong before they get the date wrong.
static RFC2822: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);

/// Reads a date field: RFC 5322 with or without its zone (then UTC), or RFC 3339. Forms that depend on
/// a country's order of day and month are not guessed.
pub(super) fn parse(value: &str) -> Option<UtcTime> {
    let value = value.trim();
    let time = RFC2822
        .parse_timestamp(value)
        .or_else(|_| RFC2822.parse_timestamp(format!("{value} +0000")))
        .or_else(|_| value.parse::<Timestamp>());
    time.ok().and_then(from_timestamp)
}

/// The time of a `Received` field: behind its last semicolon.
pub(super) fn of_received(value: &str) -> Option<UtcTime> {
    value.rsplit_once(';').and_then(|(_, date)| parse(date))
}

/// The UTC time in a file name such as `20161014102249877_1_p2p.eml`.
pub(super) fn of_file_name(name: &str) -> Option<UtcTime> {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    if digits.len() < 14 {
        return None;
    }
    let time = civil::DateTime::strptime("%Y%m%d%H%M%S", &digits[..14]).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    from_timestamp(time.timestamp())
}

fn from_timestamp(time: Timestamp) -> Option<UtcTime> {
    let nanos = i64::try_from(time.as_nanosecond()).ok()?;
    Some(UtcTime::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<String> {
        parse(value).map(|time| time.to_string())
    }

    #[test]
    fn mail_dates_become_utc() {
        let expected = Some("2016-10-14T10:22:49Z".to_owned());

        assert_eq!(read("Fri, 14 Oct 2016 12:22:49 +0200"), expected);
        assert_eq!(read("Mon, 14 Oct 2016 10:22:49 GMT"), expected);
        assert_eq!(read("14 Oct 2016 10:22:49"), expected);
        assert_eq!(read("2016-10-14T10:22:49Z"), expected);
        assert_eq!(read("10/14/2016 10:22:49 AM"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn file_names_and_received_fields_stand_in() {
        let of_name = of_file_name("20161014102249877_1_p2p.eml").unwrap();
        let received = of_received("from a by b; Fri, 14 Oct 2016 10:22:49 +0000").unwrap();

        assert_eq!(of_name.to_string(), "2016-10-14T10:22:49Z");
        assert_eq!(received, of_name);
        assert_eq!(of_file_name("20169914102249877_1_p2p.eml"), None);
        assert_eq!(of_file_name("message.eml"), None);
    }
}
