//! Transact-SQL that makes tables and fills them.

use jiff::{Timestamp, tz::Offset};

/// Rows of one INSERT: SQL Server takes at most 1,000.
const ROWS: usize = 500;

/// Rows to be inserted into one table.
pub(crate) struct Table {
    name: &'static str,
    columns: &'static str,
    rows: Vec<String>,
}

impl Table {
    /// A table and the columns that its rows have.
    pub(crate) fn new(name: &'static str, columns: &'static str) -> Self {
        Self {
            name,
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row of literals.
    pub(crate) fn add(&mut self, values: &[&str]) {
        self.rows.push(format!("({})", values.join(", ")));
    }

    fn write(&self, script: &mut String) {
        for rows in self.rows.chunks(ROWS) {
            script.push_str(&format!(
                "INSERT INTO dbo.{} ({}) VALUES\n{};\n",
                self.name,
                self.columns,
                rows.join(",\n")
            ));
        }
    }
}

/// A script that makes the tables of an empty database and fills them.
pub(crate) fn script(database: &str, schema: &str, tables: &[&Table]) -> String {
    let mut script = format!(
        "-- Fills an empty database with invented conversations. Its tables are a look-alike: what Chatkeep\n\
         -- reads of the real ones.\n\
         --\n\
         --     sqlcmd -S localhost -Q \"CREATE DATABASE {database}\"\n\
         --     sqlcmd -S localhost -d {database} -x -f 65001 -i {database}.sql\n\n\
         {schema}\n"
    );
    for table in tables {
        table.write(&mut script);
    }
    script
}

/// Text as a literal of `nvarchar`.
pub(crate) fn text(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// Unix seconds as a literal of `datetime`, in the one form that no language setting changes.
pub(crate) fn time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let time = Offset::UTC.to_datetime(time);
    format!("'{}.000'", time.strftime("%Y-%m-%dT%H:%M:%S"))
}
