use data_encoding::HEXUPPER_PERMISSIVE;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::dialect;
use crate::error::{During as _, LedgerError};

/// A column of packed rows, by its name in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    Int(&'static str),
    Text(&'static str),
    Bytes(&'static str),
}

impl Column {
    fn as_text(self) -> String {
        match self {
            Self::Int(name) => format!("CAST({name} AS TEXT)"),
            Self::Text(name) => dialect::hex_of_text(name),
            Self::Bytes(name) => dialect::hex_of_bytes(name),
        }
    }
}

/// Rows of a query that came as one text. Sending a row from SQLite's thread to ours costs a wake-up,
/// many times what its bytes cost, so long pages are packed.
#[derive(Debug)]
pub(crate) struct Packed(String);

/// Runs a query with integer and text values, `$1` and so on, and packs its rows.
pub(crate) async fn packed(
    conn: &mut AnyConnection,
    columns: &[Column],
    query: &str,
    values: &[super::Cell<'_>],
) -> Result<Packed, LedgerError> {
    let columns: Vec<_> = columns.iter().map(|column| column.as_text()).collect();
    let line = columns.join(" || ' ' || ");
    let sql = format!("SELECT string_agg({line}, '\n') FROM ({query}) AS page");
    let mut statement = sqlx::query(AssertSqlSafe(sql));
    for &value in values {
        statement = match value {
            super::Cell::Int(value) => statement.bind(value),
            super::Cell::Text(value) => statement.bind(value.to_owned()),
            super::Cell::Bytes(value) => statement.bind(value.to_owned()),
        };
    }
    let row = statement.fetch_one(conn).await.during("read page")?;
    let text: Option<String> = row.try_get(0).during("read page")?;
    Ok(Packed(text.unwrap_or_default()))
}

impl Packed {
    /// The rows, in no particular order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = PackedRow<'_>> {
        self.0.lines().map(|line| PackedRow(line.split(' ')))
    }
}

/// A packed row; its columns are read one after the other.
#[derive(Clone, Debug)]
pub(crate) struct PackedRow<'a>(std::str::Split<'a, char>);

const MALFORMED: LedgerError = LedgerError::Malformed("packed row");

impl PackedRow<'_> {
    /// The next column, an integer.
    pub(crate) fn int(&mut self) -> Result<i64, LedgerError> {
        let text = self.0.next().ok_or(MALFORMED)?;
        text.parse().map_err(|_| MALFORMED)
    }

    /// The next column, bytes.
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, LedgerError> {
        let text = self.0.next().ok_or(MALFORMED)?;
        let bytes = HEXUPPER_PERMISSIVE.decode(text.as_bytes());
        bytes.map_err(|_| MALFORMED)
    }

    /// The next column, text.
    pub(crate) fn text(&mut self) -> Result<String, LedgerError> {
        String::from_utf8(self.bytes()?).map_err(|_| MALFORMED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_in_order() {
        let packed = Packed("7 616E6E 00FF\n8  ".to_owned());
        let mut rows = packed.rows();

        let mut first = rows.next().unwrap();
        assert_eq!(first.int().unwrap(), 7);
        assert_eq!(first.text().unwrap(), "ann");
        assert_eq!(first.bytes().unwrap(), [0, 255]);
        let mut second = rows.next().unwrap();
        assert_eq!(second.int().unwrap(), 8);
        assert_eq!(second.text().unwrap(), "");
        assert!(second.bytes().unwrap().is_empty());
        assert!(rows.next().is_none());
    }
}
