use std::collections::BTreeMap;

use super::{Connection, DatabaseError, Row, statements};

/// What a table must have: names and types of its columns, an empty list of types where any will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, &'static [&'static str])],
}

/// The columns a database has, by table. Names are compared in any case, as SQL Server does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema(BTreeMap<(String, String), String>);

impl Schema {
    /// Asks the database.
    pub(crate) async fn of(connection: &mut Connection) -> Result<Self, DatabaseError> {
        let mut schema = Self::default();
        let add = |row: Row| {
            let text = |at, column| {
                let text = row.text(at, column)?.ok_or_else(|| row.wrong(column));
                text.map(str::to_lowercase)
            };
            let key = (text(0, "TABLE_NAME")?, text(1, "COLUMN_NAME")?);
            schema.0.insert(key, text(2, "DATA_TYPE")?);
            Ok(())
        };
        connection
            .rows(statements::COLUMNS, Vec::new(), add)
            .await?;
        Ok(schema)
    }

    /// True when the table has the column.
    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        self.type_of(table, column).is_some()
    }

    /// The type of a column, in lower case.
    fn type_of(&self, table: &str, column: &str) -> Option<&str> {
        let key = (table.to_lowercase(), column.to_lowercase());
        self.0.get(&key).map(String::as_str)
    }

    /// Refuses a database that lacks any of these columns, or has them with other types.
    pub(crate) fn require(&self, tables: &[Table]) -> Result<(), DatabaseError> {
        let mut missing = Vec::new();
        let mut found = Vec::new();
        for Table { name, columns } in tables {
            for (column, types) in *columns {
                match self.type_of(name, column) {
                    None => missing.push(format!("dbo.{name}.{column}")),
                    Some(kind) if !types.is_empty() && !types.contains(&kind) => {
                        let expected = types.join(" or ");
                        found.push(format!("dbo.{name}.{column} is {kind}, not {expected}"));
                    }
                    Some(_) => {}
                }
            }
        }
        if !missing.is_empty() {
            return Err(DatabaseError::Missing { missing });
        }
        if !found.is_empty() {
            return Err(DatabaseError::Types { found });
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn from_columns(columns: &[(&str, &str, &str)]) -> Self {
        let columns = columns.iter().map(|(table, column, kind)| {
            let key = (table.to_lowercase(), column.to_lowercase());
            (key, (*kind).to_owned())
        });
        Self(columns.collect())
    }
}
