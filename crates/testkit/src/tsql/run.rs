use std::cmp::Ordering;

use super::{
    SqlError, Table, Tables, bounds,
    evaluate::{Context, compare},
    expression::{Expression, Join, Select},
};
use crate::tds::{Column, DateTime, Kind, Row, Value};

/// The rows of a SELECT, and what they consist of.
pub(super) fn run(
    select: &Select,
    parameters: &[Value],
    tables: &impl Tables,
) -> Result<(Vec<Column>, Vec<Row>), SqlError> {
    let mut sources = Vec::new();
    for source in &select.sources {
        let table = tables.describe(&source.table);
        sources.push(table.ok_or_else(|| SqlError::Table(source.table.clone()))?);
    }
    let query = Query {
        select,
        sources,
        parameters,
        tables,
        now: tables.now(),
    };
    query.resolve()?;
    let columns = select.items.iter().map(|item| {
        let kind = query.kind(&item.expression)?;
        Ok(Column::new(&item.name, kind))
    });
    let columns = columns.collect::<Result<_, SqlError>>()?;
    let rows = if select.groups.is_empty() {
        match query.extremes()? {
            Some(row) => vec![row],
            None => query.page()?,
        }
    } else {
        query.groups()?
    };
    Ok((columns, rows))
}

/// A SELECT over its tables.
pub(super) struct Query<'a, T> {
    pub(super) select: &'a Select,
    pub(super) sources: Vec<Table>,
    parameters: &'a [Value],
    pub(super) tables: &'a T,
    now: DateTime,
}

/// Says whether more rows are wanted.
pub(super) type Emit<'a> = &'a mut dyn FnMut(&[Option<Row>]) -> Result<bool, SqlError>;

impl<T: Tables> Query<'_, T> {
    pub(super) fn context<'a>(&'a self, rows: &'a [Option<Row>]) -> Context<'a> {
        Context {
            parameters: self.parameters,
            rows,
            now: self.now,
        }
    }

    /// Finds the column of every name, whether there are rows or not.
    fn resolve(&self) -> Result<(), SqlError> {
        let Select {
            items,
            sources,
            filter,
            groups,
            order,
            ..
        } = self.select;
        let items = items.iter().map(|item| &item.expression);
        let conditions = sources.iter().filter_map(|source| source.on.as_ref());
        let expressions = items.chain(conditions).chain(filter).chain(groups);
        for expression in expressions.chain(order.iter().map(|(key, _)| key)) {
            for column in expression.columns() {
                let found = self.find(column.alias.as_deref(), &column.name);
                let found = found.ok_or_else(|| SqlError::Column(column.name.clone()))?;
                column.at.set(found);
            }
        }
        Ok(())
    }

    fn find(&self, alias: Option<&str>, name: &str) -> Option<(usize, usize)> {
        let mut sources = self.select.sources.iter().zip(&self.sources).enumerate();
        sources.find_map(|(at, (source, table))| {
            if alias.is_some_and(|alias| !alias.eq_ignore_ascii_case(&source.alias)) {
                return None;
            }
            let mut columns = table.columns.iter();
            let column = columns.position(|column| column.name.eq_ignore_ascii_case(name))?;
            Some((at, column))
        })
    }

    /// The type of an expression.
    fn kind(&self, expression: &Expression) -> Result<Kind, SqlError> {
        if let Some((inner, _)) = expression.extreme() {
            return self.kind(inner);
        }
        Ok(match expression {
            Expression::Column(column) => {
                let (source, at) = column.at.get();
                self.sources[source].columns[at].kind
            }
            Expression::Cast(_, kind) => *kind,
            Expression::Call(..) if expression.is_count() => Kind::BigInt,
            Expression::Parameter(_) | Expression::Literal(_) | Expression::Call(..) => {
                match self.context(&[]).value(expression)? {
                    Value::Text(_) => Kind::NVarCharMax,
                    Value::Bytes(_) => Kind::VarBinaryMax,
                    Value::DateTime(_) => Kind::DateTime,
                    Value::DateTime2(_) => Kind::DateTime2,
                    Value::Guid(_) => Kind::Guid,
                    Value::Bit(_) => Kind::Bit,
                    Value::Null | Value::Int(_) | Value::BigInt(_) => Kind::BigInt,
                }
            }
            _ => Kind::Bit,
        })
    }

    /// Goes through the joined rows for which the filter holds.
    pub(super) fn each(
        &self,
        rows: &mut Vec<Option<Row>>,
        emit: Emit<'_>,
    ) -> Result<bool, SqlError> {
        let at = rows.len();
        let Some(source) = self.select.sources.get(at) else {
            let filter = self.select.filter.as_ref();
            let holds = match filter {
                Some(filter) => self.context(rows).truth(filter)? == Some(true),
                None => true,
            };
            return if holds { emit(rows) } else { Ok(true) };
        };
        let condition = source.on.as_ref();
        let mut limits = bounds::Bounds::default();
        let narrowing = if at == 0 {
            self.select.filter.as_ref()
        } else {
            condition
        };
        if let Some(condition) = narrowing.filter(|_| self.sources[at].key > 0) {
            limits = bounds::of(condition, at, self.context(rows))?;
        }
        let (low, high) = (limits.low.as_ref(), limits.high.as_ref());
        let mut is_joined = false;
        for row in self.tables.scan(&source.table, low, high) {
            rows.push(Some(row));
            let holds = match condition {
                Some(condition) => self.context(rows).truth(condition)? == Some(true),
                None => true,
            };
            is_joined |= holds;
            let goes_on = !holds || self.each(rows, emit)?;
            rows.pop();
            if !goes_on {
                return Ok(false);
            }
        }
        if is_joined || source.join == Join::Inner {
            return Ok(true);
        }
        rows.push(None);
        let goes_on = self.each(rows, emit)?;
        rows.pop();
        Ok(goes_on)
    }

    /// The rows, sorted, up to TOP.
    fn page(&self) -> Result<Vec<Row>, SqlError> {
        let top = match &self.select.top {
            Some(top) => match self.context(&[]).value(top)? {
                Value::Int(top) => usize::try_from(top).unwrap_or(0),
                Value::BigInt(top) => usize::try_from(top).unwrap_or(0),
                _ => return Err(SqlError::Unknown("TOP of no number".to_owned())),
            },
            None => usize::MAX,
        };
        let is_sorted = self.is_sorted();
        let mut found: Vec<(Vec<Value>, Row)> = Vec::new();
        self.each(&mut Vec::new(), &mut |rows| {
            let context = self.context(rows);
            let keys = self.select.order.iter().map(|(key, _)| context.value(key));
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            if is_sorted && self.is_behind(&found, top, &keys) {
                return Ok(false);
            }
            let items = self.select.items.iter();
            let row = items.map(|item| context.value(&item.expression));
            found.push((keys, row.collect::<Result<_, _>>()?));
            Ok(true)
        })?;
        if !is_sorted {
            found.sort_by(|(left, _), (right, _)| self.order(left, right));
            let mut end = 0;
            while end < found.len() && !self.is_behind(&found[..end], top, &found[end].0) {
                end += 1;
            }
            found.truncate(end);
        }
        Ok(found.into_iter().map(|(_, row)| row).collect())
    }

    /// Whether a row of these keys comes too late to be one of the first.
    fn is_behind(&self, found: &[(Vec<Value>, Row)], top: usize, keys: &[Value]) -> bool {
        if found.len() < top {
            return false;
        }
        let last = found.last().map(|(keys, _)| keys.as_slice());
        !self.select.has_ties || last != Some(keys)
    }

    /// Whether the rows come in their order anyway: by the key of the first source.
    fn is_sorted(&self) -> bool {
        let key = self.sources.first().map_or(0, |table| table.key);
        let order = self.select.order.iter().enumerate();
        let mut by_key = order.map(|(at, (expression, is_descending))| {
            !is_descending
                && at < key
                && matches!(expression, Expression::Column(column) if column.at.get() == (0, at))
        });
        by_key.all(|by_key| by_key)
    }

    fn order(&self, left: &[Value], right: &[Value]) -> Ordering {
        let pairs = left.iter().zip(right).zip(&self.select.order);
        let orders = pairs.map(|((left, right), (_, is_descending))| {
            // NULL is the smallest of all.
            let order = match (left, right) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) => Ordering::Less,
                (_, Value::Null) => Ordering::Greater,
                // Values of one column are of one type.
                _ => compare(left, right)
                    .ok()
                    .flatten()
                    .unwrap_or(Ordering::Equal),
            };
            if *is_descending {
                order.reverse()
            } else {
                order
            }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}
