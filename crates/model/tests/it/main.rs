//! The connector file, as administrators write it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rooms;

use std::path::Path;

mod databases;
mod signing_in;
mod tenants;

use chatkeep_model::{
    UtcTime,
    connector::{Connector, ConnectorError, HoldFor, Target, Unmapped},
};

const FILE: &str = r#"
name   = "Contoso Skype for Business"
domain = "contoso.com"

[[sources]]
type = "archiving-export"
path = "exports"
to   = "2026-01-01"
quiet = "2m"

[[sources]]
type = "persistent-chat-xml"
path = "compliance"

[item]
time_zone = "Europe/Berlin"
json_record = true

[[exclude]]
name = "bots"
address = "*@apps.contoso.com"

[directory]
type = "csv"
path = "directory.csv"

[mapping]
domains = ["Contoso.com", "fabrikam.com"]
custom = "mapping.csv"
unmapped = "Compliance@contoso.com"
hold_for = "30days"

[target]
type = "imap"
host = "imap.contoso.com"
tls = "starttls"
auth = "authzid"
user = "env:IMAP_USER"
password = "file:secrets/imap"
max_item = "10MB"
"#;

fn parse(text: &str) -> Result<Connector, ConnectorError> {
    Connector::parse(text, Path::new("/etc/chatkeep"))
}

/// The whole error chain as the user reads it.
fn problem(text: &str) -> String {
    let error = anyhow::Error::from(parse(text).unwrap_err());
    format!("{error:#}")
}

fn with(line: &str, replacement: &str) -> String {
    assert!(FILE.contains(line), "{line}");
    FILE.replace(line, replacement)
}

#[test]
fn paths_are_relative_to_the_file() {
    let connector = parse(FILE).unwrap();

    let source = &connector.sources[0];
    let files = source.files().unwrap();
    assert_eq!(files.path, Path::new("/etc/chatkeep/exports"));
    let Target::Imap(imap) = &connector.target else {
        panic!("{:?}", connector.target)
    };
    assert_eq!(
        imap.password.as_ref().unwrap().to_string(),
        "file:/etc/chatkeep/secrets/imap"
    );
}

#[test]
fn what_is_written_reads_back_the_same() {
    let connector = parse(FILE).unwrap();

    let written = connector.to_toml().unwrap();

    assert_eq!(
        Connector::parse(&written, Path::new("/")).unwrap(),
        connector
    );
}

#[test]
fn every_value_arrives() {
    let connector = parse(FILE).unwrap();

    assert_eq!(connector.domains(), ["contoso.com", "fabrikam.com"]);
    assert_eq!(
        connector.mapping.unmapped,
        Unmapped::CatchAll("compliance@contoso.com".to_owned())
    );
    let thirty_days = std::time::Duration::from_hours(30 * 24);
    assert_eq!(connector.mapping.hold_for, HoldFor::Time(thirty_days));
    assert_eq!(connector.target.max_item(), 10_000_000);
    assert_eq!(connector.sources[0].files().unwrap().quiet.as_secs(), 120);
    let new_year = UtcTime::from_seconds(1_767_225_600);
    let before = UtcTime::from_nanos(new_year.nanos() - 1);
    assert!(connector.sources[0].contains(before));
    assert!(!connector.sources[0].contains(new_year));
    let rule = connector.exclude[0].matcher().unwrap();
    assert!(rule.is_match("bot.7@apps.contoso.com"));
    assert!(!rule.is_match("ann@contoso.com"));
}

#[test]
fn unknown_keys_are_refused_by_name_and_line() {
    let message = problem(&with("json_record = true", "json_records = true"));
    assert!(message.contains("json_records"), "{message}");

    let message = problem(&with("quiet = \"2m\"", "quite = \"2m\""));
    assert!(message.contains("quite"), "{message}");

    let message = problem(&with("host = ", "hosts = "));
    assert!(message.contains("host"), "{message}");
}

#[test]
fn a_secret_in_the_file_is_refused() {
    let message = problem(&with("\"file:secrets/imap\"", "\"hunter2\""));

    assert!(message.contains("by reference"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
    assert!(message.starts_with("line 3"), "{message}");
}

#[test]
fn what_cannot_work_is_refused_with_its_key() {
    let cases = [
        ("\"contoso.com\"", "\"not a domain\"", "domain"),
        (
            "time_zone = \"Europe/Berlin\"",
            "time_zone = \"Mars/Base\"",
            "item.time_zone",
        ),
        (
            "max_item = \"10MB\"",
            "max_item = \"1kB\"",
            "target.max_item",
        ),
        ("user = \"env:IMAP_USER\"\n", "", "target.user"),
        (
            "to   = \"2026-01-01\"",
            "from = \"2026-01-01\"\nto = \"2025-01-01\"",
            "sources.1.to",
        ),
    ];
    for (line, replacement, key) in cases {
        let message = problem(&FILE.replacen(line, replacement, 1));
        assert!(message.starts_with(key), "{key}: {message}");
    }
}

#[test]
fn a_folder_is_not_read_by_two_sources_of_a_kind() {
    let twice = with(
        "type = \"persistent-chat-xml\"\npath = \"compliance\"",
        "type = \"archiving-export\"\npath = \"exports/pool1\"",
    );

    let message = problem(&twice);

    assert!(message.starts_with("sources.2.path"), "{message}");
}

#[test]
fn the_same_folder_may_be_read_by_two_sources_with_disjoint_times() {
    let history = with(
        "type = \"persistent-chat-xml\"\npath = \"compliance\"",
        "type = \"archiving-export\"\npath = \"exports\"\nfrom = \"2026-01-01\"",
    );

    parse(&history).unwrap();
}

#[test]
fn the_id_follows_the_name_unless_the_file_fixes_it() {
    let connector = parse(FILE).unwrap();
    assert_eq!(connector.id(), parse(FILE).unwrap().id());

    let fixed = parse(&format!("id = \"contoso-1\"\n{FILE}")).unwrap();
    assert_eq!(fixed.id(), "contoso-1");
}
