use std::path::Path;

use chatkeep_model::connector::{Connector, ReportWhen};

use super::*;

/// A connector file whose one part is this table; nothing is wrong with the others.
fn file(part: &str, table: Table) -> String {
    let draft = super::super::draft::Draft::new();
    let mut whole: Table = draft.only(&[]).parse().unwrap();
    let value = match part {
        "sources" => Value::Array(vec![Value::Table(table)]),
        _ => Value::Table(table),
    };
    whole.insert(part.to_owned(), value);
    whole.to_string()
}

fn answer(field: &Field) -> &'static str {
    match field.kind {
        Kind::Path => "/srv",
        Kind::Number => "7",
        Kind::Flag | Kind::Part => "true",
        Kind::Time => "48h",
        Kind::Day => "2026-01-31",
        Kind::Secret => "env:NAME",
        Kind::Choice(choices) => choices[choices.len() - 1].0,
        _ if field.key == "max_item" => "1MB",
        _ if field.key == "tag.id" => "00112233-4455-6677-8899-aabbccddeeff",
        _ => "contoso.com",
    }
}

#[test]
fn every_key_that_a_form_asks_for_is_one_of_the_connector_file() {
    for (part, types) in [
        ("sources", SOURCES),
        ("directory", DIRECTORIES),
        ("target", TARGETS),
    ] {
        for one in types {
            for field in one.fields {
                let mut table = one.table();
                for needed in one
                    .fields
                    .iter()
                    .filter(|field| field.rank == Rank::Required)
                {
                    needed.put(&mut table, answer(needed));
                }
                assert_eq!(
                    field.put(&mut table, answer(field)),
                    None,
                    "{} {}",
                    one.name,
                    field.key
                );

                let parsed = Connector::parse(&file(part, table), Path::new("/"));

                let words = parsed
                    .err()
                    .map(|error| error.to_string())
                    .unwrap_or_default();
                assert!(
                    !words.contains("unknown"),
                    "{} {}: {words}",
                    one.name,
                    field.key
                );
                assert!(
                    !words.contains("invalid"),
                    "{} {}: {words}",
                    one.name,
                    field.key
                );
            }
        }
    }
}

#[test]
fn recipients_of_reports_become_part_of_the_file_and_leave_it_again() {
    let [to, when] = REPORT else { unreachable!() };
    let mut table = Table::new();
    let read = |table: &Table| {
        let report = table["report"].as_table().unwrap().clone();
        Connector::parse(&file("report", report), Path::new("/")).unwrap()
    };

    to.put(&mut table, "ann@contoso.com, bob@contoso.com");
    when.put(&mut table, "problems only");
    let told = read(&table).report;
    to.put(&mut table, "");

    assert_eq!(told.to, ["ann@contoso.com", "bob@contoso.com"]);
    assert_eq!(told.when, ReportWhen::ProblemsOnly);
    assert!(!read(&table).report.is_asked());
}
