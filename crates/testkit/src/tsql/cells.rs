use std::vec;

use super::SqlError;
use crate::tds::{DateTime, Row, Value};

/// The values of an inserted row, one after the other; what is NULL, or of another type, is an error
/// unless it is asked for as an `Option`.
pub(crate) struct Cells<'a> {
    table: &'a str,
    values: vec::IntoIter<Value>,
}

impl<'a> Cells<'a> {
    /// The values of a row of this table.
    pub(crate) fn of(table: &'a str, row: Row) -> Self {
        let values = row.into_iter();
        Self { table, values }
    }

    /// A whole number or a bit.
    pub(crate) fn number_or_null(&mut self) -> Result<Option<i64>, SqlError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Bit(bit) => Ok(Some(bit.into())),
            Value::Int(number) => Ok(Some(number.into())),
            Value::BigInt(number) => Ok(Some(number)),
            other => Err(self.unknown(&other)),
        }
    }

    /// A `bigint`.
    pub(crate) fn big(&mut self) -> Result<i64, SqlError> {
        let number = self.number_or_null()?;
        self.required(number)
    }

    /// An `int`.
    pub(crate) fn int(&mut self) -> Result<i32, SqlError> {
        let number = self.int_or_null()?;
        self.required(number)
    }

    /// An `int`, or NULL.
    pub(crate) fn int_or_null(&mut self) -> Result<Option<i32>, SqlError> {
        let number = self.number_or_null()?;
        let number = number.map(|number| {
            let small = i32::try_from(number);
            small.map_err(|_| self.unknown(&Value::BigInt(number)))
        });
        number.transpose()
    }

    /// Text, or NULL.
    pub(crate) fn text_or_null(&mut self) -> Result<Option<String>, SqlError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(self.unknown(&other)),
        }
    }

    /// Text.
    pub(crate) fn text(&mut self) -> Result<String, SqlError> {
        let text = self.text_or_null()?;
        self.required(text)
    }

    /// A `datetime`, or NULL.
    pub(crate) fn time_or_null(&mut self) -> Result<Option<DateTime>, SqlError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::DateTime(time) => Ok(Some(time)),
            other => Err(self.unknown(&other)),
        }
    }

    /// A `datetime`.
    pub(crate) fn time(&mut self) -> Result<DateTime, SqlError> {
        let time = self.time_or_null()?;
        self.required(time)
    }

    /// A `uniqueidentifier`.
    pub(crate) fn guid(&mut self) -> Result<[u8; 16], SqlError> {
        match self.next() {
            Value::Guid(guid) => Ok(guid),
            Value::Null => self.required(None),
            other => Err(self.unknown(&other)),
        }
    }

    fn next(&mut self) -> Value {
        self.values.next().unwrap_or(Value::Null)
    }

    fn required<T>(&self, value: Option<T>) -> Result<T, SqlError> {
        value.ok_or_else(|| SqlError::Null(self.table.to_owned()))
    }

    fn unknown(&self, value: &Value) -> SqlError {
        SqlError::Unknown(format!("a value of table {}: {value:?}", self.table))
    }
}
