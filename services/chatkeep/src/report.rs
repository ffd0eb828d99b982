mod beside;
mod json;

use chatkeep_proto::v1::{
    Deliveries, Exception, FailedDelivery, Finding, QuarantinedEntry, Records, ReportResponse,
    RunState, UserItems, exception::Exception as Kind,
};
use data_encoding::HEXLOWER;

pub(crate) use self::{beside::line as finding_line, json::Report};
use crate::output::{Output, number};

/// Exceptions shown of each kind; `--report` and `chatkeep failed` have all.
const SHOWN: usize = 10;

/// What a run's exceptions are.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    pub(crate) findings: Vec<Finding>,
    pub(crate) quarantined: Vec<QuarantinedEntry>,
    pub(crate) held: Vec<UserItems>,
    pub(crate) external: Vec<UserItems>,
    pub(crate) failed: Vec<FailedDelivery>,
    pub(crate) excluded: Vec<(String, u64)>,
}

impl Exceptions {
    pub(crate) fn add(&mut self, exception: Exception) {
        match exception.exception {
            Some(Kind::Quarantined(entry)) => self.quarantined.push(entry),
            Some(Kind::Held(user)) => self.held.push(user),
            Some(Kind::External(user)) => self.external.push(user),
            Some(Kind::Failed(delivery)) => self.failed.push(delivery),
            Some(Kind::Finding(finding)) => self.findings.push(finding),
            Some(Kind::Excluded(rule)) => self.excluded.push((rule.rule, rule.records)),
            None => {}
        }
    }
}

/// The words of a run's state.
pub(crate) fn status(state: RunState, reason: &str) -> String {
    match state {
        RunState::Unspecified => "unknown".to_owned(),
        RunState::Running => "running".to_owned(),
        RunState::Paused => format!("paused: {reason}"),
        RunState::Succeeded => "succeeded".to_owned(),
        RunState::SucceededWithExceptions => "succeeded with exceptions".to_owned(),
        RunState::Unreconciled => "failed: unreconciled".to_owned(),
        RunState::Failed => format!("failed: {reason}"),
        RunState::NothingNew => "nothing new".to_owned(),
        RunState::Cancelled => "cancelled".to_owned(),
    }
}

/// Shows a run's balance.
pub(crate) fn print(output: &Output, name: &str, report: &ReportResponse, all: &Exceptions) {
    let status = status(report.state(), &report.reason);
    output.line(format_args!("{name}, run {}: {status}", report.number));
    output.line("");
    output.line(records_line(&report.records.unwrap_or_default()));
    output.line(deliveries_line(&report.deliveries.unwrap_or_default()));
    output.line(format_args!(
        "  items              {:>9}",
        number(report.items)
    ));
    if let Some(listed) = &report.listed {
        print_listed(output, listed);
    }
    if report.copies_removed > 0 {
        let copies = number(report.copies_removed);
        output.line(format_args!("  extra copies removed {copies:>7}"));
    }
    if report.earlier_deliveries > 0 {
        let earlier = number(report.earlier_deliveries);
        output.line(format_args!("  delivered of earlier runs {earlier}"));
    }
    beside::print_findings(output, &all.findings);
    print_exceptions(output, report.number, all);
    beside::print_coverage(output, report);
    if !report.seal.is_empty() {
        let hash = HEXLOWER.encode(&report.seal_sha256);
        output.line(format_args!("\nSealed: {} (SHA-256 {hash})", report.seal));
    }
}

/// Equation 1 with its numbers.
fn records_line(records: &Records) -> String {
    format!(
        "  records read       {:>9} = {} rendered + {} duplicates + {} excluded + {} quarantined + {} open",
        number(records.read),
        number(records.rendered),
        number(records.duplicates),
        number(records.excluded),
        number(records.quarantined),
        number(records.open)
    )
}

/// Equation 2 with its numbers.
fn deliveries_line(deliveries: &Deliveries) -> String {
    format!(
        "  deliveries planned {:>9} = {} imported + {} partially imported + {} skipped + {} failed + {} held",
        number(deliveries.planned),
        number(deliveries.imported),
        number(deliveries.partially_imported),
        number(deliveries.skipped),
        number(deliveries.failed),
        number(deliveries.held)
    )
}

fn print_listed(output: &Output, listed: &chatkeep_proto::v1::Listed) {
    let mut line = format!("  files              {:>9}", number(listed.files));
    let mut add = |count: u64, words: &str| {
        if count > 0 {
            let separator = if line.ends_with(')') { ", " } else { " (" };
            if line.ends_with(')') {
                line.pop();
            }
            line.push_str(&format!("{separator}{} {words})", number(count)));
        }
    };
    add(listed.foreign, "not the source's, ignored");
    add(listed.unchanged, "captured before");
    add(listed.young, "still being written, left for the next run");
    output.line(line);
}

fn print_exceptions(output: &Output, run: i64, all: &Exceptions) {
    print_some(
        output,
        "Quarantined, original bytes kept",
        &all.quarantined,
        |entry| format!("{}: {}", entry.source, entry.reason),
    );
    print_some(output, "Excluded", &all.excluded, |(rule, records)| {
        format!("rule {rule:?}: {} records", number(*records))
    });
    print_some(output, "Failed", &all.failed, |failed| {
        let partial = if failed.partial {
            " (some parts are stored)"
        } else {
            ""
        };
        format!(
            "{} of {}: {}{partial}",
            failed.source_user, failed.mailbox, failed.reason
        )
    });
    print_some(output, "Held, no mailbox known yet", &all.held, |user| {
        let conflict = if user.conflict {
            ", two users have this address"
        } else {
            ""
        };
        format!(
            "{}: {} items{conflict}",
            user.source_user,
            number(user.items)
        )
    });
    print_some(
        output,
        "External, no mailbox of ours",
        &all.external,
        |user| format!("{}: {} items", user.source_user, number(user.items)),
    );
    let counts = [
        all.findings.len(),
        all.quarantined.len(),
        all.failed.len(),
        all.held.len(),
        all.external.len(),
    ];
    if counts.iter().any(|count| *count > SHOWN) {
        output.line(format_args!("\nAll of them: chatkeep failed {run}"));
    }
}

fn print_some<T>(output: &Output, title: &str, entries: &[T], show: impl Fn(&T) -> String) {
    if entries.is_empty() {
        return;
    }
    output.line(format_args!("\n{title} ({})", number(entries.len() as u64)));
    for entry in entries.iter().take(SHOWN) {
        output.line(format_args!("  {}", show(entry)));
    }
    if entries.len() > SHOWN {
        let rest = number((entries.len() - SHOWN) as u64);
        output.line(format_args!("  ... and {rest} more"));
    }
}
