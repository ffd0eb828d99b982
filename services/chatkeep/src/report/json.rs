use chatkeep_proto::v1::{ReportResponse, UserItems};
use chatkeep_report::{DeliveryBalance, RecordBalance, ReportFinding, status, time};
use serde::Serialize;

use super::{Exceptions, beside::ReportCoverage};

/// The balance as `--report` writes it; the form is part of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    run: i64,
    run_kind: &'a str,
    status: String,
    window: Window,
    records: RecordBalance,
    items: u64,
    deliveries: DeliveryBalance,
    quarantined: Vec<ReportQuarantined<'a>>,
    held: Vec<ReportUser<'a>>,
    external: Vec<ReportUser<'a>>,
    findings: Vec<ReportFinding>,
    coverage: Option<ReportCoverage<'a>>,
}

#[derive(Debug, Serialize)]
struct Window {
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReportQuarantined<'a> {
    source: &'a str,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct ReportUser<'a> {
    source_user: &'a str,
    items: u64,
}

impl<'a> Report<'a> {
    /// `kind` is `capture`, `supplement` or `none`.
    pub(crate) fn of(kind: &'a str, report: &'a ReportResponse, all: &'a Exceptions) -> Self {
        let user = |user: &'a UserItems| ReportUser {
            source_user: &user.source_user,
            items: user.items,
        };
        let quarantined = all.quarantined.iter().map(|entry| ReportQuarantined {
            source: &entry.source,
            reason: &entry.reason,
        });
        Self {
            run: report.number,
            run_kind: kind,
            status: status(report.state(), &report.reason),
            window: Window {
                from: report.from.map(time),
                to: report.to.map(time),
            },
            records: report.records.unwrap_or_default().into(),
            items: report.items,
            deliveries: report.deliveries.unwrap_or_default().into(),
            quarantined: quarantined.collect(),
            held: all.held.iter().map(user).collect(),
            external: all.external.iter().map(user).collect(),
            findings: all.findings.iter().cloned().map(Into::into).collect(),
            coverage: report.coverage.as_ref().map(ReportCoverage::of),
        }
    }
}
