//! `chatkeep check`, and the part of it that comes before every run.

mod facts;

use std::process::ExitCode;

use anyhow::Context as _;
use chatkeep_control::ReportCheck;
use chatkeep_model::{
    UtcTime,
    connector::{Connector, Target},
};
use chatkeep_report::number;

use self::facts::{DamagedFile, DatabaseFacts, DirectoryFacts, Facts, FileFacts, SourceFact};
use crate::{lent::Lent, output::Output, place::Place, settings::Settings, system::Site};

/// Names shown of a list.
const SHOWN: usize = 10;

/// Tests source, directory and target; changes nothing.
pub(crate) async fn run(place: &Place, output: &Output) -> anyhow::Result<ExitCode> {
    let lent = match &place.site {
        // A server lends its services what they need.
        Site::Behind(_) => None,
        Site::Here(_) | Site::There(_) => Some(Lent::of(place).await?),
    };
    let connector = lent
        .as_ref()
        .map_or(&place.connector, |lent| &lent.connector);
    output.line(format_args!(
        "connector  {} (id {})",
        connector.name,
        connector.id()
    ));
    let facts = match &place.site {
        Site::Behind(server) => Facts::behind(server, connector).await?,
        // Control has no eyes: who calls the command has those of the services, or none.
        Site::Here(_) | Site::There(_) => Facts::here(connector).await?,
    };
    // As it is written: whoever is asked has the secrets, or needs none.
    let report = facts::report(&place.site, &place.connector).await?;
    let mut problems = 0;
    for source in &facts.sources {
        problems += u32::from(!print_source(output, source));
    }
    match &facts.directory {
        Ok(directory) => print_directory(output, directory),
        Err(problem) => {
            problems += 1;
            output.line(format_args!("{:<10} {problem}", "directory"));
        }
    }
    let target = connector.target.type_name();
    match &facts.target {
        Ok(findings) => {
            for finding in findings {
                problems += u32::from(finding.is_problem);
                output.line(format_args!("target     {target}: {}", finding.text));
            }
        }
        Err(problem) => {
            problems += 1;
            output.line(format_args!("{:<10} {problem}", "target"));
        }
    }
    print_retention(output, connector, &facts.sources);
    problems += u32::from(!print_report(output, &report));
    if problems > 0 {
        output.line(format_args!(
            "\n{problems} of these keep the connector from working"
        ));
        return Ok(ExitCode::from(1));
    }
    let next = match &place.site {
        Site::Behind(_) => "chatkeep connectors put",
        Site::Here(_) | Site::There(_) => "chatkeep archive",
    };
    output.line(format_args!("\nready: {next}"));
    Ok(ExitCode::SUCCESS)
}

/// What must hold before a run is opened: sources and directory can be read, the target lets us in.
/// Nothing is left half done when one of them cannot. Returns the largest size of an item part.
pub(crate) async fn before_archiving(connector: &Connector) -> anyhow::Result<u64> {
    for finding in facts::sources(connector).await? {
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

/// Says where items would be older than the mailboxes keep anything.
fn print_retention(output: &Output, connector: &Connector, sources: &[SourceFact]) {
    let target = connector.target.type_name();
    let oldest = sources.iter().filter_map(SourceFact::oldest).min();
    let now = jiff::Timestamp::now().as_second();
    let outlived =
        oldest.and_then(|oldest| chatkeep_mailbox_import::outlived(connector, oldest, now));
    if let Some(warning) = outlived {
        output.line(format_args!("target     {target}: {}", warning.text));
    }
    if has_retention(connector) {
        for source in sources.iter().filter_map(unlooked_in) {
            output.line(format_args!("target     {target}: retention: {source}"));
        }
    }
}

/// What of a source nobody has looked at for its oldest conversation.
fn unlooked_in(source: &SourceFact) -> Option<String> {
    let files = source.files.as_ref()?;
    (files.has_more || files.read < files.files).then(|| {
        let (source, read) = (source.source, number(files.read));
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
fn print_source(output: &Output, found: &SourceFact) -> bool {
    let begin = format!("source {}   {}", found.source, found.r#type);
    if let Some(problem) = &found.problem {
        output.line(format_args!("{begin}: {problem}"));
        return false;
    }
    if let Some(database) = &found.database {
        output.line(format_args!("{begin}: {}", found_in(database)));
        for column in &database.absent {
            output.line(format_args!("           not in this database: {column}"));
        }
    }
    let Some(files) = &found.files else {
        return true;
    };
    output.line(format_args!("{begin}: {}", found_files(files)));
    print_files(output, files)
}

/// False when some files cannot be read.
fn print_files(output: &Output, files: &FileFacts) -> bool {
    for DamagedFile { path, reason } in files.damaged.iter().take(SHOWN) {
        output.line(format_args!(
            "           would be quarantined: {path}: {reason}"
        ));
    }
    for file in files.unreadable.iter().take(SHOWN) {
        output.line(format_args!(
            "           cannot be read: {file}: check its permissions"
        ));
    }
    files.unreadable.is_empty()
}

fn found_in(database: &DatabaseFacts) -> String {
    let day = |time: jiff::Timestamp| UtcTime::from_seconds(time.as_second()).day();
    let messages = match (database.first, database.last) {
        (Some(first), Some(last)) => format!("messages from {} to {}", day(first), day(last)),
        _ => "no messages".to_owned(),
    };
    format!("{messages}, database {}", database.identity)
}

fn found_files(sample: &FileFacts) -> String {
    let more = if sample.has_more { "more than " } else { "" };
    let files = number(sample.files);
    let read = number(sample.read);
    let mut text = format!("{more}{files} files, the first {read} read as a trial");
    if sample.foreign > 0 {
        let foreign = number(sample.foreign);
        text.push_str(&format!(", {foreign} not the source's"));
    }
    text
}

fn print_directory(output: &Output, facts: &DirectoryFacts) {
    let mut line = format!("directory  {} users", number(facts.users));
    if facts.guests > 0 {
        line.push_str(&format!(", {} guests passed over", number(facts.guests)));
    }
    if facts.disabled > 0 {
        let disabled = number(facts.disabled);
        line.push_str(&format!(", {disabled} of them may not sign in"));
    }
    if let Some(custom) = facts.custom {
        line.push_str(&format!(", {} custom mappings", number(custom)));
    }
    output.line(line);
    for conflict in facts.conflicts.iter().take(SHOWN) {
        output.line(format_args!(
            "           held until one of them gives it up: {conflict}"
        ));
    }
    print_rest(output, facts.conflicts.len());
    for user in facts.without_mailbox.iter().take(SHOWN) {
        output.line(format_args!("           no mailbox: {user}"));
    }
    print_rest(output, facts.without_mailbox.len());
}

fn print_rest(output: &Output, length: usize) {
    if length > SHOWN {
        let rest = number((length - SHOWN) as u64);
        output.line(format_args!("           ... and {rest} more"));
    }
}

/// False when nobody could be told of runs who should be.
fn print_report(output: &Output, report: &ReportCheck) -> bool {
    match report {
        ReportCheck::NotAsked => true,
        ReportCheck::Ready { recipients, server } => {
            let recipients = number(*recipients as u64);
            output.line(format_args!(
                "report     {server} takes mail for {recipients} recipients"
            ));
            true
        }
        ReportCheck::Problem(problem) => {
            output.line(format_args!("report     {problem}"));
            false
        }
    }
}
