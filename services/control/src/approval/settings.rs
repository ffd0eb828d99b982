use std::time::Duration;

use serde::Deserialize;

/// Whether a change of who gets what, or of what is left out, needs a second person.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalSettings {
    /// Whether such changes, new connectors and deletions only take effect when another person than the one
    /// who proposed them has approved them.
    pub required: bool,
    /// How long a proposal may wait.
    #[serde(with = "humantime_serde")]
    pub expires: Duration,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self {
            required: false,
            expires: Duration::from_hours(7 * 24),
        }
    }
}
