use std::io;

use chatkeep_proto::v1::{FailedDelivery, LogEntry, LogSummary, log_entry::Entry};
use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::{ReportFinding, time};

/// The log of a run: totals, failures, findings. The field names are those that administrators know from
/// Microsoft 365's connector log.
#[derive(Debug, Default, Serialize)]
pub struct Log {
    summary: Option<Summary>,
    failures: Vec<Failure>,
    findings: Vec<ReportFinding>,
}

/// The log cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// As CSV.
    #[error("write log as CSV")]
    Csv {
        /// The writer's reason.
        source: csv::Error,
    },
    /// As JSON.
    #[error("write log as JSON")]
    Json {
        /// The writer's reason.
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

impl Log {
    /// Takes up what control tells of the run, entry by entry.
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
        let text = serde_json::to_string_pretty(self);
        let mut text = text.map_err(|source| LogError::Json { source })?;
        text.push('\n');
        Ok(text)
    }

    /// A table of totals; behind an empty line each, where there are any, failures and findings.
    pub fn to_csv(&self) -> Result<String, LogError> {
        let mut text = table(self.summary.as_slice())?;
        for other in [table(&self.failures)?, table(&self.findings)?] {
            if !other.is_empty() {
                text.push('\n');
                text.push_str(&other);
            }
        }
        Ok(text)
    }
}

/// Rows below their names; nothing where there are none.
fn table<T: Serialize>(rows: &[T]) -> Result<String, LogError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.serialize(row));
    written.map_err(|source| LogError::Csv { source })?;
    let bytes = writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()));
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
    text.map_err(|error| LogError::Csv {
        source: error.into(),
    })
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

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::Finding;

    use super::*;

    fn entry(entry: Entry) -> LogEntry {
        LogEntry { entry: Some(entry) }
    }

    #[test]
    fn tables_are_apart_by_an_empty_line_and_there_are_only_those_that_have_rows() {
        let mut log = Log::default();
        log.add(entry(Entry::Summary(LogSummary {
            items_imported: 7,
            ..LogSummary::default()
        })));
        let totals = "Import completion time (UTC),Items available from source,Items available for import,\
                      Items imported,Items partially imported,Items skipped,Items failed,Items held\n\
                      1970-01-01T00:00:00Z,0,0,7,0,0,0,0\n";
        assert_eq!(log.to_csv().unwrap(), totals);

        log.add(entry(Entry::Finding(Finding {
            kind: "late-rows".to_owned(),
            ..Finding::default()
        })));
        let findings = "\nkind,subject,expected,seen,advice\nlate-rows,,,,\n";
        assert_eq!(log.to_csv().unwrap(), format!("{totals}{findings}"));
    }
}
