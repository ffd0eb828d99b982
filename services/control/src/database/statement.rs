use sqlx::{
    AnyConnection, Arguments as _, AssertSqlSafe, Row as _,
    any::{AnyArguments, AnyRow},
};

use super::dialect;

/// Rows per statement that stays prepared: few sizes, so that all of them can.
const SIZES: [usize; 4] = [100, 25, 5, 1];

/// One value of a row of many.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A statement put together from constant text, values and lists of values.
pub(crate) struct Statement {
    sql: String,
    arguments: AnyArguments,
    bound: usize,
    /// Whether the statement stays prepared. A size of its own is prepared once more, which costs less
    /// than several round trips for prepared sizes.
    is_kept: bool,
}

impl Statement {
    pub(crate) fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            arguments: AnyArguments::default(),
            bound: 0,
            is_kept: true,
        }
    }

    /// Adds constant text.
    pub(crate) fn sql(mut self, text: &str) -> Self {
        self.sql.push_str(text);
        self
    }

    /// Adds a value.
    pub(crate) fn bind(mut self, cell: Cell<'_>) -> Result<Self, sqlx::Error> {
        self.bound += 1;
        dialect::placeholder(&mut self.sql, self.bound);
        let added = match cell {
            Cell::Int(value) => self.arguments.add(value),
            Cell::Text(value) => self.arguments.add(value),
            Cell::Bytes(value) => self.arguments.add(value),
        };
        added.map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// Adds an integer.
    pub(crate) fn int(self, value: i64) -> Result<Self, sqlx::Error> {
        self.bind(Cell::Int(value))
    }

    /// Adds rows: `(?, ?), (?, ?)`.
    pub(crate) fn rows<const N: usize>(
        mut self,
        rows: &[[Cell<'_>; N]],
    ) -> Result<Self, sqlx::Error> {
        self.is_kept = SIZES.contains(&rows.len());
        for (index, row) in rows.iter().enumerate() {
            self.sql.push_str(if index == 0 { "(" } else { ", (" });
            for (column, &cell) in row.iter().enumerate() {
                if column > 0 {
                    self.sql.push_str(", ");
                }
                self = self.bind(cell)?;
            }
            self.sql.push(')');
        }
        Ok(self)
    }

    /// Adds a list, padded with its last value to one of a few lengths: `(?, ?, ?)`. At most
    /// [`LIST`] values.
    pub(crate) fn list(mut self, cells: &[Cell<'_>]) -> Result<Self, sqlx::Error> {
        let length = SIZES.iter().rev().find(|&&size| size >= cells.len());
        let length = length.copied().unwrap_or(cells.len());
        self.sql.push('(');
        for index in 0..length {
            if index > 0 {
                self.sql.push_str(", ");
            }
            let last = cells.len().saturating_sub(1);
            let Some(&cell) = cells.get(index.min(last)) else {
                break;
            };
            self = self.bind(cell)?;
        }
        self.sql.push(')');
        Ok(self)
    }

    /// Runs it; returns the number of rows it touched.
    pub(crate) async fn execute(self, connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments);
        let query = query.persistent(self.is_kept);
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// Runs it; returns its rows.
    pub(crate) async fn fetch(
        self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments);
        let query = query.persistent(self.is_kept);
        query.fetch_all(connection).await
    }
}

/// Longest list of [`Statement::list`].
pub(crate) const LIST: usize = SIZES[0];

/// Inserts any number of rows in as few statements as possible; returns how many it touched.
pub(crate) async fn insert<const N: usize>(
    connection: &mut AnyConnection,
    head: &str,
    rows: &[[Cell<'_>; N]],
    tail: &str,
) -> Result<u64, sqlx::Error> {
    let mut touched = 0;
    for chunk in chunks(rows) {
        let statement = Statement::new(head).rows(chunk)?.sql(tail);
        touched += statement.execute(connection).await?;
    }
    Ok(touched)
}

/// Cuts rows into pieces of the prepared size and a rest.
pub(crate) fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    rows.chunks(LIST)
}

/// Typed access to a row's columns by position.
pub(crate) trait Columns {
    fn int(&self, column: usize) -> Result<i64, sqlx::Error>;
    fn maybe_int(&self, column: usize) -> Result<Option<i64>, sqlx::Error>;
    fn text(&self, column: usize) -> Result<String, sqlx::Error>;
    fn bytes(&self, column: usize) -> Result<Vec<u8>, sqlx::Error>;
    /// An integer that is never negative.
    fn count(&self, column: usize) -> Result<u64, sqlx::Error>;
}

impl Columns for AnyRow {
    fn int(&self, column: usize) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }

    fn maybe_int(&self, column: usize) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn text(&self, column: usize) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn bytes(&self, column: usize) -> Result<Vec<u8>, sqlx::Error> {
        self.try_get(column)
    }

    fn count(&self, column: usize) -> Result<u64, sqlx::Error> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_of_prepared_sizes_are_kept() {
        let rows = |count| {
            Statement::new("")
                .rows(&vec![[Cell::Int(1)]; count])
                .unwrap()
        };

        assert!(rows(1).is_kept);
        assert!(rows(100).is_kept);
        assert!(!rows(99).is_kept);
    }

    #[test]
    fn lists_are_padded_to_a_prepared_size() {
        let statement = Statement::new("")
            .list(&[Cell::Int(1), Cell::Int(2)])
            .unwrap();

        assert_eq!(statement.sql, "(?, ?, ?, ?, ?)");
    }
}
