use chatkeep_proto::v1::{OpenRunResponse, ReportResponse, RetryResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::words::{hex, time, word};

/// What a run is to capture.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunOrder {
    /// Only conversations from this UTC day on: `2026-03-01`.
    #[serde(default)]
    #[schema(format = Date)]
    pub(super) from: Option<String>,
    /// Only conversations before this UTC day.
    #[serde(default)]
    #[schema(format = Date)]
    pub(super) to: Option<String>,
}

/// A run that was opened.
#[derive(Serialize, ToSchema)]
pub(crate) struct Opened {
    /// Number of the run within its connector.
    number: i64,
    /// It was an unfinished one.
    resumed: bool,
}

/// What is tried again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retried {
    /// Deliveries that are tried again.
    deliveries: u64,
    /// Conversations that are rendered again.
    conversations: u64,
}

/// Which runs to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunPage {
    /// Only runs with a smaller number: `next` of the page before.
    pub(super) before: Option<u64>,
    /// By default 50.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
}

/// A page of runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunList {
    pub(super) runs: Vec<Run>,
    /// `before` of the page that follows; null at the end.
    pub(super) next: Option<i64>,
}

/// A run and its balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Run {
    /// Number of the run within its connector.
    number: i64,
    /// capture or supplement
    kind: String,
    /// running, paused, succeeded, `succeeded_with_exceptions`, unreconciled, failed, `nothing_new`
    /// or cancelled
    state: String,
    /// Why it is paused or failed.
    reason: String,
    /// Conversations from then on were captured; null: from the first one.
    from: Option<String>,
    /// Conversations before were captured; null: up to the last one.
    to: Option<String>,
    opened: String,
    closed: Option<String>,
    /// Opened by the schedule.
    scheduled: bool,
    /// Number of the backfill whose slice it is.
    backfill: Option<i64>,
    records: Option<RecordBalance>,
    /// Items made of the records.
    items: u64,
    deliveries: Option<DeliveryBalance>,
    /// Extra copies that were found in mailboxes and removed.
    copies_removed: u64,
    /// Deliveries of earlier runs that this run made.
    earlier_deliveries: u64,
    /// Findings; exceptions list them.
    findings: u64,
    /// The manifest's file; empty until the run is sealed.
    seal: String,
    /// SHA-256 of the manifest, hexadecimal.
    seal_sha256: String,
}

/// read = rendered + duplicates + excluded + quarantined + open
#[derive(Serialize, ToSchema)]
struct RecordBalance {
    read: u64,
    rendered: u64,
    duplicates: u64,
    excluded: u64,
    quarantined: u64,
    open: u64,
    /// Both sides are equal.
    closes: bool,
}

/// planned = imported + `partially_imported` + skipped + failed + held
#[derive(Serialize, ToSchema)]
struct DeliveryBalance {
    planned: u64,
    imported: u64,
    partially_imported: u64,
    skipped: u64,
    failed: u64,
    held: u64,
    /// Both sides are equal.
    closes: bool,
}

impl From<ReportResponse> for Run {
    fn from(report: ReportResponse) -> Self {
        let records = report.records.map(|records| RecordBalance {
            read: records.read,
            rendered: records.rendered,
            duplicates: records.duplicates,
            excluded: records.excluded,
            quarantined: records.quarantined,
            open: records.open,
            closes: records.read
                == records.rendered
                    + records.duplicates
                    + records.excluded
                    + records.quarantined
                    + records.open,
        });
        let deliveries = report.deliveries.map(|deliveries| DeliveryBalance {
            planned: deliveries.planned,
            imported: deliveries.imported,
            partially_imported: deliveries.partially_imported,
            skipped: deliveries.skipped,
            failed: deliveries.failed,
            held: deliveries.held,
            closes: deliveries.planned
                == deliveries.imported
                    + deliveries.partially_imported
                    + deliveries.skipped
                    + deliveries.failed
                    + deliveries.held,
        });
        Self {
            number: report.number,
            state: word(report.state().as_str_name(), "RUN_STATE"),
            kind: report.kind,
            reason: report.reason,
            from: report.from.map(time),
            to: report.to.map(time),
            opened: time(report.opened),
            closed: report.closed.map(time),
            scheduled: report.scheduled,
            backfill: (report.backfill != 0).then_some(report.backfill),
            records,
            items: report.items,
            deliveries,
            copies_removed: report.copies_removed,
            earlier_deliveries: report.earlier_deliveries,
            findings: report.findings,
            seal: report.seal,
            seal_sha256: hex(&report.seal_sha256),
        }
    }
}

impl From<OpenRunResponse> for Opened {
    fn from(opened: OpenRunResponse) -> Self {
        Self {
            number: opened.number,
            resumed: opened.resumed,
        }
    }
}

impl From<RetryResponse> for Retried {
    fn from(retried: RetryResponse) -> Self {
        Self {
            deliveries: retried.deliveries,
            conversations: retried.conversations,
        }
    }
}
