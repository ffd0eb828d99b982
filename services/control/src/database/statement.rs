use std::borrow::Cow;

use super::{Connection, DatabaseError, row::Row};

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

/// A part of a statement's text.
#[derive(Clone, Debug)]
pub(super) enum Piece<'a> {
    /// Constant text, perhaps with places `$1`, `$2`... for values.
    Text(Cow<'a, str>),
    /// `INSERT INTO`, for many rows: when the statement fails, the transaction is lost.
    Insert,
    /// The next value.
    One,
    /// `IN` so many of the next values.
    List { length: usize },
    /// The next values as rows: `VALUES (...), (...)`. Their columns are `column1`, `column2`...
    Rows { columns: usize, count: usize },
}

#[cfg(feature = "postgres")]
impl Piece<'_> {
    /// How many of the statement's values it takes.
    pub(super) fn values(&self) -> usize {
        match self {
            Self::Text(_) | Self::Insert => 0,
            Self::One => 1,
            Self::List { length } => *length,
            Self::Rows { columns, count } => columns * count,
        }
    }
}

/// A statement put together from constant text, values and lists of values.
#[derive(Clone, Debug)]
pub(crate) struct Statement<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    pub(super) values: Vec<Cell<'a>>,
    /// Whether the statement stays prepared where its text depends on the number of rows. A size of its
    /// own is prepared once more, which costs less than several statements of prepared sizes.
    pub(super) is_kept: bool,
    /// Whether it reads many rows: nothing else may wait for it.
    pub(super) is_long: bool,
}

/// A statement whose text has a place `$1`, `$2`... for each value that is bound.
pub(crate) fn query<'a>(sql: impl Into<Cow<'a, str>>) -> Statement<'a> {
    Statement::of(Piece::Text(sql.into()))
}

/// An insert of many rows into `table (columns)`.
pub(crate) fn insert_into(table: &str) -> Statement<'_> {
    Statement::of(Piece::Insert).sql(table)
}

impl<'a> Statement<'a> {
    fn of(piece: Piece<'a>) -> Self {
        Self {
            pieces: vec![piece],
            values: Vec::new(),
            is_kept: true,
            is_long: false,
        }
    }

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
    pub(crate) fn sql(self, text: &'a str) -> Self {
        self.with(Piece::Text(Cow::Borrowed(text)))
    }

    /// Adds a value.
    pub(crate) fn int(self, value: i64) -> Self {
        self.bind(value).with(Piece::One)
    }

    /// Adds a text.
    pub(crate) fn text(self, value: &'a str) -> Self {
        self.bind(value).with(Piece::One)
    }

    /// Adds rows: `VALUES (?, ?), (?, ?)`. Whatever narrows down a table that they are joined with is a
    /// column of theirs: beside a condition of its own, e.g. on the connector, PostgreSQL reads all that
    /// meets it and compares that with every row.
    pub(crate) fn rows<const N: usize>(mut self, rows: &'a [[Cell<'a>; N]]) -> Self {
        self.is_kept = SIZES.contains(&rows.len());
        self.values.extend(rows.iter().flatten().map(Cell::borrow));
        self.with(Piece::Rows {
            columns: N,
            count: rows.len(),
        })
    }

    /// Adds a list, padded with its last value to one of a few lengths: `IN (?, ?, ?)`. At most [`LIST`]
    /// values.
    pub(crate) fn list(mut self, cells: &'a [Cell<'a>]) -> Self {
        let length = SIZES.iter().rev().find(|&&size| size >= cells.len());
        let length = length.copied().unwrap_or(cells.len());
        let padding = cells.last().into_iter().cycle();
        let cells = cells.iter().chain(padding).take(length);
        self.values.extend(cells.map(Cell::borrow));
        self.with(Piece::List { length })
    }

    fn with(mut self, piece: Piece<'a>) -> Self {
        self.pieces.push(piece);
        self
    }

    /// Runs it; returns the number of rows it touched.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, DatabaseError> {
        connection.execute(&self).await
    }

    /// Runs it; returns its rows.
    pub(crate) async fn fetch(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<Row>, DatabaseError> {
        connection.fetch(&self).await
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
        touched += insert_into(table)
            .sql(" ")
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
    use crate::database::Dialect;

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

        let statement = query("a ").list(&cells);

        assert_eq!(Dialect::Sqlite.text(&statement), "a IN (?, ?, ?, ?, ?)");
        assert_eq!(statement.values.len(), 5);
    }
}
