use super::{SqlError, Tables, expression::Expression, run::Query};
use crate::tds::{Row, Value};

/// Rows that have the same keys.
struct Group {
    keys: Vec<Value>,
    count: i64,
}

impl<T: Tables> Query<'_, T> {
    /// One row for each group, which has its keys and how many rows it is of.
    pub(super) fn groups(&self) -> Result<Vec<Row>, SqlError> {
        let select = self.select;
        if select.top.is_some() || !select.order.is_empty() {
            return Err(SqlError::Unknown("GROUP BY with an order".to_owned()));
        }
        let items = select.items.iter().map(|item| self.place(&item.expression));
        let items: Vec<Option<usize>> = items.collect::<Result<_, _>>()?;
        let mut groups: Vec<Group> = Vec::new();
        self.each(&mut Vec::new(), &mut |rows| {
            let context = self.context(rows);
            let keys = select.groups.iter().map(|key| context.value(key));
            let keys: Vec<Value> = keys.collect::<Result<_, _>>()?;
            // Most rows are of the group of the one before.
            match groups.iter_mut().rev().find(|group| group.keys == keys) {
                Some(group) => group.count += 1,
                None => groups.push(Group { keys, count: 1 }),
            }
            Ok(true)
        })?;
        let row = |group: Group| {
            let value = |item: &Option<usize>| match item {
                Some(key) => group.keys[*key].clone(),
                None => Value::BigInt(group.count),
            };
            items.iter().map(value).collect()
        };
        Ok(groups.into_iter().map(row).collect())
    }

    /// Which of the keys an item is; `None` for the number of rows.
    fn place(&self, item: &Expression) -> Result<Option<usize>, SqlError> {
        if item.is_count() {
            return Ok(None);
        }
        let text = format!("{item:?}");
        let mut keys = self.select.groups.iter();
        let place = keys.position(|key| format!("{key:?}") == text);
        let unknown = || SqlError::Unknown("a column that is not grouped by".to_owned());
        place.map(Some).ok_or_else(unknown)
    }
}
