//! Numbers, times and states as pages show them.

use chatkeep_proto::v1::{ConnectorState, DataLossHorizon, ReportResponse, RunState};
use chatkeep_report::{is_near, number};
use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};

/// A time in Unix seconds: UTC, turned into the reader's zone by the script.
pub(super) fn when(seconds: i64) -> Markup {
    let Ok(time) = Timestamp::from_second(seconds) else {
        return html! {};
    };
    let utc = time.to_zoned(TimeZone::UTC);
    let shown = utc.strftime("%-d %b %Y, %H:%M UTC").to_string();
    html! { time datetime=(time) title=(utc.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()) { (shown) } }
}

/// A time, or a dash.
pub(super) fn when_or_none(seconds: Option<i64>) -> Markup {
    seconds.map_or_else(none, when)
}

/// There is nothing to show.
pub(super) fn none() -> Markup {
    html! { span.none { span aria-hidden="true" { "–" } span.unseen { "none" } } }
}

/// A number in a cell of a table; zero is faint.
pub(super) fn count(value: u64) -> Markup {
    html! { @if value == 0 { span.zero { "0" } } @else { (number(value)) } }
}

/// A run's state, coloured.
pub(super) fn run_badge(state: RunState, reason: &str) -> Markup {
    let (kind, words) = match state {
        RunState::Unspecified => ("plain", "Unknown"),
        RunState::Running => ("info", "Running"),
        RunState::Paused => ("warn", "Paused"),
        RunState::Succeeded => ("good", "Succeeded"),
        RunState::SucceededWithExceptions => ("warn", "Succeeded with exceptions"),
        RunState::Unreconciled => ("bad", "Failed: unreconciled"),
        RunState::Failed => ("bad", "Failed"),
        RunState::NothingNew => ("plain", "Nothing new"),
        RunState::Cancelled => ("plain", "Cancelled"),
    };
    html! {
        span class={ "badge " (kind) } { (words) }
        @if !reason.is_empty() { " " span.reason { (reason) } }
    }
}

/// A connector's state, coloured.
pub(super) fn connector_badge(state: ConnectorState) -> Markup {
    let (kind, words) = match state {
        ConnectorState::Unspecified => ("plain", "Unknown"),
        ConnectorState::Scheduled => ("good", "Scheduled"),
        ConnectorState::Manual => ("plain", "Manual"),
        ConnectorState::Paused => ("warn", "Paused"),
        ConnectorState::Deleted => ("bad", "Deleted"),
    };
    html! { span class={ "badge " (kind) } { (words) } }
}

/// Until when unread rows of a database are safe, at this time in Unix seconds.
pub(super) fn horizon(horizon: &DataLossHorizon, now: i64) -> Markup {
    let Some(purged) = horizon.purged else {
        return html! { span { (horizon.database) ": nothing was read yet" } };
    };
    html! {
        span class=[is_near(horizon, now).then_some("alarm")] {
            (horizon.database) ": what was not read yet is purged from " (when(purged)) " on"
        }
    }
}

/// Whether somebody must act before unread rows of one of these are purged.
pub(super) fn is_urgent(horizons: &[DataLossHorizon], now: i64) -> bool {
    horizons.iter().any(|horizon| is_near(horizon, now))
}

/// A length of time: `1 day`, `6h 30m`.
pub(super) fn duration(duration: std::time::Duration) -> String {
    let text = humantime_serde::re::humantime::format_duration(duration).to_string();
    text.replace("days", " days").replace("1day", "1 day")
}

/// How long after the end of its days everything of a run was archived, seconds. Backfills have none: their
/// days are long past on purpose.
pub(super) fn lag(run: &ReportResponse) -> Option<u64> {
    let lag = run.closed?.saturating_sub(run.to?);
    u64::try_from(lag).ok().filter(|_| run.backfill == 0)
}

/// Seconds in their largest unit: `45 s`, `12 min`, `3 h`, `2 days`.
pub(super) fn rough(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", number(seconds / 86_400)),
    }
}

/// Bytes in their largest unit, decimal: `512 bytes`, `1.5 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut name = None;
    for unit in units {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
        name = Some(unit);
    }
    match name {
        Some(unit) => format!("{}.{} {unit}", number(tenths / 10), tenths % 10),
        None => format!("{bytes} bytes"),
    }
}

/// Now, Unix seconds.
pub(super) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// What of a run somebody must look at: failed, partially imported, held, quarantined.
pub(super) fn exceptions(run: &ReportResponse) -> u64 {
    let deliveries = run.deliveries.unwrap_or_default();
    let records = run.records.unwrap_or_default();
    deliveries.failed + deliveries.partially_imported + deliveries.held + records.quarantined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_their_largest_unit() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_000), "1.0 kB");
        assert_eq!(bytes(1_550_000), "1.5 MB");
        assert_eq!(bytes(12_345_000_000_000_000), "12,345.0 TB");
    }
}
