use chatkeep_proto::v1::{
    Coverage as CoverageMessage, Deliveries, Listed as ListedMessage, Mailing, MailingState,
    People, ProgressResponse, Records, ReportResponse, RunState, SourceCoverage,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{bytes, name, seconds};

#[derive(Deserialize)]
pub(in crate::server) struct Opened {
    pub(in crate::server) number: i64,
    pub(in crate::server) resumed: bool,
}

#[derive(Deserialize)]
pub(in crate::server) struct Retried {
    pub(in crate::server) deliveries: u64,
    pub(in crate::server) conversations: u64,
}

#[derive(Deserialize)]
pub(in crate::server) struct RunList {
    pub(in crate::server) runs: Vec<Run>,
    pub(in crate::server) next: Option<i64>,
}

/// A run and its balance.
#[derive(Deserialize)]
pub(in crate::server) struct Run {
    pub(in crate::server) number: i64,
    kind: String,
    state: String,
    reason: String,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    opened: Timestamp,
    closed: Option<Timestamp>,
    scheduled: bool,
    backfill: Option<i64>,
    records: Option<RecordBalance>,
    items: u64,
    deliveries: Option<DeliveryBalance>,
    listed: Option<Listed>,
    copies_removed: u64,
    earlier_deliveries: u64,
    findings: u64,
    seal: String,
    seal_sha256: String,
    coverage: Option<Coverage>,
    /// A console of an older program says nothing of them.
    #[serde(default)]
    mailings: Vec<RunMailing>,
}

#[derive(Deserialize)]
struct RunMailing {
    recipient: String,
    about: String,
    state: String,
    since: Timestamp,
    code: Option<u32>,
    attempts: u32,
}

#[derive(Deserialize)]
struct RecordBalance {
    read: u64,
    rendered: u64,
    duplicates: u64,
    excluded: u64,
    quarantined: u64,
    open: u64,
}

#[derive(Deserialize)]
struct DeliveryBalance {
    planned: u64,
    imported: u64,
    partially_imported: u64,
    skipped: u64,
    failed: u64,
    held: u64,
}

#[derive(Deserialize)]
struct Listed {
    files: u64,
    foreign: u64,
    unchanged: u64,
    young: u64,
}

#[derive(Deserialize)]
struct Coverage {
    users: Option<u64>,
    enabled: Option<u64>,
    seen: Option<u64>,
    in_exchange: Option<u64>,
    sources: Vec<CoveredSource>,
}

#[derive(Deserialize)]
struct CoveredSource {
    source: u32,
    r#type: String,
    name: String,
    records: u64,
    never: Vec<String>,
}

/// How far a run is.
#[derive(Deserialize)]
pub(in crate::server) struct Progress {
    state: String,
    reason: String,
    files: u64,
    records: u64,
    items: u64,
    deliveries_planned: u64,
    deliveries_done: u64,
    deliveries_waiting: u64,
    ingestion_tasks: u64,
    conversion_tasks: u64,
    mapping_tasks: u64,
    import_tasks: u64,
}

pub(super) fn state(word: &str) -> RunState {
    RunState::from_str_name(&name("RUN_STATE", word)).unwrap_or_default()
}

impl Run {
    /// Whether its numbers were left out: lists count those of sealed runs alone.
    pub(in crate::server) fn is_uncounted(&self) -> bool {
        self.seal.is_empty()
    }

    /// As control tells it. Ids of its ledger are nothing that the API tells: `id` is ours.
    pub(in crate::server) fn report(self, id: i64) -> ReportResponse {
        ReportResponse {
            run: id,
            number: self.number,
            kind: self.kind,
            state: state(&self.state).into(),
            reason: self.reason,
            from: seconds(self.from),
            to: seconds(self.to),
            opened: self.opened.as_second(),
            closed: seconds(self.closed),
            records: self.records.map(Records::from),
            items: self.items,
            deliveries: self.deliveries.map(Deliveries::from),
            listed: self.listed.map(ListedMessage::from),
            seal: self.seal,
            seal_sha256: bytes(&self.seal_sha256).into(),
            copies_removed: self.copies_removed,
            earlier_deliveries: self.earlier_deliveries,
            scheduled: self.scheduled,
            backfill: self.backfill.unwrap_or_default(),
            findings: self.findings,
            coverage: self.coverage.map(CoverageMessage::from),
            mailings: self.mailings.into_iter().map(Mailing::from).collect(),
        }
    }
}

impl From<RunMailing> for Mailing {
    fn from(mailing: RunMailing) -> Self {
        let state = MailingState::from_str_name(&name("MAILING_STATE", &mailing.state));
        Self {
            recipient: mailing.recipient,
            stop: mailing.about == "stop",
            state: state.unwrap_or_default().into(),
            since: mailing.since.as_second(),
            code: mailing.code.unwrap_or_default(),
            attempts: mailing.attempts,
        }
    }
}

impl From<RecordBalance> for Records {
    fn from(balance: RecordBalance) -> Self {
        Self {
            read: balance.read,
            rendered: balance.rendered,
            duplicates: balance.duplicates,
            excluded: balance.excluded,
            quarantined: balance.quarantined,
            open: balance.open,
            ..Self::default()
        }
    }
}

impl From<DeliveryBalance> for Deliveries {
    fn from(balance: DeliveryBalance) -> Self {
        Self {
            planned: balance.planned,
            imported: balance.imported,
            partially_imported: balance.partially_imported,
            skipped: balance.skipped,
            failed: balance.failed,
            held: balance.held,
        }
    }
}

impl From<Listed> for ListedMessage {
    fn from(listed: Listed) -> Self {
        Self {
            files: listed.files,
            foreign: listed.foreign,
            unchanged: listed.unchanged,
            young: listed.young,
            ..Self::default()
        }
    }
}

impl From<Coverage> for CoverageMessage {
    fn from(coverage: Coverage) -> Self {
        let sources = coverage.sources.into_iter().map(|one| SourceCoverage {
            source: one.source,
            r#type: one.r#type,
            name: one.name,
            records: one.records,
            never: one.never,
        });
        Self {
            people: coverage.users.map(|users| People {
                users,
                enabled: coverage.enabled.unwrap_or_default(),
                seen: coverage.seen.unwrap_or_default(),
                in_exchange: coverage.in_exchange.unwrap_or_default(),
            }),
            sources: sources.collect(),
        }
    }
}

impl From<Progress> for ProgressResponse {
    fn from(progress: Progress) -> Self {
        Self {
            state: state(&progress.state).into(),
            reason: progress.reason,
            files: progress.files,
            records: progress.records,
            items: progress.items,
            deliveries_planned: progress.deliveries_planned,
            deliveries_done: progress.deliveries_done,
            ingestion_tasks: progress.ingestion_tasks,
            conversion_tasks: progress.conversion_tasks,
            mapping_tasks: progress.mapping_tasks,
            import_tasks: progress.import_tasks,
            deliveries_waiting: progress.deliveries_waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_the_mails_about_a_run_is_read_as_the_console_writes_it() {
        let written = serde_json::json!({
            "recipient": "audit@contoso.com", "about": "stop", "state": "given_up",
            "since": "2026-03-01T01:05:00Z", "code": 451, "attempts": 7,
        });

        let read: RunMailing = serde_json::from_value(written).unwrap();

        let expected = Mailing {
            recipient: "audit@contoso.com".to_owned(),
            stop: true,
            state: MailingState::GivenUp.into(),
            since: 1_772_327_100,
            code: 451,
            attempts: 7,
        };
        assert_eq!(Mailing::from(read), expected);
    }
}
