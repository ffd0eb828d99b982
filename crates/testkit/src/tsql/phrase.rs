use std::cell::Cell;

use super::{
    SqlError,
    expression::{Comparison, Expression, Reference},
    parse::Parser,
    token::Token,
};
use crate::tds::{Kind, Value};

impl Parser<'_> {
    /// OR binds least, then AND, then NOT.
    pub(super) fn expression(&mut self) -> Result<Expression, SqlError> {
        let mut left = self.conjunction()?;
        while self.has("OR") {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, SqlError> {
        let mut left = self.negation()?;
        while self.has("AND") {
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, SqlError> {
        if self.has("NOT") {
            return Ok(Expression::Not(Box::new(self.negation()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, SqlError> {
        let left = self.primary()?;
        for (symbol, comparison) in [
            ("=", Comparison::Equal),
            ("<>", Comparison::Different),
            ("!=", Comparison::Different),
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
        ] {
            if self.takes(symbol) {
                let right = self.primary()?;
                return Ok(compare(comparison, left, right));
            }
        }
        if self.has("IS") {
            let is_negated = self.has("NOT");
            self.word("NULL")?;
            return Ok(negate(is_negated, Expression::IsNull(Box::new(left))));
        }
        let is_negated = self.has("NOT");
        if self.has("IN") {
            self.symbol("(")?;
            let list = self.list(Self::expression)?;
            self.symbol(")")?;
            return Ok(negate(is_negated, Expression::In(Box::new(left), list)));
        }
        if is_negated {
            Err(self.unknown())
        } else {
            Ok(left)
        }
    }

    pub(super) fn primary(&mut self) -> Result<Expression, SqlError> {
        if self.takes("(") {
            let inner = self.expression()?;
            self.symbol(")")?;
            return Ok(inner);
        }
        match self.0.first() {
            Some(Token::Number(number)) => Ok(self.literal(Value::BigInt(*number))),
            Some(Token::Text(text)) => Ok(self.literal(Value::Text(text.clone()))),
            Some(Token::Parameter(index)) => {
                self.0 = &self.0[1..];
                Ok(Expression::Parameter(*index))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("NULL") => {
                Ok(self.literal(Value::Null))
            }
            Some(Token::Word(_) | Token::Name(_)) => self.named(),
            _ => Err(self.unknown()),
        }
    }

    fn literal(&mut self, value: Value) -> Expression {
        self.0 = &self.0[1..];
        Expression::Literal(value)
    }

    /// A column or a function.
    fn named(&mut self) -> Result<Expression, SqlError> {
        let first = self.name()?;
        if self.takes("(") {
            return self.call(first.to_ascii_uppercase());
        }
        let (alias, name) = if self.takes(".") {
            (Some(first), self.name()?)
        } else {
            (None, first)
        };
        let at = Cell::default();
        Ok(Expression::Column(Reference { alias, name, at }))
    }

    /// The rest of a call behind its first parenthesis.
    fn call(&mut self, function: String) -> Result<Expression, SqlError> {
        if function == "CAST" {
            let value = self.expression()?;
            self.word("AS")?;
            let kind = self.kind()?;
            self.symbol(")")?;
            return Ok(Expression::Cast(Box::new(value), kind));
        }
        match function.as_str() {
            "COUNT_BIG" => self.symbol("*")?,
            // The only part of a date that is asked for.
            "DATEDIFF" => {
                self.word("HOUR")?;
                self.symbol(",")?;
            }
            _ => {}
        }
        let mut arguments = Vec::new();
        if !self.takes(")") {
            arguments = self.list(Self::expression)?;
            self.symbol(")")?;
        }
        Ok(Expression::Call(function, arguments))
    }

    fn kind(&mut self) -> Result<Kind, SqlError> {
        let name = self.name()?.to_ascii_lowercase();
        let mut limit = None;
        if self.takes("(") {
            limit = match self.0.first() {
                Some(Token::Number(number)) => u16::try_from(*number).ok(),
                _ => None,
            };
            self.0 = self.0.get(1..).unwrap_or_default();
            self.symbol(")")?;
        }
        kind_of_name(&name, limit).ok_or(SqlError::Unknown(name))
    }
}

fn compare(comparison: Comparison, left: Expression, right: Expression) -> Expression {
    Expression::Compare(comparison, Box::new(left), Box::new(right))
}

fn negate(is_negated: bool, expression: Expression) -> Expression {
    if is_negated {
        Expression::Not(Box::new(expression))
    } else {
        expression
    }
}

/// A type by its name; a limit of characters or bytes is `max` where there is none.
pub(super) fn kind_of_name(name: &str, limit: Option<u16>) -> Option<Kind> {
    Some(match name {
        "bit" => Kind::Bit,
        "tinyint" => Kind::TinyInt,
        "smallint" => Kind::SmallInt,
        "int" => Kind::Int,
        "bigint" => Kind::BigInt,
        "datetime" => Kind::DateTime,
        "datetime2" => Kind::DateTime2,
        "uniqueidentifier" => Kind::Guid,
        "nvarchar" | "varchar" | "nchar" | "char" | "sysname" => {
            limit.map_or(Kind::NVarCharMax, Kind::NVarChar)
        }
        "ntext" | "text" => Kind::NText,
        "varbinary" | "binary" => limit.map_or(Kind::VarBinaryMax, Kind::VarBinary),
        _ => return None,
    })
}
