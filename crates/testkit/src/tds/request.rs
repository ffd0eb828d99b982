use super::{
    Value,
    parameter::{self, Declared},
    tokens::Form,
    wire::{Input, Malformed, size, text},
};

/// `sp_executesql`, by the number and by the name it is called with, [MS-TDS] 2.2.6.6.
const EXECUTE_SQL: u16 = 10;
const EXECUTE_SQL_NAME: &str = "sp_executesql";

/// A statement with its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) form: Form,
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

impl Statement {
    /// Out of an SQL batch, [MS-TDS] 2.2.6.7: headers, then text to the end.
    pub(super) fn of_batch(message: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(message);
        skip_headers(&mut input)?;
        Ok(Self {
            form: Form::Batch,
            sql: text(input.0)?,
            parameters: Vec::new(),
        })
    }

    /// Out of a call of `sp_executesql`: the statement, the types of its parameters, their values.
    pub(super) fn of_call(message: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(message);
        skip_headers(&mut input)?;
        called(&mut input)?;
        let _options = input.u16()?;
        let Value::Text(sql) = parameter(&mut input)? else {
            return Err(Malformed::Unexpected("the statement is no text".to_owned()));
        };
        let mut parameters = Vec::new();
        if !input.is_empty() {
            let _types = parameter(&mut input)?;
        }
        while !input.is_empty() {
            parameters.push(parameter(&mut input)?);
        }
        let form = Form::Procedure;
        Ok(Self {
            form,
            sql,
            parameters,
        })
    }

    /// The name in the comment that the statement starts with.
    pub(super) fn name(&self) -> &str {
        let comment = self.sql.trim_start().strip_prefix("/*");
        let comment = comment.and_then(|rest| Some(rest.split_once("*/")?.0.trim()));
        let name = comment.and_then(|comment| comment.strip_prefix("chatkeep:"));
        name.unwrap_or_default()
    }
}

/// Skips `ALL_HEADERS`, [MS-TDS] 2.2.5.3: its length counts itself.
fn skip_headers(input: &mut Input<'_>) -> Result<(), Malformed> {
    let length = size(input.u32()?);
    let rest = length.checked_sub(4).ok_or(Malformed::Short)?;
    input.bytes(rest).map(drop)
}

/// Makes sure that nothing else is called.
fn called(input: &mut Input<'_>) -> Result<(), Malformed> {
    let length = input.u16()?;
    if length == u16::MAX {
        return match input.u16()? {
            EXECUTE_SQL => Ok(()),
            other => Err(unknown(&other.to_string())),
        };
    }
    let name = text(input.bytes(usize::from(length) * 2)?)?;
    if name.eq_ignore_ascii_case(EXECUTE_SQL_NAME) {
        return Ok(());
    }
    Err(unknown(&name))
}

fn unknown(procedure: &str) -> Malformed {
    Malformed::Unexpected(format!("procedure {procedure} is unknown"))
}

/// One parameter: name, flags, type, value.
fn parameter(input: &mut Input<'_>) -> Result<Value, Malformed> {
    let _name = input.b_varchar()?;
    let _flags = input.u8()?;
    let declared = Declared::read(input)?;
    parameter::read(declared, input)
}

#[cfg(test)]
mod tests {
    use super::{Form, Statement};

    fn name(sql: &str) -> String {
        let statement = Statement {
            form: Form::Batch,
            sql: sql.to_owned(),
            parameters: Vec::new(),
        };
        statement.name().to_owned()
    }

    #[test]
    fn a_statement_is_named_by_the_comment_it_starts_with() {
        assert_eq!(name("/* chatkeep:messages */ SELECT 1"), "messages");
        assert_eq!(name("\n  /*chatkeep:room-day*/\nSELECT 1"), "room-day");
        assert_eq!(name("SELECT 1 /* chatkeep:messages */"), "");
        assert_eq!(name("/* messages */ SELECT 1"), "");
    }
}
