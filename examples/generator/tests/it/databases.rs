use std::{fs, str};

use chatkeep_generator::Options;
use chatkeep_model::connector::Connector;
use sqlparser::{dialect::MsSqlDialect, parser::Parser};

use crate::Sample;

#[test]
fn scripts_are_transact_sql_that_makes_tables_and_fills_them() {
    let sample = Sample::of(&Options::contoso());
    let scripts = sample.with_extension("sql");

    assert_eq!(scripts.len(), 3);
    for script in &scripts {
        let script = str::from_utf8(script).unwrap();
        let parsed = Parser::parse_sql(&MsSqlDialect {}, script).unwrap();
        let inserts = script.matches("\nINSERT INTO dbo.").count();
        let tables = script.matches("\nCREATE TABLE dbo.").count();
        assert!(inserts > 0 && tables > 0);
        assert_eq!(parsed.len(), inserts + tables);
    }
}

#[test]
fn the_connector_file_reads_every_database() {
    let sample = Sample::of(&Options::contoso());
    let folder = sample.folder.path().join("databases");
    let text = fs::read_to_string(folder.join("connector.toml")).unwrap();

    let connector = Connector::parse(&text, &folder).unwrap();

    let sources = connector.sources.iter();
    let databases = sources.filter_map(|source| source.database());
    let databases: Vec<_> = databases.map(|one| one.database.as_str()).collect();
    assert_eq!(databases, ["LcsLog01", "LcsLog02", "mgc"]);
}
