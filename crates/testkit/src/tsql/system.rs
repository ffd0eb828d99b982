use super::{Table, Tables};
use crate::tds::{Column, DateTime, Kind, Row, Value};

const COLUMNS: &str = "INFORMATION_SCHEMA.COLUMNS";
const DATABASES: &str = "sys.databases";

/// What tells one database from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `service_broker_guid`; `None` for NULL.
    pub(crate) broker: Option<[u8; 16]>,
    /// `create_date`.
    pub(crate) created: DateTime,
}

/// The tables of a database, with the views that SQL Server adds to them: `INFORMATION_SCHEMA.COLUMNS` and
/// `sys.databases`.
pub(crate) struct System<'a, T> {
    /// The name of the database.
    pub(crate) database: &'a str,
    pub(crate) identity: Identity,
    pub(crate) tables: &'a T,
}

impl<T: Tables> Tables for System<'_, T> {
    fn names(&self) -> Vec<&str> {
        self.tables.names()
    }

    fn describe(&self, table: &str) -> Option<Table> {
        let columns: &[(&str, Kind)] = if table.eq_ignore_ascii_case(COLUMNS) {
            &[
                ("TABLE_SCHEMA", Kind::NVarChar(128)),
                ("TABLE_NAME", Kind::NVarChar(128)),
                ("COLUMN_NAME", Kind::NVarChar(128)),
                ("DATA_TYPE", Kind::NVarChar(128)),
            ]
        } else if table.eq_ignore_ascii_case(DATABASES) {
            &[
                ("database_id", Kind::Int),
                ("name", Kind::NVarChar(128)),
                ("service_broker_guid", Kind::Guid),
                ("create_date", Kind::DateTime),
            ]
        } else {
            return self.tables.describe(table);
        };
        let columns = columns.iter().map(|(name, kind)| Column::new(name, *kind));
        Some(Table {
            columns: columns.collect(),
            key: 0,
        })
    }

    fn scan<'a>(
        &'a self,
        table: &str,
        low: Option<&Value>,
        high: Option<&Value>,
    ) -> Box<dyn Iterator<Item = Row> + 'a> {
        if table.eq_ignore_ascii_case(COLUMNS) {
            return Box::new(self.columns().into_iter());
        }
        if table.eq_ignore_ascii_case(DATABASES) {
            return Box::new(self.databases().into_iter());
        }
        self.tables.scan(table, low, high)
    }

    fn last(&self, table: &str) -> Option<Row> {
        self.tables.last(table)
    }

    fn now(&self) -> DateTime {
        self.tables.now()
    }
}

impl<T: Tables> System<'_, T> {
    fn columns(&self) -> Vec<Row> {
        let text = |text: &str| Value::Text(text.to_owned());
        let described = self.tables.names().into_iter().filter_map(|name| {
            let table = self.tables.describe(name)?;
            Some((name, table.columns))
        });
        let rows = described.flat_map(|(name, columns)| {
            let row = move |column: Column| {
                let kind = text(type_name(column.kind));
                vec![text("dbo"), text(name), text(&column.name), kind]
            };
            columns.into_iter().map(row)
        });
        rows.collect()
    }

    /// This one, and `master` before it.
    fn databases(&self) -> [Row; 2] {
        let Identity { broker, created } = self.identity;
        let row = |id, name: &str, broker: Option<[u8; 16]>| {
            let broker = broker.map_or(Value::Null, Value::Guid);
            let name = Value::Text(name.to_owned());
            vec![Value::Int(id), name, broker, Value::DateTime(created)]
        };
        [row(1, "master", None), row(5, self.database, broker)]
    }
}

/// A type as `INFORMATION_SCHEMA.COLUMNS` names it.
fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bit => "bit",
        Kind::TinyInt => "tinyint",
        Kind::SmallInt => "smallint",
        Kind::Int => "int",
        Kind::BigInt => "bigint",
        Kind::DateTime => "datetime",
        Kind::DateTime2 => "datetime2",
        Kind::Guid => "uniqueidentifier",
        Kind::NVarChar(_) | Kind::NVarCharMax => "nvarchar",
        Kind::NText => "ntext",
        Kind::VarBinary(_) | Kind::VarBinaryMax => "varbinary",
    }
}
