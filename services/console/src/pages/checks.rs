//! Whether sources, directory and target are there: asked of the services that use them.

use chatkeep_proto::v1::{
    CheckReportRequest, DamagedFile, DatabaseSample, PreviewRequest, PreviewResponse,
    SourceFinding, SourceSample, TestSourceRequest, TestTargetRequest,
    source_finding::Result as Found,
};
use chatkeep_report::{day, number};
use maud::{Markup, html};
use tonic::Status;

use crate::Services;

/// Names shown of a list.
const SHOWN: usize = 10;

/// What became of a look at the directory.
pub(super) struct DirectoryCheck {
    pub(super) shown: Markup,
    /// A mailbox to try the target with; empty when nobody has one.
    pub(super) sample_mailbox: String,
}

/// What became of a look at the target.
pub(super) struct TargetCheck {
    pub(super) shown: Markup,
    /// The largest part of an item, bytes; 0 when that could not be found out.
    pub(super) max_part_bytes: u64,
}

/// Looks at one source, or at all with 0.
pub(super) async fn sources(services: &mut Services, file: &str, source: u32) -> Markup {
    let request = TestSourceRequest {
        connector_file: file.to_owned(),
        source,
    };
    let findings = match services.ingestion.test_source(request).await {
        Ok(answer) => answer.into_inner().findings,
        Err(status) => return refused(&status),
    };
    html! { ul.tests { @for finding in &findings { (source_line(finding)) } } }
}

fn source_line(finding: &SourceFinding) -> Markup {
    let name = format!("Source {}, {}: ", finding.source, finding.r#type);
    match &finding.result {
        Some(Found::Sample(sample)) => files(&name, sample),
        Some(Found::Database(database)) => line("good", &html! { (name) (rows(database)) }),
        Some(Found::Problem(problem)) => line("bad", &html! { (name) (problem) }),
        None => html! {},
    }
}

fn files(name: &str, sample: &SourceSample) -> Markup {
    let kind = if sample.unreadable.is_empty() {
        "good"
    } else {
        "bad"
    };
    let damaged = |file: &DamagedFile| format!("{}: {}", file.path, file.reason);
    let shown = html! {
        (name)
        @if sample.has_more { "more than " }
        (number(sample.files)) " files, the first " (number(sample.read)) " read as a trial"
        @if sample.foreign > 0 { ", " (number(sample.foreign)) " not the source's" }
    };
    html! {
        (line(kind, &shown))
        @for file in sample.damaged.iter().take(SHOWN) {
            (line("warn", &html! { "would be quarantined: " (damaged(file)) }))
        }
        @for file in sample.unreadable.iter().take(SHOWN) {
            (line("bad", &html! { "cannot be read: " (file) ": check its permissions" }))
        }
    }
}

fn rows(sample: &DatabaseSample) -> String {
    let mut text = match (sample.first, sample.last) {
        (Some(first), Some(last)) => format!("messages from {} to {}", day(first), day(last)),
        _ => "no messages".to_owned(),
    };
    text.push_str(&format!(", database {}", sample.identity));
    for column in &sample.absent {
        text.push_str(&format!("; not in this database: {column}"));
    }
    text
}

/// Looks at directory and custom mapping.
pub(super) async fn directory(services: &mut Services, file: &str) -> DirectoryCheck {
    let request = PreviewRequest {
        connector_file: file.to_owned(),
        identities: Vec::new(),
        custom_mapping: None,
    };
    match services.mapping.preview(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            DirectoryCheck {
                shown: users(&answer),
                sample_mailbox: answer.sample_mailbox,
            }
        }
        Err(status) => DirectoryCheck {
            shown: refused(&status),
            sample_mailbox: String::new(),
        },
    }
}

/// What was found in the directory.
pub(super) fn users(found: &PreviewResponse) -> Markup {
    let summary = html! {
        (number(found.users)) " users"
        @if found.guests > 0 { ", " (number(found.guests)) " guests passed over" }
        @if let Some(custom) = found.custom { ", " (number(custom)) " custom mappings" }
    };
    html! {
        ul.tests {
            (line("good", &summary))
            @for address in found.conflicts.iter().take(SHOWN) {
                (line("warn", &html! { "two users have the address " (address) ": held until one of them gives it up" }))
            }
            @for user in found.without_mailbox.iter().take(SHOWN) {
                (line("warn", &html! { "no mailbox: " (user) }))
            }
        }
    }
}

/// Connects to the target, and signs in to the mailbox where one is given.
pub(super) async fn target(services: &mut Services, file: &str, mailbox: &str) -> TargetCheck {
    let request = TestTargetRequest {
        connector_file: file.to_owned(),
        sample_mailbox: mailbox.to_owned(),
    };
    match services.mailbox_import.test_target(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let kind = |is_problem: bool| if is_problem { "bad" } else { "good" };
            TargetCheck {
                shown: html! {
                    ul.tests {
                        @for finding in &answer.findings {
                            (line(kind(finding.is_problem), &html! { (finding.text) }))
                        }
                    }
                },
                max_part_bytes: answer.max_part_bytes,
            }
        }
        Err(status) => TargetCheck {
            shown: refused(&status),
            max_part_bytes: 0,
        },
    }
}

/// Connects to the server that takes mails about runs, if anybody gets one.
pub(super) async fn report(services: &mut Services, file: &str) -> Markup {
    let request = CheckReportRequest {
        connector_file: file.to_owned(),
    };
    let found = match services.control.check_report(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return refused(&status),
    };
    if found.recipients == 0 {
        return html! { p.soft { "Nobody gets one." } };
    }
    let shown = if found.problem.is_empty() {
        let recipients = number(found.recipients.into());
        let taken = html! { (found.server) " takes mail; recipients: " (recipients) };
        line("good", &taken)
    } else {
        line("bad", &html! { (found.problem) })
    };
    html! { ul.tests { (shown) } }
}

/// A service said no.
pub(super) fn refused(status: &Status) -> Markup {
    html! { ul.tests { (line("bad", &html! { (status.message()) })) } }
}

fn line(kind: &str, shown: &Markup) -> Markup {
    let words = match kind {
        "good" => "OK",
        "warn" => "Note",
        _ => "Problem",
    };
    html! { li { span class={ "badge " (kind) } { (words) } (shown) } }
}
