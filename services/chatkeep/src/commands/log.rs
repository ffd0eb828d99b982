//! `chatkeep log`: the field names administrators know from Microsoft 365's connector log.

use std::{io, process::ExitCode};

use anyhow::Context as _;
use chatkeep_proto::v1::{FailedDelivery, LogRequest, LogSummary, log_entry::Entry};
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::ask;
use crate::{
    cli::Format,
    output::{Output, time},
    place::Place,
    report::ReportFinding,
};

#[derive(Serialize)]
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

#[derive(Serialize)]
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

#[derive(Serialize)]
struct Whole {
    summary: Option<Summary>,
    failures: Vec<Failure>,
    findings: Vec<ReportFinding>,
}

/// Prints the log of a run.
pub(crate) async fn print(
    place: &Place,
    run: i64,
    format: Format,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let request = LogRequest {
        connector: place.connector.id(),
        number: run,
    };
    let whole = ask(&place.site, async |system| {
        let stream = system.control.clone().log(request).await;
        let mut stream = stream.map_err(super::answer)?.into_inner();
        let mut whole = Whole {
            summary: None,
            failures: Vec::new(),
            findings: Vec::new(),
        };
        while let Some(entry) = stream.message().await.map_err(super::answer)? {
            match entry.entry {
                Some(Entry::Summary(summary)) => whole.summary = Some(summary.into()),
                Some(Entry::Failure(failure)) => whole.failures.push(failure.into()),
                Some(Entry::Finding(finding)) => whole.findings.push(finding.into()),
                None => {}
            }
        }
        Ok(whole)
    })
    .await?;
    match format {
        Format::Json => {
            output.line(serde_json::to_string_pretty(&whole).context("write log as JSON")?);
        }
        Format::Csv => print_csv(&whole, output).context("write log as CSV")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print_csv(whole: &Whole, output: &Output) -> anyhow::Result<()> {
    let table = |rows: &mut dyn FnMut(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>| {
        let mut writer = csv::Writer::from_writer(Vec::new());
        rows(&mut writer)?;
        let bytes = writer
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        anyhow::Ok(String::from_utf8(bytes)?)
    };
    let totals = table(&mut |writer| {
        whole
            .summary
            .iter()
            .try_for_each(|row| writer.serialize(row))
    })?;
    output.line(totals.trim_end());
    if !whole.failures.is_empty() {
        let failures = table(&mut |writer| {
            whole
                .failures
                .iter()
                .try_for_each(|failure| writer.serialize(failure))
        })?;
        output.line("");
        output.line(failures.trim_end());
    }
    if !whole.findings.is_empty() {
        let findings = table(&mut |writer| {
            whole
                .findings
                .iter()
                .try_for_each(|finding| writer.serialize(finding))
        })?;
        output.line("");
        output.line(findings.trim_end());
    }
    Ok(())
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
