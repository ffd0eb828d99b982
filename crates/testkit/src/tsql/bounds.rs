use super::{
    SqlError,
    evaluate::{Context, compare},
    expression::{Comparison, Expression},
};
use crate::tds::Value;

/// Between what values, both inclusive, a column lies; open where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: Option<Value>,
    pub(super) high: Option<Value>,
}

impl Bounds {
    fn exactly(value: &Value) -> Self {
        Self {
            low: Some(value.clone()),
            high: Some(value.clone()),
        }
    }

    /// Where both hold.
    fn and(self, other: Self) -> Result<Self, SqlError> {
        Ok(Self {
            low: closer(self.low, other.low, true)?,
            high: closer(self.high, other.high, false)?,
        })
    }

    /// Where one of them holds.
    fn or(self, other: Self) -> Result<Self, SqlError> {
        let low = match (self.low, other.low) {
            (Some(one), Some(two)) => closer(Some(one), Some(two), false)?,
            _ => None,
        };
        let high = match (self.high, other.high) {
            (Some(one), Some(two)) => closer(Some(one), Some(two), true)?,
            _ => None,
        };
        Ok(Self { low, high })
    }
}

/// The larger or the smaller one of two, or the one that is there.
fn closer(one: Option<Value>, two: Option<Value>, larger: bool) -> Result<Option<Value>, SqlError> {
    let (Some(first), Some(second)) = (&one, &two) else {
        return Ok(one.or(two));
    };
    let is_first = compare(first, second)?.is_none_or(|order| order.is_ge() == larger);
    Ok(if is_first { one } else { two })
}

/// What a condition says about the first column of a source, given the rows of those before it.
pub(super) fn of(
    condition: &Expression,
    source: usize,
    context: Context<'_>,
) -> Result<Bounds, SqlError> {
    match condition {
        Expression::And(left, right) => of(left, source, context)?.and(of(right, source, context)?),
        Expression::Or(left, right) => of(left, source, context)?.or(of(right, source, context)?),
        Expression::Compare(comparison, left, right) => {
            let (comparison, other) = if is_first_column(left, source) {
                (*comparison, right)
            } else if is_first_column(right, source) {
                (comparison.turned(), left)
            } else {
                return Ok(Bounds::default());
            };
            if !is_ready(other, source) {
                return Ok(Bounds::default());
            }
            Ok(compared(comparison, context.value(other)?))
        }
        Expression::In(column, list) if is_first_column(column, source) => {
            let mut bounds: Option<Bounds> = None;
            for candidate in list.iter().filter(|candidate| is_ready(candidate, source)) {
                let value = Bounds::exactly(&context.value(candidate)?);
                bounds = Some(match bounds {
                    Some(bounds) => bounds.or(value)?,
                    None => value,
                });
            }
            let is_all = list.iter().all(|candidate| is_ready(candidate, source));
            Ok(bounds.filter(|_| is_all).unwrap_or_default())
        }
        _ => Ok(Bounds::default()),
    }
}

fn compared(comparison: Comparison, value: Value) -> Bounds {
    match comparison {
        // Nothing is equal to NULL; the condition itself finds out.
        _ if value == Value::Null => Bounds::default(),
        Comparison::Equal => Bounds::exactly(&value),
        Comparison::Greater | Comparison::GreaterOrEqual => Bounds {
            low: Some(value),
            high: None,
        },
        Comparison::Less | Comparison::LessOrEqual => Bounds {
            low: None,
            high: Some(value),
        },
        Comparison::Different => Bounds::default(),
    }
}

fn is_first_column(expression: &Expression, source: usize) -> bool {
    matches!(expression, Expression::Column(column) if column.at.get() == (source, 0))
}

/// Whether it can be evaluated before the source has a row.
fn is_ready(expression: &Expression, source: usize) -> bool {
    expression.all_columns(&|column| column.at.get().0 < source)
}
