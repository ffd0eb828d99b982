use std::cell::Cell;

use crate::tds::{Kind, Value};

/// A SELECT.
#[derive(Debug)]
pub(super) struct Select {
    pub(super) top: Option<Expression>,
    /// Whether rows count as one that are sorted by the same.
    pub(super) has_ties: bool,
    pub(super) items: Vec<Item>,
    pub(super) sources: Vec<Source>,
    pub(super) filter: Option<Expression>,
    /// What rows have in common that become one; none: every row is one.
    pub(super) groups: Vec<Expression>,
    /// What the rows are sorted by, and whether from the largest on.
    pub(super) order: Vec<(Expression, bool)>,
}

/// One column of the answer.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) expression: Expression,
    pub(super) name: String,
}

/// A table that rows come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) table: String,
    pub(super) alias: String,
    pub(super) join: Join,
    /// What it is joined on; everything where there is nothing.
    pub(super) on: Option<Expression>,
}

/// How a table is joined to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Inner,
    Left,
}

#[derive(Debug)]
pub(super) enum Expression {
    Column(Reference),
    /// `@P1` is 0.
    Parameter(usize),
    Literal(Value),
    Cast(Box<Expression>, Kind),
    /// A function, its name in upper case.
    Call(String, Vec<Expression>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    IsNull(Box<Expression>),
}

/// A column by its name, and where it was found.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) alias: Option<String>,
    pub(super) name: String,
    /// Which of the sources, and which of its columns.
    pub(super) at: Cell<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Expression {
    /// What it is made of.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Column(_) | Self::Parameter(_) | Self::Literal(_) => Vec::new(),
            Self::Cast(part, _) | Self::Not(part) | Self::IsNull(part) => vec![part],
            Self::Call(_, parts) => parts.iter().collect(),
            Self::And(left, right) | Self::Or(left, right) | Self::Compare(_, left, right) => {
                vec![left, right]
            }
            Self::In(part, list) => [&**part].into_iter().chain(list).collect(),
        }
    }

    /// Whether something holds for all columns in it.
    pub(super) fn all_columns(&self, holds: &impl Fn(&Reference) -> bool) -> bool {
        match self {
            Self::Column(column) => holds(column),
            Self::Parameter(_) | Self::Literal(_) => true,
            _ => self.parts().into_iter().all(|part| part.all_columns(holds)),
        }
    }

    /// All columns in it.
    pub(super) fn columns(&self) -> Vec<&Reference> {
        match self {
            Self::Column(column) => vec![column],
            _ => self.parts().into_iter().flat_map(Self::columns).collect(),
        }
    }

    /// Whether it counts the rows of a group.
    pub(super) fn is_count(&self) -> bool {
        matches!(self, Self::Call(name, _) if name == "COUNT_BIG")
    }

    /// Of which column it is the smallest or the largest value, and whether the largest.
    pub(super) fn extreme(&self) -> Option<(&Self, bool)> {
        match self {
            Self::Call(name, parts) if name == "MIN" => Some((parts.first()?, false)),
            Self::Call(name, parts) if name == "MAX" => Some((parts.first()?, true)),
            _ => None,
        }
    }
}
