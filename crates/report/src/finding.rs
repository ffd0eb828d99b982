use chatkeep_proto::v1::Finding;
use serde::Serialize;

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
