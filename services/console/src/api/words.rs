//! How the API writes what the services say in numbers.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;

use super::Problem;

/// A word of an enumeration: `RUN_STATE_NOTHING_NEW` is `nothing_new`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    let word = name.strip_prefix(prefix).unwrap_or(name);
    word.trim_start_matches('_').to_ascii_lowercase()
}

/// Refuses paths and queries with a NUL: no name has one, and not every database takes it.
pub(super) async fn refuse_unprintable(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let has_nul = |text: &str| text.contains("%00");
    if has_nul(uri.path()) || uri.query().is_some_and(has_nul) {
        return Problem::unprocessable("The address has a character that none can have.")
            .into_response();
    }
    next.run(request).await
}

/// A name of a request's body.
pub(super) fn name(key: &str, text: String) -> Result<String, Problem> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Problem::unprocessable(format!("{key}: give a name.")));
    }
    Ok(text)
}

/// How many entries a page has: what a request says, from 1 on.
pub(super) fn limit(asked: Option<u32>, default: u32, most: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(default);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    let problem = format!("limit: give 1 to {most}.");
    Err(Problem::unprocessable(problem))
}

/// A number of control's, which has one bit less; 0 where none is given.
pub(super) fn number(name: &str, asked: Option<u64>) -> Result<i64, Problem> {
    let number = i64::try_from(asked.unwrap_or_default());
    number.map_err(|_| Problem::unprocessable(format!("{name}: there is no such number.")))
}

/// A time of control's, Unix seconds.
pub(super) fn time(seconds: i64) -> String {
    chatkeep_report::time(seconds)
}

/// A time of control's, Unix milliseconds.
pub(super) fn precise_time(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds);
    time.map_or_else(|_| String::new(), |time| time.to_string())
}

/// A time of a request.
pub(super) fn read_time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let problem = || format!("{name}: give a time like 2026-03-01T00:00:00Z.");
    text.parse().map_err(|_| Problem::unprocessable(problem()))
}

/// When a UTC day of a request begins, Unix seconds.
pub(super) fn read_day(name: &str, text: &str) -> Result<i64, Problem> {
    let day = text.parse::<jiff::civil::Date>();
    let begin = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC));
    let begin = begin
        .map_err(|_| Problem::unprocessable(format!("{name}: give a day like 2026-03-01.")))?;
    Ok(begin.timestamp().as_second())
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::RunState;

    use super::*;

    #[test]
    fn an_enumeration_is_written_in_words() {
        let state = RunState::SucceededWithExceptions.as_str_name();
        assert_eq!(word(state, "RUN_STATE"), "succeeded_with_exceptions");
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        assert_eq!(read_day("from", "2025-03-10").unwrap(), 1_741_564_800);
        assert!(read_day("from", "tomorrow").is_err());
    }
}
