//! Databases of rooms in the connector file.

use std::{path::Path, time::Duration};

use chatkeep_model::connector::{Connector, Source};

fn file(sources: &str) -> String {
    format!(
        "name = 'a'\ndomain = 'contoso.com'\n{sources}\n\
         [directory]\ntype = 'csv'\npath = 'd.csv'\n[target]\ntype = 'discard'\n"
    )
}

fn database(keys: &str) -> String {
    format!(
        "[[sources]]\ntype = 'persistent-chat-database'\nserver = 'sql01'\n\
         auth = {{ type = 'sql', user = 'env:U', password = 'env:P' }}\n{keys}\n"
    )
}

fn problem(sources: &str) -> String {
    let parsed = Connector::parse(&file(sources), Path::new("/"));
    parsed.unwrap_err().to_string()
}

#[test]
fn a_database_of_rooms_is_mgc_with_the_domain_of_the_connector() {
    let connector = Connector::parse(&file(&database("")), Path::new("/")).unwrap();

    let Source::PersistentChatDatabase(source) = &connector.sources[0] else {
        panic!("it is of rooms");
    };
    assert_eq!(source.database, "mgc");
    assert_eq!(source.domain.as_deref(), Some("contoso.com"));
    assert_eq!(source.reread, Some(Duration::from_hours(7 * 24)));
    let again = Connector::parse(&connector.to_toml().unwrap(), Path::new("/")).unwrap();
    assert_eq!(again, connector);
}

#[test]
fn keys_of_sessions_are_refused_for_rooms_and_the_other_way_round() {
    let sessions = database("reread = '3d'").replace("persistent-chat", "archiving");

    assert_eq!(
        problem(&database("settle = '1h'")),
        "sources.1.settle: is a key of archiving-database"
    );
    assert_eq!(
        problem(&sessions),
        "sources.1.reread: is a key of persistent-chat-database"
    );
}

#[test]
fn what_is_read_again_is_a_day_at_least() {
    let problem = problem(&database("reread = '12h'"));

    assert!(
        problem.starts_with("sources.1.reread: must be at least a day"),
        "{problem}"
    );
}

#[test]
fn rooms_come_from_files_or_from_a_database_on_any_day() {
    let files = |keys| format!("[[sources]]\ntype = 'persistent-chat-xml'\npath = 'c'\n{keys}\n");
    let both = files("") + &database("");
    let one_after_the_other = files("to = '2026-01-01'") + &database("from = '2026-01-01'");

    assert!(
        problem(&both).starts_with("sources.2.type: "),
        "{}",
        problem(&both)
    );
    assert!(Connector::parse(&file(&one_after_the_other), Path::new("/")).is_ok());
}

#[test]
fn the_example_is_a_connector_file() {
    let example = include_str!("../../../../examples/mgc/connector.toml");

    let connector = Connector::parse(example, Path::new("/")).unwrap();

    assert_eq!(connector.sources[0].type_name(), "persistent-chat-database");
}
