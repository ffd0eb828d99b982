use std::collections::{BTreeMap, BTreeSet};

use crate::{
    tds::{Column, DateTime, Kind, Row, Value},
    tsql::{Table, Tables},
};

/// All tables.
#[derive(Debug, Default)]
pub(super) struct Store {
    rows: BTreeMap<&'static str, Vec<Row>>,
    /// Tables that are not there.
    pub(super) dropped: BTreeSet<String>,
}

/// A table: its name and its columns.
type Described = (&'static str, &'static [(&'static str, Kind)]);

const TABLES: [Described; 6] = [
    (
        "Users",
        &[("UserId", Kind::Int), ("UserUri", Kind::NVarChar(450))],
    ),
    (
        "ConferenceUris",
        &[
            ("ConferenceUriId", Kind::Int),
            ("ConferenceUri", Kind::NVarChar(450)),
        ],
    ),
    (
        "Conferences",
        &[
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("ConferenceUriId", Kind::Int),
            ("ConferenceStartTime", Kind::DateTime),
            ("ConferenceEndTime", Kind::DateTime),
        ],
    ),
    (
        "FocusJoinsAndLeaves",
        &[
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("UserId", Kind::Int),
            ("UserJoinTime", Kind::DateTime),
            ("UserLeaveTime", Kind::DateTime),
        ],
    ),
    (
        "SessionDetails",
        &[
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("User1MessageCount", Kind::Int),
            ("User2MessageCount", Kind::Int),
            ("SessionEndTime", Kind::DateTime),
        ],
    ),
    (
        "ConferenceMessageCount",
        &[
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("UserId", Kind::Int),
            ("MessageCount", Kind::SmallInt),
        ],
    ),
];

impl Store {
    pub(super) fn add(&mut self, table: &'static str, row: Row) {
        self.rows.entry(table).or_default().push(row);
    }

    /// The id of a name in a table of names; a new one is added.
    pub(super) fn named(&mut self, table: &'static str, name: &str) -> i32 {
        let rows = self.rows.entry(table).or_default();
        let name = Value::Text(name.to_owned());
        let known = rows.iter().position(|row| row[1] == name);
        let place = known.unwrap_or(rows.len());
        let id = i32::try_from(place + 1).unwrap_or(i32::MAX);
        if known.is_none() {
            rows.push(vec![Value::Int(id), name]);
        }
        id
    }

    fn find(&self, table: &str) -> Option<&'static Described> {
        let mut tables = TABLES.iter();
        let found = tables.find(|(name, _)| name.eq_ignore_ascii_case(table))?;
        (!self.dropped.contains(found.0)).then_some(found)
    }
}

impl Tables for Store {
    fn names(&self) -> Vec<&str> {
        let names = TABLES.iter().map(|(name, _)| *name);
        names.filter(|name| !self.dropped.contains(*name)).collect()
    }

    /// Its rows come in the order in which they were added.
    fn describe(&self, table: &str) -> Option<Table> {
        let (_, columns) = self.find(table)?;
        let columns = columns.iter();
        Some(Table {
            columns: columns
                .map(|(name, kind)| Column::new(name, *kind))
                .collect(),
            key: 0,
        })
    }

    fn scan<'a>(
        &'a self,
        table: &str,
        _: Option<&Value>,
        _: Option<&Value>,
    ) -> Box<dyn Iterator<Item = Row> + 'a> {
        let rows = self.find(table).and_then(|(name, _)| self.rows.get(name));
        Box::new(rows.into_iter().flatten().cloned())
    }

    fn last(&self, table: &str) -> Option<Row> {
        self.scan(table, None, None).last()
    }

    fn now(&self) -> DateTime {
        DateTime::default()
    }
}
