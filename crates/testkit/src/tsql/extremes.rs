use std::cmp::Ordering;

use super::{SqlError, Tables, evaluate::compare, expression::Expression, run::Query};
use crate::tds::{Row, Value};

impl<T: Tables> Query<'_, T> {
    /// The only row of a statement that selects nothing but smallest and largest values.
    pub(super) fn extremes(&self) -> Result<Option<Row>, SqlError> {
        let items = self
            .select
            .items
            .iter()
            .map(|item| item.expression.extreme());
        let Some(extremes) = items.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let mut row = vec![Value::Null; extremes.len()];
        let mut first = true;
        self.each(&mut Vec::new(), &mut |rows| {
            for (found, (expression, is_largest)) in row.iter_mut().zip(&extremes) {
                let value = self.context(rows).value(expression)?;
                let order = compare(&value, found)?;
                let wanted = if *is_largest {
                    Ordering::Greater
                } else {
                    Ordering::Less
                };
                if *found == Value::Null || order == Some(wanted) {
                    *found = value;
                }
            }
            let is_short = std::mem::take(&mut first) && self.take_last(&extremes, &mut row)?;
            Ok(!is_short)
        })?;
        Ok(Some(row))
    }

    /// Where all is about the first column of the key of one table, its last row has the largest value,
    /// if the filter holds for it: nobody reads a whole table for that.
    fn take_last(
        &self,
        extremes: &[(&Expression, bool)],
        row: &mut [Value],
    ) -> Result<bool, SqlError> {
        let is_key = |expression: &Expression| matches!(expression, Expression::Column(column) if column.at.get() == (0, 0));
        let [table] = self.sources.as_slice() else {
            return Ok(false);
        };
        if table.key == 0 || !extremes.iter().all(|(expression, _)| is_key(expression)) {
            return Ok(false);
        }
        let rows = [self.tables.last(&self.select.sources[0].table)];
        let context = self.context(&rows);
        if let Some(filter) = &self.select.filter
            && context.truth(filter)? != Some(true)
        {
            return Ok(false);
        }
        for (found, (expression, is_largest)) in row.iter_mut().zip(extremes) {
            if *is_largest {
                *found = context.value(expression)?;
            }
        }
        Ok(true)
    }
}
