//! What a report says beside the equations: findings, and what the run covers.

use chatkeep_proto::v1::{Coverage, Finding, People, ReportResponse, SourceCoverage};
use serde::Serialize;

use super::print_some;
use crate::output::{Output, number};

/// Shows what somebody should know.
pub(super) fn print_findings(output: &Output, findings: &[Finding]) {
    print_some(output, "Findings, no equation is open", findings, line);
}

/// One finding as people read it.
pub(crate) fn line(finding: &Finding) -> String {
    let counts = match (finding.expected, finding.seen) {
        (Some(expected), Some(seen)) => {
            format!(" ({} expected, {} seen)", number(expected), number(seen))
        }
        _ => String::new(),
    };
    let Finding {
        kind,
        subject,
        advice,
        ..
    } = finding;
    format!("{kind}: {subject}{counts}: {advice}")
}

/// Shows whom and what the run covers.
pub(super) fn print_coverage(output: &Output, report: &ReportResponse) {
    let Some(coverage) = &report.coverage else {
        return;
    };
    output.line("\nCoverage");
    if let Some(people) = &coverage.people {
        output.line(people_line(people));
    }
    for source in &coverage.sources {
        output.line(source_line(source));
    }
}

fn people_line(people: &People) -> String {
    let mut line = format!(
        "  of {} users with a SIP address {} took part in conversations of this run",
        number(people.enabled),
        number(people.seen)
    );
    if people.in_exchange > 0 {
        let elsewhere = number(people.in_exchange);
        line.push_str(&format!(", {elsewhere} are archived by Exchange"));
    }
    line
}

fn source_line(source: &SourceCoverage) -> String {
    let name = [source.r#type.as_str(), source.name.as_str()].join(" ");
    format!(
        "  source {}, {}: {} records; it never contains {}",
        source.source,
        name.trim_end(),
        number(source.records),
        source.never.join("; ")
    )
}

/// Coverage as `--report` writes it; counts of users are null where the directory could not be read.
#[derive(Debug, Serialize)]
pub(super) struct ReportCoverage<'a> {
    users: Option<u64>,
    enabled: Option<u64>,
    seen: Option<u64>,
    in_exchange: Option<u64>,
    sources: Vec<ReportSource<'a>>,
}

#[derive(Debug, Serialize)]
struct ReportSource<'a> {
    source: u32,
    r#type: &'a str,
    name: &'a str,
    records: u64,
    never: &'a [String],
}

impl<'a> ReportCoverage<'a> {
    pub(super) fn of(coverage: &'a Coverage) -> Self {
        let people = coverage.people;
        let source = |source: &'a SourceCoverage| ReportSource {
            source: source.source,
            r#type: &source.r#type,
            name: &source.name,
            records: source.records,
            never: &source.never,
        };
        Self {
            users: people.map(|people| people.users),
            enabled: people.map(|people| people.enabled),
            seen: people.map(|people| people.seen),
            in_exchange: people.map(|people| people.in_exchange),
            sources: coverage.sources.iter().map(source).collect(),
        }
    }
}
