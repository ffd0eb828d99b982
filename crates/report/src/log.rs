//! The log of a run: the field names administrators know from Microsoft 365's connector log.

use chatkeep_proto::v1::{FailedDelivery, LogEntry, LogSummary, log_entry::Entry};
use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::{ReportFinding, time};

/// The log of a run, to be downloaded.
#[derive(Debug, Default, Serialize)]
pub struct RunLog {
    summary: Option<Summary>,
    failures: Vec<Failure>,
    findings: Vec<ReportFinding>,
}

/// The log could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not as CSV.
    #[error("write log as CSV")]
    Csv {
        /// What the writer says.
        source: csv::Error,
    },
    /// Not as JSON.
    #[error("write log as JSON")]
    Json {
        /// What the writer says.
        source: serde_json::Error,
    },
}

#[derive(Debug, Serialize)]
struct Summary {
    #[serde(rename = "Import completion time (UTC)")]
    import_completion_time: String,
    #[serde(rename = "Items available from source")]
    items_available_from_source: u64,
    #[serde(rename = "Items available for import")]
    items_available_for_import: u64,
    #[serde(rename = "Items imported")]
    items_imported: u64,
    #[serde(rename = "Items partially imported")]
    items_partially_imported: u64,
    #[serde(rename = "Items skipped")]
    items_skipped: u64,
    #[serde(rename = "Items failed")]
    items_failed: u64,
    #[serde(rename = "Items held")]
    items_held: u64,
}

#[derive(Debug, Serialize)]
struct Failure {
    #[serde(rename = "Item id")]
    item_id: String,
    #[serde(rename = "Source user id")]
    source_user_id: String,
    #[serde(rename = "Mailbox")]
    mailbox: String,
    #[serde(rename = "Failure reason")]
    reason: String,
}

impl RunLog {
    /// Adds what control says next.
    pub fn add(&mut self, entry: LogEntry) {
        match entry.entry {
            Some(Entry::Summary(summary)) => self.summary = Some(summary.into()),
            Some(Entry::Failure(failure)) => self.failures.push(failure.into()),
            Some(Entry::Finding(finding)) => self.findings.push(finding.into()),
            None => {}
        }
    }

    /// One object, with a line break at its end.
    pub fn to_json(&self) -> Result<String, LogError> {
        let json = serde_json::to_string_pretty(self);
        json.map(|json| json + "\n")
            .map_err(|source| LogError::Json { source })
    }

    /// A table of totals; behind an empty line each, where there are any, failures and findings.
    pub fn to_csv(&self) -> Result<String, LogError> {
        let totals: Vec<_> = self.summary.iter().collect();
        let mut text = table(&totals)?;
        for more in [table(&self.failures)?, table(&self.findings)?] {
            if !more.is_empty() {
                text.push('\n');
                text.push_str(&more);
            }
        }
        Ok(text)
    }
}

/// Rows below the names of their fields; nothing when there are none.
fn table<T: Serialize>(rows: &[T]) -> Result<String, LogError> {
    let wrong = |source| LogError::Csv { source };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(wrong)?;
    }
    let bytes = writer.into_inner();
    let bytes = bytes.map_err(|error| wrong(error.into_error().into()))?;
    // What was written are strings: the bytes are UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl From<LogSummary> for Summary {
    fn from(summary: LogSummary) -> Self {
        Self {
            import_completion_time: time(summary.import_completion_time),
            items_available_from_source: summary.items_available_from_source,
            items_available_for_import: summary.items_available_for_import,
            items_imported: summary.items_imported,
            items_partially_imported: summary.items_partially_imported,
            items_skipped: summary.items_skipped,
            items_failed: summary.items_failed,
            items_held: summary.items_held,
        }
    }
}

impl From<FailedDelivery> for Failure {
    fn from(failure: FailedDelivery) -> Self {
        Self {
            item_id: HEXLOWER.encode(&failure.item),
            source_user_id: failure.source_user,
            mailbox: failure.mailbox,
            reason: failure.reason,
        }
    }
}
