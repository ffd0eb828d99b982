use std::cmp::Ordering;

use super::{
    SqlError,
    expression::{Comparison, Expression},
};
use crate::tds::{DateTime, DateTime2, Kind, Row, Value};

/// What an expression is evaluated with.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The values of `@P1` and so on.
    pub(super) parameters: &'a [Value],
    /// The row of each source; `None` where a LEFT JOIN found none.
    pub(super) rows: &'a [Option<Row>],
    /// What time it is.
    pub(super) now: DateTime,
}

impl Context<'_> {
    pub(super) fn value(self, expression: &Expression) -> Result<Value, SqlError> {
        match expression {
            Expression::Column(column) => {
                let (source, at) = column.at.get();
                let row = self.rows.get(source).and_then(Option::as_ref);
                Ok(row.map_or(Value::Null, |row| row[at].clone()))
            }
            Expression::Parameter(index) => {
                let value = self.parameters.get(*index).cloned();
                value.ok_or(SqlError::Parameter(index + 1))
            }
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Cast(inner, kind) => cast(self.value(inner)?, *kind),
            Expression::Call(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("DB_ID", []) => Ok(Value::Int(5)),
                ("SYSUTCDATETIME", []) => Ok(Value::DateTime2(widen(self.now))),
                ("DATEDIFF", [start, end]) => match (self.value(start)?, self.value(end)?) {
                    (_, Value::Null) => Ok(Value::Null),
                    (Value::BigInt(0), Value::DateTime(end)) => Ok(Value::BigInt(hours(end))),
                    _ => Err(SqlError::Unknown("DATEDIFF of these".to_owned())),
                },
                _ => Err(SqlError::Unknown(format!("function {name}"))),
            },
            condition => Ok(self.truth(condition)?.map_or(Value::Null, Value::Bit)),
        }
    }

    /// Whether a condition holds; `None` where NULL leaves it open.
    pub(super) fn truth(self, condition: &Expression) -> Result<Option<bool>, SqlError> {
        match condition {
            Expression::Not(inner) => Ok(self.truth(inner)?.map(|holds| !holds)),
            Expression::And(left, right) => Ok(match (self.truth(left)?, self.truth(right)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
            Expression::Or(left, right) => Ok(match (self.truth(left)?, self.truth(right)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }),
            Expression::Compare(comparison, left, right) => {
                let ordering = compare(&self.value(left)?, &self.value(right)?)?;
                Ok(ordering.map(|ordering| comparison.holds(ordering)))
            }
            Expression::In(inner, list) => self.is_in(&self.value(inner)?, list),
            Expression::IsNull(inner) => Ok(Some(self.value(inner)? == Value::Null)),
            _ => match self.value(condition)? {
                Value::Bit(holds) => Ok(Some(holds)),
                Value::Null => Ok(None),
                _ => Err(SqlError::Unknown("a condition that is none".to_owned())),
            },
        }
    }

    fn is_in(self, value: &Value, list: &[Expression]) -> Result<Option<bool>, SqlError> {
        let mut found = Some(false);
        for candidate in list {
            match compare(value, &self.value(candidate)?)? {
                Some(Ordering::Equal) => return Ok(Some(true)),
                Some(_) => {}
                None => found = None,
            }
        }
        Ok(found)
    }
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Different => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// The same with its sides changed.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

/// The order of two values; `None` where one is NULL.
pub(super) fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, SqlError> {
    if *left == Value::Null || *right == Value::Null {
        return Ok(None);
    }
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return Ok(Some(left.cmp(&right)));
    }
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => {
            Ok(Some(left.to_lowercase().cmp(&right.to_lowercase())))
        }
        (Value::DateTime(left), Value::DateTime(right)) => Ok(Some(left.cmp(right))),
        (Value::DateTime2(left), Value::DateTime2(right)) => Ok(Some(left.cmp(right))),
        (Value::Guid(left), Value::Guid(right)) => Ok(Some(left.cmp(right))),
        (Value::Bytes(left), Value::Bytes(right)) => Ok(Some(left.cmp(right))),
        // SQL Server converts one of them, and finds what was read unequal to itself.
        _ => Err(SqlError::Unknown(
            "a comparison of different types".to_owned(),
        )),
    }
}

/// Whole hours since 1900-01-01.
fn hours(time: DateTime) -> i64 {
    i64::from(time.days) * 24 + i64::from(time.ticks / (60 * 60 * 300))
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Bit(bit) => Some((*bit).into()),
        Value::Int(number) => Some((*number).into()),
        Value::BigInt(number) => Some(*number),
        _ => None,
    }
}

fn cast(value: Value, kind: Kind) -> Result<Value, SqlError> {
    match (value, kind) {
        (Value::Null, _) => Ok(Value::Null),
        (value, Kind::Bit) if number(&value).is_some() => Ok(Value::Bit(number(&value) != Some(0))),
        (value, Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt) => {
            number(&value).map(Value::BigInt).ok_or_else(uncastable)
        }
        (value @ Value::Text(_), Kind::NVarChar(_) | Kind::NVarCharMax)
        // Bytes that become text are UTF-16 as it is; what is none stays as it was read.
        | (
            value @ Value::Bytes(_),
            Kind::NVarChar(_) | Kind::NVarCharMax | Kind::VarBinary(_) | Kind::VarBinaryMax,
        )
        | (value @ Value::DateTime(_), Kind::DateTime)
        | (value @ Value::DateTime2(_), Kind::DateTime2) => Ok(value),
        (Value::Text(text), Kind::VarBinary(_) | Kind::VarBinaryMax) => Ok(Value::Bytes(
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        )),
        (Value::DateTime2(time), Kind::DateTime) => Ok(Value::DateTime(narrow(time))),
        _ => Err(uncastable()),
    }
}

fn uncastable() -> SqlError {
    SqlError::Unknown("a cast between these types".to_owned())
}

const UNITS_OF_DAY: u64 = 24 * 60 * 60 * 10_000_000;
/// From 0001-01-01 to 1900-01-01.
const DAYS_TO_1900: u64 = 693_595;

/// A `datetime` as `datetime2(7)`.
fn widen(time: DateTime) -> DateTime2 {
    let days = DAYS_TO_1900.saturating_add_signed(time.days.into());
    DateTime2(days * UNITS_OF_DAY + (u64::from(time.ticks) * 100_000 + 1) / 3)
}

/// A `datetime2(7)` as the `datetime` next to it.
fn narrow(time: DateTime2) -> DateTime {
    let DateTime2(units) = time;
    let ticks = (units % UNITS_OF_DAY * 3 + 50_000) / 100_000;
    let days = (units / UNITS_OF_DAY).cast_signed() - DAYS_TO_1900.cast_signed();
    DateTime {
        days: i32::try_from(days).unwrap_or(i32::MAX),
        ticks: u32::try_from(ticks).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::{narrow, widen};
    use crate::tds::DateTime;

    #[test]
    fn a_datetime_survives_a_datetime2() {
        for ticks in [0, 1, 2, 3, 25_919_999] {
            let time = DateTime {
                days: 45_000,
                ticks,
            };

            assert_eq!(narrow(widen(time)), time);
        }
    }
}
