use std::borrow::Cow;

use super::{Connection, DatabaseError, dialect, row::Row};

/// Rows per statement that stays prepared: few sizes, so that all of them can.
const SIZES: [usize; 4] = [100, 25, 5, 1];

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Cell<'a> {
    /// A borrowed text.
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Borrowed bytes.
    pub(crate) fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    fn borrow(&'a self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Int(value) => Self::Int(*value),
            Self::Text(text) => Self::text(text),
            Self::Bytes(bytes) => Self::bytes(bytes),
        }
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Self::text(value)
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(value: &'a String) -> Self {
        Self::text(value)
    }
}

impl From<String> for Cell<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<&'a [u8]> for Cell<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::bytes(value)
    }
}

impl From<Vec<u8>> for Cell<'_> {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(value))
    }
}

/// A statement put together from constant text, values and lists of values.
#[derive(Clone, Debug)]
pub(crate) struct Statement<'a> {
    pub(super) sql: Cow<'a, str>,
    pub(super) values: Vec<Cell<'a>>,
    /// Whether the statement stays prepared. A size of its own is prepared once more, which costs less
    /// than several statements of prepared sizes.
    pub(super) is_kept: bool,
    /// Whether it reads many rows: nothing else may wait for it.
    pub(super) is_long: bool,
}

/// A statement whose text has a place `$1`, `$2`... for each value that is bound.
pub(crate) fn query<'a>(sql: impl Into<Cow<'a, str>>) -> Statement<'a> {
    Statement {
        sql: sql.into(),
        values: Vec::new(),
        is_kept: true,
        is_long: false,
    }
}

#[expect(
    clippy::unused_async,
    reason = "SQLite answers at once; a server will not, and callers need not know which it is"
)]
impl<'a> Statement<'a> {
    /// The value of the next place in the text.
    pub(crate) fn bind(mut self, value: impl Into<Cell<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Says that it reads as many rows as a run has.
    pub(crate) fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// Adds constant text.
    pub(crate) fn sql(mut self, text: &str) -> Self {
        self.sql.to_mut().push_str(text);
        self
    }

    /// Adds a value and its place.
    pub(crate) fn int(mut self, value: i64) -> Self {
        self.add(Cell::Int(value));
        self
    }

    /// Adds a text and its place.
    pub(crate) fn text(mut self, value: &'a str) -> Self {
        self.add(Cell::text(value));
        self
    }

    /// Adds rows: `(?, ?), (?, ?)`.
    pub(crate) fn rows<const N: usize>(mut self, rows: &'a [[Cell<'a>; N]]) -> Self {
        self.is_kept = SIZES.contains(&rows.len());
        self.values.reserve(rows.len() * N);
        for (index, row) in rows.iter().enumerate() {
            self.sql
                .to_mut()
                .push_str(if index == 0 { "(" } else { ", (" });
            for (column, cell) in row.iter().enumerate() {
                if column > 0 {
                    self.sql.to_mut().push_str(", ");
                }
                self.add(cell.borrow());
            }
            self.sql.to_mut().push(')');
        }
        self
    }

    /// Adds a list, padded with its last value to one of a few lengths: `(?, ?, ?)`. At most
    /// [`LIST`] values.
    pub(crate) fn list(mut self, cells: &'a [Cell<'a>]) -> Self {
        let length = SIZES.iter().rev().find(|&&size| size >= cells.len());
        let length = length.copied().unwrap_or(cells.len());
        self.sql.to_mut().push('(');
        for index in 0..length {
            if index > 0 {
                self.sql.to_mut().push_str(", ");
            }
            let last = cells.len().saturating_sub(1);
            let Some(cell) = cells.get(index.min(last)) else {
                break;
            };
            self.add(cell.borrow());
        }
        self.sql.to_mut().push(')');
        self
    }

    fn add(&mut self, cell: Cell<'a>) {
        self.values.push(cell);
        dialect::placeholder(self.sql.to_mut(), self.values.len());
    }

    /// Runs it; returns the number of rows it touched.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, DatabaseError> {
        connection.execute(&self)
    }

    /// Runs it; returns its rows.
    pub(crate) async fn fetch(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<Row>, DatabaseError> {
        connection.fetch(&self)
    }

    /// Runs it; returns its first row, if there is one.
    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch(connection).await?.into_iter().next())
    }

    /// Runs it; returns its first row.
    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<Row, DatabaseError> {
        let row = self.fetch_optional(connection).await?;
        row.ok_or(DatabaseError::NoRow)
    }
}

/// Longest list of [`Statement::list`].
pub(crate) const LIST: usize = SIZES[0];

/// Inserts any number of rows into `table (columns)` in as few statements as possible; returns how many
/// it touched. When it fails, the transaction is lost.
pub(crate) async fn insert<const N: usize>(
    connection: &mut Connection,
    table: &str,
    rows: &[[Cell<'_>; N]],
    tail: &str,
) -> Result<u64, DatabaseError> {
    let mut touched = 0;
    for chunk in chunks(rows) {
        touched += query(dialect::INSERT)
            .sql(table)
            .sql(" VALUES ")
            .rows(chunk)
            .sql(tail)
            .execute(connection)
            .await?;
    }
    Ok(touched)
}

/// Cuts rows into pieces of the prepared size and a rest.
pub(crate) fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    rows.chunks(LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_of_prepared_sizes_are_kept() {
        let is_kept = |count| query("").rows(&vec![[Cell::Int(1)]; count]).is_kept;

        assert!(is_kept(1));
        assert!(is_kept(100));
        assert!(!is_kept(99));
    }

    #[test]
    fn lists_are_padded_to_a_prepared_size() {
        let cells = [Cell::Int(1), Cell::Int(2)];

        let statement = query("").list(&cells);

        assert_eq!(statement.sql, "(?, ?, ?, ?, ?)");
        assert_eq!(statement.values.len(), 5);
    }
}
