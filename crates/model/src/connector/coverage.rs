use serde::{Deserialize, Serialize};

/// What reports compare the archive with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoverageOptions {
    /// Users who are in the archive and in none of so many runs are told; 0: nobody is.
    pub unseen_runs: u16,
}

/// Each of them is looked through when a run closes.
pub(super) const MOST_RUNS: u16 = 100;

impl Default for CoverageOptions {
    fn default() -> Self {
        Self { unseen_runs: 7 }
    }
}
