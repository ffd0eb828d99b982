//! The line that says at once whether all is well.

use chatkeep_proto::v1::RunState;

use super::{MailReport, Urgency, letter::plain};
use crate::number;

/// The subject: how urgent, which connector and run, what about it.
pub(super) fn of(report: &MailReport) -> String {
    let urgency = match report.urgency() {
        Urgency::Well => "OK",
        Urgency::Attention => "Attention",
        Urgency::Problem => "Problem",
    };
    let connector = plain(&report.connector);
    let run = report.run.number;
    format!("{urgency}: {connector}, run {run}: {}", what(report))
}

fn what(report: &MailReport) -> String {
    if report.stopped.is_some() {
        return "stopped before its end".to_owned();
    }
    let mut said = match report.run.state() {
        RunState::Succeeded | RunState::NothingNew => "everything is archived".to_owned(),
        RunState::SucceededWithExceptions => exceptions(report),
        RunState::Cancelled => "cancelled".to_owned(),
        RunState::Unreconciled => "does not add up".to_owned(),
        _ => "did not end".to_owned(),
    };
    match report.findings() {
        0 => {}
        1 => said.push_str("; 1 finding"),
        many => said.push_str(&format!("; {} findings", number(many))),
    }
    if report.is_loss_near() {
        said.push_str("; unread rows are about to be purged");
    }
    said
}

fn exceptions(report: &MailReport) -> String {
    let deliveries = report.run.deliveries.unwrap_or_default();
    let counts = [
        (
            report.run.records.unwrap_or_default().quarantined,
            "quarantined",
        ),
        (deliveries.failed, "failed"),
        (deliveries.partially_imported, "partially imported"),
        (deliveries.held, "held"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{} {what}", number(*count)));
    counts.collect::<Vec<_>>().join(", ")
}
