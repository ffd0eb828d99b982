//! What a first import of a source would be: its first conversations, measured and multiplied by how much there
//! is. Numbers that nothing says are left open.

mod history;
mod sample;

use std::time::Duration;

use chatkeep_proto::v1::SourceExtent;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::{history::History, sample::Sample};

/// How long conversations are rendered to measure them, reading and counting included: so that a page and its
/// calls (30 s) are not waited for too long.
pub(crate) const RENDERING: Duration = Duration::from_secs(10);

/// How much a source holds: counted, not read.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct SourceTotals {
    /// Files that hold records; null of a database.
    pub(crate) files: Option<u64>,
    /// Bytes of these files.
    pub(crate) bytes: Option<u64>,
    /// Chat messages of a database within the source's `from` and `to`; null of folders, and where counting
    /// them took too long.
    pub(crate) rows: Option<u64>,
    /// False: counting was broken off after some seconds, there is more.
    pub(crate) complete: bool,
}

/// What all of a source would become, estimated from its first conversations. Of a source that was not counted
/// to its end it is what was counted would become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Volume {
    /// Conversations that were rendered to measure it.
    pub(crate) measured: u64,
    pub(crate) conversations: Option<u64>,
    /// Without those that a rule leaves out, or that cannot be rendered.
    pub(crate) items: Option<u64>,
    /// Copies of items for mailboxes that are known.
    pub(crate) deliveries: Option<u64>,
    /// Copies of items for users without a mailbox: they would wait.
    pub(crate) held: Option<u64>,
    /// Bytes that are staged: conversations, the files that go with them, messages. Lists, and what is
    /// sorted outside memory, come on top.
    pub(crate) staged_bytes: Option<u64>,
    /// Bytes that are written into mailboxes.
    pub(crate) imported_bytes: Option<u64>,
}

/// How long a first import would take.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ImportDuration {
    /// Estimated; null where nothing says it.
    pub(crate) seconds: Option<u64>,
    pub(crate) deliveries_per_second: Option<f64>,
    pub(crate) basis: Basis,
    /// Finished runs that the pace is of; 0 where it is of none.
    pub(crate) runs: u32,
    /// Deliveries of these runs.
    pub(crate) run_deliveries: u64,
}

/// What says how fast a first import goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// Finished runs of the connector, from opening to closing.
    ConnectorRuns,
    /// Finished runs of other connectors that have a target of the same type.
    SystemRuns,
    /// What the target's maker lets through, as far as it is published.
    TargetLimits,
    /// Nothing does: the pace is the target's own, and nobody has measured it.
    None,
}

impl SourceTotals {
    /// Of what ingestion has counted in a database, or in a folder.
    pub(crate) fn of(extent: &SourceExtent, is_database: bool) -> Self {
        let of_folder = |count| (!is_database).then_some(count);
        Self {
            files: of_folder(extent.files),
            bytes: of_folder(extent.bytes),
            rows: extent.rows,
            complete: extent.is_complete,
        }
    }
}

impl Volume {
    /// Of two sources. What is not known of one is not known of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        Self {
            measured: self.measured + other.measured,
            conversations: sum(self.conversations, other.conversations),
            items: sum(self.items, other.items),
            deliveries: sum(self.deliveries, other.deliveries),
            held: sum(self.held, other.held),
            staged_bytes: sum(self.staged_bytes, other.staged_bytes),
            imported_bytes: sum(self.imported_bytes, other.imported_bytes),
        }
    }

    /// Of no source at all.
    pub(crate) fn nothing() -> Self {
        let none = Some(0);
        Self {
            measured: 0,
            conversations: none,
            items: none,
            deliveries: none,
            held: none,
            staged_bytes: none,
            imported_bytes: none,
        }
    }
}

/// A count as a factor. Beyond 2^53 it is not exact, as no estimate is.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn factor(count: u64) -> f64 {
    count as f64
}

/// An estimate as a count; one that is no number of anything is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and NaN is 0"
)]
fn count(estimate: f64) -> u64 {
    estimate.round() as u64
}
