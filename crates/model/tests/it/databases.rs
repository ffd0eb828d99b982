//! Sources that are databases.

use std::time::Duration;

use chatkeep_model::connector::{DatabaseAuth, DatabaseSource, DatabaseTls, Source};

use super::{parse, problem};

const AUTH: &str =
    r#"auth = { type = "sql", user = "env:SQL_USER", password = "file:secrets/sql" }"#;

/// A connector file with these sources.
fn file(sources: &[&str]) -> String {
    let head = "name = \"a\"\ndomain = \"contoso.com\"\n";
    let tail = "[directory]\ntype = \"csv\"\npath = \"d.csv\"\n[target]\ntype = \"discard\"\n";
    let sources: Vec<_> = sources
        .iter()
        .map(|source| format!("[[sources]]\n{source}\n"))
        .collect();
    [head, &sources.concat(), tail].concat()
}

/// A database with these keys.
fn database(keys: &str) -> String {
    format!("type = \"archiving-database\"\nserver = \"sql01\"\n{AUTH}\n{keys}")
}

fn source(keys: &str) -> DatabaseSource {
    let connector = parse(&file(&[&database(keys)])).unwrap();
    connector.sources[0].database().unwrap().clone()
}

#[test]
fn a_database_needs_a_server_and_a_login_only() {
    let source = source("");

    assert_eq!(source.database, "LcsLog");
    assert_eq!(source.tls, DatabaseTls::Verify);
    assert_eq!(source.settle, Duration::from_hours(24));
    assert_eq!(source.overlap, Duration::from_hours(1));
    assert_eq!(source.recount, Duration::from_hours(7 * 24));
    assert_eq!(source.page_size, 5_000);
    let DatabaseAuth::Sql { password, .. } = source.auth else {
        panic!("{:?}", source.auth)
    };
    assert_eq!(password.to_string(), "file:/etc/chatkeep/secrets/sql");
}

#[test]
fn a_database_reads_back_as_it_was_written() {
    let keys = "ca = \"ca.pem\"\nsettle = \"48h\"\nscope = [\"*@contoso.com\"]\n\
                identity = \"x\"\nfrom = \"2026-01-01\"\nport = 1500\n";
    let connector = parse(&file(&[&database(keys)])).unwrap();

    let written = connector.to_toml().unwrap();

    assert_eq!(parse(&written).unwrap(), connector);
}

#[test]
fn what_cannot_work_is_refused_by_its_key() {
    for (keys, words) in [
        ("page_size = 0", "sources.1.page_size: must be 1 to 100000"),
        ("rows_per_second = 0", "sources.1.rows_per_second"),
        (
            "recount = \"11years\"",
            "sources.1.recount: must be at most ten years",
        ),
        ("connect_timeout = \"10ms\"", "sources.1.connect_timeout"),
        ("tls = \"none\"\nca = \"ca.pem\"", "sources.1.ca"),
        ("scope = [\"[\"]", "sources.1.scope"),
        ("cdr = { server = \" \" }", "sources.1.cdr.server: is empty"),
        ("cdr = { port = 1500 }", "sources.1.cdr.port: is of no use"),
        (
            "cdr = { auth = { type = \"windows\" } }",
            "sources.1.cdr.auth: cannot be windows",
        ),
        (
            "from = \"2026-01-02\"\nto = \"2026-01-01\"",
            "sources.1.to: is not after from",
        ),
    ] {
        let problem = problem(&file(&[&database(keys)]));

        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn logins_that_are_not_built_in_are_refused_with_the_reason() {
    for (kind, words) in [("windows", "Kerberos"), ("entra", "Entra ID")] {
        let file = file(&[&database("")]);
        let other = format!("auth = {{ type = \"{kind}\" }}");

        let problem = problem(&file.replace(AUTH, &other));

        assert!(
            problem.starts_with("sources.1.auth: cannot be"),
            "{problem}"
        );
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn call_detail_records_are_where_the_archiving_database_is_unless_the_file_says_otherwise() {
    let beside = source("port = 1500\nfailover_partner = \"sql02\"\nidentity = \"x\"\ncdr = {}\n");
    let elsewhere = source(
        "port = 1500\nfailover_partner = \"sql02\"\n\
         cdr = { server = \"sql09\", database = \"Calls\", \
         auth = { type = \"sql\", user = \"env:CDR\", password = \"file:cdr\" } }\n",
    );

    assert_eq!(source("").call_details(), None);
    let details = beside.call_details().unwrap();
    assert_eq!((&*details.server, &*details.database), ("sql01", "LcsCDR"));
    assert_eq!(details.port, Some(1_500));
    assert_eq!(details.failover_partner.as_deref(), Some("sql02"));
    assert_eq!((&details.auth, &details.identity), (&beside.auth, &None));
    let details = elsewhere.call_details().unwrap();
    assert_eq!((&*details.server, &*details.database), ("sql09", "Calls"));
    assert_eq!((details.port, &details.failover_partner), (None, &None));
    let DatabaseAuth::Sql { password, .. } = details.auth else {
        panic!("{:?}", details.auth)
    };
    assert_eq!(password.to_string(), "file:/etc/chatkeep/cdr");
}

#[test]
fn one_database_is_not_read_by_two_sources() {
    let (one, two) = (database(""), database("").replace("sql01", "SQL01"));
    let other = database("").replace("sql01", "sql02");

    let twice = problem(&file(&[&one, &two]));

    assert!(twice.contains("sources.2.server: is the database of another source"));
    assert!(parse(&file(&[&one, &other])).is_ok());
}

#[test]
fn an_export_and_a_database_do_not_cover_the_same_days() {
    let export = "type = \"archiving-export\"\npath = \"exports\"";
    let history = format!("{export}\nto = \"2026-01-01\"");
    let rooms = "type = \"persistent-chat-xml\"\npath = \"compliance\"";
    let from = database("from = \"2026-01-01\"");

    let twice = problem(&file(&[export, &database("")]));

    assert!(twice.contains("sources.2.type: has the conversations of another source"));
    assert!(parse(&file(&[&history, &from])).is_ok());
    let with_rooms = parse(&file(&[rooms, &database("")])).unwrap();
    assert!(matches!(
        with_rooms.sources[1],
        Source::ArchivingDatabase(_)
    ));
}
