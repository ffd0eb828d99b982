use super::{Cell, DatabaseError};

/// A row of an answer: its columns by position.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(super) Vec<Cell<'static>>);

impl Row {
    /// An integer.
    pub(crate) fn int(&self, column: usize) -> Result<i64, DatabaseError> {
        self.maybe_int(column)?
            .ok_or(DatabaseError::Column { column })
    }

    /// An integer or nothing.
    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>, DatabaseError> {
        match self.0.get(column) {
            Some(Cell::Int(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(DatabaseError::Column { column }),
        }
    }

    /// An integer that is never negative.
    pub(crate) fn count(&self, column: usize) -> Result<u64, DatabaseError> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }

    /// A text.
    pub(crate) fn text(&self, column: usize) -> Result<String, DatabaseError> {
        match self.0.get(column) {
            Some(Cell::Text(text)) => Ok(text.clone().into_owned()),
            _ => Err(DatabaseError::Column { column }),
        }
    }

    /// Bytes.
    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, DatabaseError> {
        match self.0.get(column) {
            Some(Cell::Bytes(bytes)) => Ok(bytes.clone().into_owned()),
            _ => Err(DatabaseError::Column { column }),
        }
    }
}
