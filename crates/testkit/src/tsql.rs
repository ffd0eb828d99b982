//! As much of Transact-SQL as the statements of Chatkeep use, so that the model databases of tests run
//! them as they are: a wrong column, a wrong join, a page that begins one row too late show. What it does
//! not understand is an error, never a guess.
//!
//! One SELECT: TOP, columns, CAST, a few functions, joins, WHERE, GROUP BY, ORDER BY. Comparisons follow the logic of
//! three values, and text is compared in any case. A table is read from the first row that can matter: a
//! page by key costs what the page has, not what the table has.
//!
//! Scripts of CREATE TABLE and INSERT fill a model; no client can send them. A model writes such a script of
//! itself, so that a real server can have the same.

mod bounds;
mod cells;
mod evaluate;
mod expression;
mod extremes;
mod groups;
mod parse;
mod phrase;
mod run;
mod script;
mod system;
mod token;
mod write;

pub(crate) use self::{
    cells::Cells,
    script::{Fill, fill},
    system::{Identity, System},
    write::write,
};
use crate::tds::{Answer, Column, DateTime, Request, Row, Value};

/// The tables of a model database.
pub(crate) trait Tables {
    /// The names of all tables.
    fn names(&self) -> Vec<&str>;

    /// What a table has; `None` where there is none of this name. Names are compared in any case.
    fn describe(&self, table: &str) -> Option<Table>;

    /// The rows of a table, by its key. Those whose first column lies outside of the bounds, both
    /// inclusive, may be left out.
    fn scan<'a>(
        &'a self,
        table: &str,
        low: Option<&Value>,
        high: Option<&Value>,
    ) -> Box<dyn Iterator<Item = Row> + 'a>;

    /// The last row of a table by its key.
    fn last(&self, table: &str) -> Option<Row>;

    /// What time it is there, UTC.
    fn now(&self) -> DateTime;
}

/// What a table has.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its columns, those of its key first.
    pub(crate) columns: Vec<Column>,
    /// How many columns at the start are the key that its rows are sorted by; 0: they are not sorted.
    pub(crate) key: usize,
}

/// Why a statement is not run.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// SQL Server would say so too.
    #[error("Invalid object name '{0}'.")]
    Table(String),
    /// SQL Server would say so too.
    #[error("Invalid column name '{0}'.")]
    Column(String),
    /// SQL Server would say so too.
    #[error("Must declare the scalar variable \"@P{0}\".")]
    Parameter(usize),
    /// SQL Server would say so too.
    #[error("Violation of PRIMARY KEY constraint. Cannot insert duplicate key in object '{0}'.")]
    Duplicate(String),
    /// SQL Server would say so too.
    #[error("Cannot insert the value NULL into a column of table '{0}'.")]
    Null(String),
    /// SQL Server would say so too.
    #[error("String or binary data would be truncated in column '{0}'.")]
    Truncated(String),
    /// This model does not know it.
    #[error("the model database does not understand {0}")]
    Unknown(String),
}

impl SqlError {
    fn number(&self) -> i32 {
        match self {
            Self::Table(_) => 208,
            Self::Column(_) => 207,
            Self::Parameter(_) => 137,
            Self::Duplicate(_) => 2627,
            Self::Null(_) => 515,
            Self::Truncated(_) => 2628,
            Self::Unknown(_) => 50_001,
        }
    }
}

/// Runs a statement. Settings of a connection change nothing here.
pub(crate) fn answer(request: &Request<'_>, tables: &impl Tables) -> Answer {
    match try_answer(request, tables) {
        Ok(answer) => answer,
        Err(error) => Answer::Error {
            number: error.number(),
            class: 16,
            message: error.to_string(),
        },
    }
}

fn try_answer(request: &Request<'_>, tables: &impl Tables) -> Result<Answer, SqlError> {
    let tokens = token::split(request.statement)?;
    if tokens.first().is_some_and(|first| first.is_word("SET")) {
        return Ok(Answer::Done(0));
    }
    let select = parse::select(&tokens)?;
    let (columns, rows) = run::run(&select, request.parameters, tables)?;
    Ok(Answer::rows(columns, rows))
}
