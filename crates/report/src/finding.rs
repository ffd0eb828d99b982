use chatkeep_proto::v1::Finding;
use serde::Serialize;

use crate::number;

/// One finding as people read it.
pub fn finding_line(finding: &Finding) -> String {
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

/// A finding as reports and logs write it.
#[derive(Clone, Debug, Serialize)]
pub struct ReportFinding {
    kind: String,
    subject: String,
    expected: Option<u64>,
    seen: Option<u64>,
    advice: String,
}

impl From<Finding> for ReportFinding {
    fn from(finding: Finding) -> Self {
        Self {
            kind: finding.kind,
            subject: finding.subject,
            expected: finding.expected,
            seen: finding.seen,
            advice: finding.advice,
        }
    }
}
