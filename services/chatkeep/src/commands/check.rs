//! `chatkeep check`, and the part of it that comes before every run.

use std::process::ExitCode;

use anyhow::Context as _;
use chatkeep_ingestion::{DatabaseSample, Finding, Found, Sample};
use chatkeep_mapping::Findings;
use chatkeep_model::{
    UtcTime,
    connector::{Connector, Target},
};
use chatkeep_report::number;

use crate::{lent::Lent, output::Output, place::Place, settings::Settings};

/// Names shown of a list.
const SHOWN: usize = 10;

/// Tests source, directory and target; changes nothing.
pub(crate) async fn run(place: &Place, output: &Output) -> anyhow::Result<ExitCode> {
    let Lent { connector, .. } = &Lent::of(place).await?;
    output.line(format_args!(
        "connector  {} (id {})",
        connector.name,
        connector.id()
    ));
    let mut problems = 0;
    let mut oldest = None;
    let mut unlooked = Vec::new();
    for finding in sources(connector).await? {
        problems += u32::from(!print_source(output, &finding));
        oldest = oldest_in(&finding).into_iter().chain(oldest).min();
        unlooked.extend(unlooked_in(&finding));
    }
    let mut sample = None;
    match chatkeep_mapping::check(connector).await {
        Ok(findings) => {
            print_directory(output, &findings);
            sample = findings.sample_mailbox;
        }
        Err(error) => {
            problems += 1;
            print_problem(output, "directory", &error.into());
        }
    }
    let settings = Settings::load()?.mailbox_import;
    let target = connector.target.type_name();
    match chatkeep_mailbox_import::check(connector, &settings, sample.as_deref()).await {
        Ok(findings) => {
            for finding in findings {
                problems += u32::from(finding.is_problem);
                output.line(format_args!("target     {target}: {}", finding.text));
            }
        }
        Err(error) => {
            problems += 1;
            print_problem(output, "target", &error.into());
        }
    }
    let now = jiff::Timestamp::now().as_second();
    let outlived =
        oldest.and_then(|oldest| chatkeep_mailbox_import::outlived(connector, oldest, now));
    if let Some(warning) = outlived {
        output.line(format_args!("target     {target}: {}", warning.text));
    }
    if has_retention(connector) {
        for source in unlooked {
            output.line(format_args!("target     {target}: retention: {source}"));
        }
    }
    if problems > 0 {
        output.line(format_args!(
            "\n{problems} of these keep the connector from working"
        ));
        return Ok(ExitCode::from(1));
    }
    output.line("\nready: chatkeep archive");
    Ok(ExitCode::SUCCESS)
}

/// What must hold before a run is opened: sources and directory can be read, the target lets us in.
/// Nothing is left half done when one of them cannot. Returns the largest size of an item part.
pub(crate) async fn before_archiving(connector: &Connector) -> anyhow::Result<u64> {
    for finding in sources(connector).await? {
        let (source, kind) = (finding.source, finding.kind);
        let result = finding.result.map(drop);
        result.with_context(|| format!("look into source {source} ({kind})"))?;
    }
    let sample = chatkeep_mapping::sample_mailbox(connector).await;
    let sample = sample.context("read the directory")?;
    let settings = Settings::load()?.mailbox_import;
    let sample = sample.as_deref();
    let limit = chatkeep_mailbox_import::max_part_bytes(connector, &settings, sample).await;
    limit.with_context(|| match &connector.target {
        Target::Imap(imap) => format!("ask the target {}", imap.host),
        target => format!("look at the target {}", target.type_name()),
    })
}

async fn sources(connector: &Connector) -> anyhow::Result<Vec<Finding>> {
    let connector = connector.clone();
    let findings = tokio::task::spawn_blocking(move || chatkeep_ingestion::check(&connector));
    findings.await.context("look into the sources")
}

/// The oldest conversation that a look into a source came across, Unix seconds.
fn oldest_in(finding: &Finding) -> Option<i64> {
    match finding.result.as_ref().ok()? {
        Found::Files(sample) => sample.oldest,
        Found::Database(sample) => sample.first,
    }
}

/// What of a source nobody has looked at for its oldest conversation.
fn unlooked_in(finding: &Finding) -> Option<String> {
    let Found::Files(sample) = finding.result.as_ref().ok()? else {
        return None;
    };
    (sample.has_more || sample.read < sample.files).then(|| {
        let (source, read) = (finding.source, number(sample.read as u64));
        format!(
            "of source {source} the first {read} files were looked at; whether others hold older \
             conversations is not known"
        )
    })
}

/// Whether the connector says what age the mailboxes keep.
fn has_retention(connector: &Connector) -> bool {
    matches!(&connector.target, Target::Graph(target) if target.retention.is_some())
}

/// False when the source cannot be read.
fn print_source(output: &Output, finding: &Finding) -> bool {
    let Finding {
        source,
        kind,
        result,
    } = finding;
    match result {
        Ok(Found::Files(sample)) => {
            output.line(format_args!("source {source}   {kind}: {}", found(sample)));
            print_files(output, sample)
        }
        Ok(Found::Database(sample)) => {
            let text = found_in(sample);
            output.line(format_args!("source {source}   {kind}: {text}"));
            for column in &sample.absent {
                output.line(format_args!("           not in this database: {column}"));
            }
            true
        }
        Err(error) => {
            let error = anyhow::Chain::new(error).map(ToString::to_string);
            let error: Vec<_> = error.collect();
            let error = error.join(": ");
            output.line(format_args!("source {source}   {kind}: {error}"));
            false
        }
    }
}

/// False when some files cannot be read.
fn print_files(output: &Output, sample: &Sample) -> bool {
    for (file, reason) in sample.damaged.iter().take(SHOWN) {
        output.line(format_args!(
            "           would be quarantined: {file}: {reason}"
        ));
    }
    for file in sample.unreadable.iter().take(SHOWN) {
        output.line(format_args!(
            "           cannot be read: {file}: check its permissions"
        ));
    }
    sample.unreadable.is_empty()
}

fn found_in(sample: &DatabaseSample) -> String {
    let day = |seconds: i64| UtcTime::from_seconds(seconds).day();
    let messages = match (sample.first, sample.last) {
        (Some(first), Some(last)) => format!("messages from {} to {}", day(first), day(last)),
        _ => "no messages".to_owned(),
    };
    format!("{messages}, database {}", sample.identity)
}

fn found(sample: &Sample) -> String {
    let more = if sample.has_more { "more than " } else { "" };
    let files = number(sample.files as u64);
    let read = number(sample.read as u64);
    let mut text = format!("{more}{files} files, the first {read} read as a trial");
    if sample.foreign > 0 {
        let foreign = number(sample.foreign);
        text.push_str(&format!(", {foreign} not the source's"));
    }
    text
}

fn print_directory(output: &Output, findings: &Findings) {
    let mut line = format!("directory  {} users", number(findings.users));
    if findings.guests > 0 {
        line.push_str(&format!(", {} guests passed over", number(findings.guests)));
    }
    if findings.disabled > 0 {
        let disabled = number(findings.disabled);
        line.push_str(&format!(", {disabled} of them may not sign in"));
    }
    if let Some(custom) = findings.custom {
        line.push_str(&format!(", {} custom mappings", number(custom)));
    }
    output.line(line);
    for conflict in findings.conflicts.iter().take(SHOWN) {
        let users = conflict.users.join(" and ");
        let address = &conflict.address;
        output.line(format_args!(
            "           held until one of them gives it up: {address} is {users}"
        ));
    }
    print_rest(output, findings.conflicts.len());
    for user in findings.without_mailbox.iter().take(SHOWN) {
        output.line(format_args!("           no mailbox: {user}"));
    }
    print_rest(output, findings.without_mailbox.len());
}

fn print_rest(output: &Output, length: usize) {
    if length > SHOWN {
        let rest = number((length - SHOWN) as u64);
        output.line(format_args!("           ... and {rest} more"));
    }
}

fn print_problem(output: &Output, what: &str, error: &anyhow::Error) {
    output.line(format_args!("{what:<10} {error:#}"));
}
