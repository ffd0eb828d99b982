use chatkeep_proto::v1::{DataLossHorizon, RunState};

/// The words of a run's state.
pub fn status(state: RunState, reason: &str) -> String {
    match state {
        RunState::Unspecified => "unknown".to_owned(),
        RunState::Running => "running".to_owned(),
        RunState::Paused => format!("paused: {reason}"),
        RunState::Succeeded => "succeeded".to_owned(),
        RunState::SucceededWithExceptions => "succeeded with exceptions".to_owned(),
        RunState::Unreconciled => "failed: unreconciled".to_owned(),
        RunState::Failed => format!("failed: {reason}"),
        RunState::NothingNew => "nothing new".to_owned(),
        RunState::Cancelled => "cancelled".to_owned(),
    }
}

/// A number with thousands separated: `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time of control's, Unix seconds, as the user reads it: `2026-03-01T01:00:00Z`. Empty when it is none.
pub fn time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or_else(|_| String::new(), |time| time.to_string())
}

/// The UTC day in which a time is: `2026-03-01`. Empty when it is none.
pub fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    let day = time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
    day.map_or_else(|_| String::new(), |day| day.to_string())
}

/// From when to when; both in Unix seconds.
pub fn window(from: Option<i64>, to: Option<i64>) -> String {
    let day = |seconds: i64| time(seconds).replace("T00:00:00Z", "");
    match (from.map(day), to.map(day)) {
        (None, None) => "everything there is".to_owned(),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(to)) => format!("before {to}"),
        (Some(from), Some(to)) => format!("from {from} to before {to}"),
    }
}

/// Whether somebody must act before unread rows of a database are purged; `now` in Unix seconds.
pub fn is_near(horizon: &DataLossHorizon, now: i64) -> bool {
    let left = horizon.purged.map(|purged| purged.saturating_sub(now));
    left.is_some_and(|left| left < horizon.margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(12_345_678), "12,345,678");
    }
}
