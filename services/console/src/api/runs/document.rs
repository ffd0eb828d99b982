use chatkeep_proto::v1::{
    Coverage, Listed, Mailing, OpenRunResponse, ReportResponse, RetryResponse,
};
use chatkeep_report::{DeliveryBalance, RecordBalance};
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
    records: Option<RunRecords>,
    /// Items made of the records.
    items: u64,
    deliveries: Option<RunDeliveries>,
    /// Of its sources' folders; null where it reads none.
    listed: Option<FileCounts>,
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
    /// What the run covers; null until it has closed, in lists, and of runs that capture nothing.
    coverage: Option<RunCoverage>,
    /// Mails about it, one for each recipient.
    mailings: Vec<RunMailing>,
}

/// What became of a mail about a run.
#[derive(Serialize, ToSchema)]
struct RunMailing {
    /// As the connector file named them.
    recipient: String,
    /// `end`, or `stop` before it
    about: &'static str,
    /// waiting, sent, refused, `given_up` or `not_called_for`
    state: String,
    /// Since when it is so.
    since: String,
    /// The mail server's last answer, a reply code of SMTP; null for none.
    code: Option<u32>,
    /// How often it was taken up.
    attempts: u32,
}

/// Files that a run found.
#[derive(Serialize, ToSchema)]
struct FileCounts {
    files: u64,
    /// None of the source's.
    foreign: u64,
    /// Captured before.
    unchanged: u64,
    /// Still being written, left for the next run.
    young: u64,
}

/// Whom and what a run covers. Counts of users are null where the directory could not be read.
#[derive(Serialize, ToSchema)]
struct RunCoverage {
    users: Option<u64>,
    /// Users with a SIP address.
    enabled: Option<u64>,
    /// Enabled users who took part in conversations of the run.
    seen: Option<u64>,
    /// Enabled users whose conversations Exchange archives.
    in_exchange: Option<u64>,
    sources: Vec<CoveredSource>,
}

/// What a source gave, and what it never contains.
#[derive(Serialize, ToSchema)]
struct CoveredSource {
    /// Position in the connector file, from 1.
    source: u32,
    r#type: String,
    /// Server and database; empty for files.
    name: String,
    records: u64,
    never: Vec<String>,
}

/// A run's records, and whether they are all accounted for.
#[derive(Serialize, ToSchema)]
struct RunRecords {
    #[serde(flatten)]
    balance: RecordBalance,
    /// Both sides are equal.
    closes: bool,
}

/// A run's deliveries, and whether they are all accounted for.
#[derive(Serialize, ToSchema)]
struct RunDeliveries {
    #[serde(flatten)]
    balance: DeliveryBalance,
    /// Both sides are equal.
    closes: bool,
}

impl From<ReportResponse> for Run {
    fn from(report: ReportResponse) -> Self {
        let records = report.records.map(RecordBalance::from);
        let deliveries = report.deliveries.map(DeliveryBalance::from);
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
            records: records.map(|balance| RunRecords {
                balance,
                closes: balance.equation().closes(),
            }),
            items: report.items,
            deliveries: deliveries.map(|balance| RunDeliveries {
                balance,
                closes: balance.equation().closes(),
            }),
            listed: report.listed.map(FileCounts::from),
            copies_removed: report.copies_removed,
            earlier_deliveries: report.earlier_deliveries,
            findings: report.findings,
            seal: report.seal,
            seal_sha256: hex(&report.seal_sha256),
            coverage: report.coverage.map(RunCoverage::from),
            mailings: report.mailings.into_iter().map(RunMailing::from).collect(),
        }
    }
}

impl From<Mailing> for RunMailing {
    fn from(mailing: Mailing) -> Self {
        Self {
            state: word(mailing.state().as_str_name(), "MAILING_STATE"),
            about: if mailing.stop { "stop" } else { "end" },
            since: time(mailing.since),
            code: (mailing.code != 0).then_some(mailing.code),
            attempts: mailing.attempts,
            recipient: mailing.recipient,
        }
    }
}

impl From<Listed> for FileCounts {
    fn from(listed: Listed) -> Self {
        Self {
            files: listed.files,
            foreign: listed.foreign,
            unchanged: listed.unchanged,
            young: listed.young,
        }
    }
}

impl From<Coverage> for RunCoverage {
    fn from(coverage: Coverage) -> Self {
        let people = coverage.people;
        let sources = coverage.sources.into_iter().map(|one| CoveredSource {
            source: one.source,
            r#type: one.r#type,
            name: one.name,
            records: one.records,
            never: one.never,
        });
        Self {
            users: people.map(|people| people.users),
            enabled: people.map(|people| people.enabled),
            seen: people.map(|people| people.seen),
            in_exchange: people.map(|people| people.in_exchange),
            sources: sources.collect(),
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

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::MailingState;

    use super::*;

    #[test]
    fn a_run_says_what_became_of_the_mails_about_it() {
        let mailing = Mailing {
            recipient: "audit@contoso.com".to_owned(),
            stop: true,
            state: MailingState::GivenUp.into(),
            since: 1_772_327_100,
            code: 451,
            attempts: 7,
        };

        let written = serde_json::to_value(RunMailing::from(mailing)).unwrap();

        let expected = serde_json::json!({
            "recipient": "audit@contoso.com", "about": "stop", "state": "given_up",
            "since": "2026-03-01T01:05:00Z", "code": 451, "attempts": 7,
        });
        assert_eq!(written, expected);
    }
}
