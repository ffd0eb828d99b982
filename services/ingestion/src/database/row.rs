use tiberius::ColumnData;

use super::{DatabaseError, Moment};

/// A row of an answer, its values by position. It has no `Debug`: nobody prints what people wrote.
pub(crate) struct Row {
    statement: String,
    values: Vec<ColumnData<'static>>,
}

impl Row {
    pub(super) fn new(statement: &str, row: tiberius::Row) -> Self {
        Self {
            statement: statement.to_owned(),
            values: row.into_iter().collect(),
        }
    }

    /// A whole number of any size, or a bit; `None` for NULL.
    pub(crate) fn int(
        &self,
        at: usize,
        column: &'static str,
    ) -> Result<Option<i64>, DatabaseError> {
        match self.values.get(at) {
            Some(ColumnData::U8(value)) => Ok(value.map(i64::from)),
            Some(ColumnData::I16(value)) => Ok(value.map(i64::from)),
            Some(ColumnData::I32(value)) => Ok(value.map(i64::from)),
            Some(ColumnData::I64(value)) => Ok(*value),
            Some(ColumnData::Bit(value)) => Ok(value.map(i64::from)),
            _ => Err(self.wrong(column)),
        }
    }

    /// A text; `None` for NULL.
    pub(crate) fn text(
        &self,
        at: usize,
        column: &'static str,
    ) -> Result<Option<&str>, DatabaseError> {
        match self.values.get(at) {
            Some(ColumnData::String(value)) => Ok(value.as_deref()),
            _ => Err(self.wrong(column)),
        }
    }

    /// Bytes, taken out of the row; `None` for NULL.
    pub(crate) fn take_bytes(
        &mut self,
        at: usize,
        column: &'static str,
    ) -> Result<Option<Vec<u8>>, DatabaseError> {
        match self.values.get_mut(at) {
            Some(ColumnData::Binary(value)) => Ok(value.take().map(Into::into)),
            _ => Err(self.wrong(column)),
        }
    }

    /// A `datetime`; `None` for NULL.
    pub(crate) fn moment(
        &self,
        at: usize,
        column: &'static str,
    ) -> Result<Option<Moment>, DatabaseError> {
        match self.values.get(at) {
            Some(ColumnData::DateTime(value)) => Ok(value.map(|value| Moment {
                days: value.days(),
                ticks: value.seconds_fragments(),
            })),
            _ => Err(self.wrong(column)),
        }
    }

    /// A `uniqueidentifier` as text in lower case; `None` for NULL.
    pub(crate) fn guid(
        &self,
        at: usize,
        column: &'static str,
    ) -> Result<Option<String>, DatabaseError> {
        match self.values.get(at) {
            Some(ColumnData::Guid(value)) => Ok(value.map(|value| value.to_string())),
            _ => Err(self.wrong(column)),
        }
    }

    /// The error for a value that must not be NULL and is, or is of another type.
    pub(crate) fn wrong(&self, column: &'static str) -> DatabaseError {
        DatabaseError::Value {
            statement: self.statement.clone(),
            column,
        }
    }
}
