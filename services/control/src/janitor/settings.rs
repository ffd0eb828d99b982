use std::time::Duration;

use chatkeep_model::connector::HoldFor;
use serde::Deserialize;

/// When blobs are deleted from staging, and what the ledger forgets by age.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct JanitorSettings {
    /// How long after a run was sealed its blobs stay in staging; `forever`: nothing is deleted.
    pub after: HoldFor,
    /// How often staging is looked through.
    pub every: Duration,
    /// How old a blob becomes that was written while no run was under way. At least `after`.
    pub orphans_after: Duration,
    /// How long the ledger remembers in which trace deliveries were settled, and reports that were sent or
    /// given up.
    pub forget_after: HoldFor,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for JanitorSettings {
    fn default() -> Self {
        Self {
            after: HoldFor::Time(3 * DAY),
            every: Duration::from_hours(6),
            orphans_after: 30 * DAY,
            forget_after: HoldFor::Time(30 * DAY),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Unchecked {
    after: HoldFor,
    #[serde(with = "humantime_serde")]
    every: Duration,
    #[serde(with = "humantime_serde")]
    orphans_after: Duration,
    forget_after: HoldFor,
}

impl Default for Unchecked {
    fn default() -> Self {
        let JanitorSettings {
            after,
            every,
            orphans_after,
            forget_after,
        } = JanitorSettings::default();
        Self {
            after,
            every,
            orphans_after,
            forget_after,
        }
    }
}

impl TryFrom<Unchecked> for JanitorSettings {
    type Error = &'static str;

    fn try_from(settings: Unchecked) -> Result<Self, Self::Error> {
        if settings.every.is_zero() {
            return Err("every must be longer than 0s");
        }
        if matches!(settings.after, HoldFor::Time(after) if after > settings.orphans_after) {
            return Err("orphans_after must not be shorter than after");
        }
        Ok(Self {
            after: settings.after,
            every: settings.every,
            orphans_after: settings.orphans_after,
            forget_after: settings.forget_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<JanitorSettings, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_orphan_outlives_the_blobs_of_runs() {
        let settings = read(r#"{"after": "5days"}"#).unwrap();
        assert_eq!(settings.after, HoldFor::Time(5 * DAY));
        assert_eq!(settings.orphans_after, 30 * DAY);

        let refused = read(r#"{"after": "31days"}"#).unwrap_err();

        assert!(refused.contains("orphans_after"), "{refused}");
    }

    #[test]
    fn nothing_is_deleted_when_blobs_stay_forever() {
        let settings = read(r#"{"after": "forever"}"#).unwrap();

        assert_eq!(settings.after, HoldFor::Forever);
    }

    #[test]
    fn traces_and_reports_are_remembered_for_thirty_days_or_as_long_as_is_said() {
        assert_eq!(read("{}").unwrap().forget_after, HoldFor::Time(30 * DAY));
        let weeks = read(r#"{"forget_after": "14days"}"#).unwrap();
        assert_eq!(weeks.forget_after, HoldFor::Time(14 * DAY));
        let ever = read(r#"{"forget_after": "forever"}"#).unwrap();
        assert_eq!(ever.forget_after, HoldFor::Forever);
    }

    #[test]
    fn looking_without_a_pause_is_refused() {
        assert!(read(r#"{"every": "0s"}"#).is_err());
        assert!(read(r#"{"ever": "1h"}"#).is_err());
    }
}
