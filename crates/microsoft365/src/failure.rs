//! What an answer that is none means.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;

use crate::GraphError;

/// The longest name of an error that is passed on.
const LONGEST: usize = 100;

#[derive(Deserialize)]
struct Answer {
    error: Named,
}

#[derive(Deserialize)]
struct Named {
    code: String,
}

/// The error that an answer is. Graph carries out nothing that it answers with 4xx; what it answers with
/// 500, 502, 503 and 504 it may have ("Microsoft Graph error responses and resource types").
pub(crate) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> GraphError {
    let after = retry_after(headers, SystemTime::now());
    match status {
        StatusCode::TOO_MANY_REQUESTS => GraphError::Throttled {
            after,
            status: status.as_u16(),
        },
        StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => GraphError::Unavailable {
            after,
            maybe_done: true,
        },
        _ => GraphError::Refused {
            status: status.as_u16(),
            code: code(body),
        },
    }
}

/// The error that no answer is.
pub(crate) fn of_silence(error: &reqwest::Error) -> GraphError {
    if error.is_builder() {
        return GraphError::Invalid;
    }
    GraphError::Unavailable {
        after: None,
        // Without a connection nothing was sent; whatever else happened, something may have been.
        maybe_done: !error.is_connect(),
    }
}

fn code(body: &[u8]) -> String {
    let answer = serde_json::from_slice::<Answer>(body);
    answer.map_or_else(|_| String::new(), |answer| plain(&answer.error.code))
}

/// The name of an error, if it is one: letters, digits, `_`, `-` and `.`. Anything else could be text.
pub(crate) fn plain(code: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&c);
    if code.len() <= LONGEST && code.chars().all(is_plain) {
        return code.to_owned();
    }
    String::new()
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let date = u64::try_from(date.timestamp().as_second()).ok()?;
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(date).saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn after(value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        // 2026-01-01T00:00:00Z.
        let now = UNIX_EPOCH + Duration::from_hours(490_896);
        retry_after(&headers, now)
    }

    #[test]
    fn a_pause_is_read_as_seconds_or_as_a_date() {
        assert_eq!(after("17"), Some(Duration::from_secs(17)));
        let date = after("Thu, 01 Jan 2026 00:01:30 GMT");
        assert_eq!(date, Some(Duration::from_secs(90)));
        let past = after("Wed, 31 Dec 2025 00:00:00 GMT");
        assert_eq!(past, Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn only_what_can_be_the_name_of_an_error_is_passed_on() {
        let body = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"secret"}}}}"#);

        assert_eq!(
            code(body("ErrorItemNotFound").as_bytes()),
            "ErrorItemNotFound"
        );
        assert_eq!(code(body("The user ann@contoso.com").as_bytes()), "");
        assert_eq!(code(b"<html>"), "");
    }

    #[test]
    fn a_full_mailbox_is_a_refusal_and_no_outage() {
        let body = br#"{"error":{"code":"ErrorQuotaExceeded"}}"#;

        let error = of_answer(StatusCode::INSUFFICIENT_STORAGE, &HeaderMap::new(), body);

        assert_eq!(error.code(), Some("ErrorQuotaExceeded"));
        assert!(!error.is_temporary());
    }
}
