use super::{
    SqlError, Table, Tables, evaluate::cast, expression::Expression, parse::Parser, token,
};
use crate::tds::{Column, DateTime, Kind, Row, Value};

/// Rows of one VALUES at most, as SQL Server has it.
pub(super) const MOST_ROWS: usize = 1_000;

/// A model database that a script can fill.
pub(crate) trait Fill: Tables {
    /// Adds a row that has a value for every column of the table, in their order.
    fn insert(&mut self, table: &str, row: Row) -> Result<(), SqlError>;
}

/// Runs a script of CREATE TABLE and INSERT; returns how many rows were inserted. A table is not made but
/// compared with the one that the model has.
pub(crate) fn fill(script: &str, tables: &mut impl Fill) -> Result<u64, SqlError> {
    let tokens = token::split(script)?;
    let mut parser = Parser(&tokens);
    let mut rows = 0;
    while !parser.0.is_empty() {
        if parser.has("CREATE") {
            create(&mut parser, tables)?;
        } else {
            rows += insert(&mut parser, tables)?;
        }
        while parser.takes(";") {}
    }
    Ok(rows)
}

/// A line of CREATE TABLE.
enum Line {
    Column { column: Column, is_key: bool },
    Key(Vec<String>),
}

fn create(parser: &mut Parser<'_>, tables: &impl Fill) -> Result<(), SqlError> {
    parser.word("TABLE")?;
    let name = parser.table()?;
    let table = describe(tables, &name)?;
    parser.symbol("(")?;
    let lines = parser.list(line)?;
    parser.symbol(")")?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Line::Key(names) => key = names,
            Line::Column { column, is_key } => {
                if is_key {
                    key = vec![column.name.clone()];
                }
                columns.push(column);
            }
        }
    }
    let of_model = table.columns.iter().take(table.key);
    let is_same_key = of_model.map(|column| &column.name).eq(&key);
    let is_known = |column: &Column| table.columns.contains(column);
    if is_same_key && columns.len() == table.columns.len() && columns.iter().all(is_known) {
        return Ok(());
    }
    Err(SqlError::Unknown(format!("the table {name} of this form")))
}

fn line(parser: &mut Parser<'_>) -> Result<Line, SqlError> {
    if parser.has("PRIMARY") {
        parser.word("KEY")?;
        parser.symbol("(")?;
        let names = parser.list(Parser::name)?;
        parser.symbol(")")?;
        return Ok(Line::Key(names));
    }
    let name = parser.name()?;
    let kind = parser.kind()?;
    if parser.has("NOT") {
        parser.word("NULL")?;
    } else {
        parser.has("NULL");
    }
    let is_key = parser.has("PRIMARY");
    if is_key {
        parser.word("KEY")?;
    }
    let column = Column::new(&name, kind);
    Ok(Line::Column { column, is_key })
}

fn insert(parser: &mut Parser<'_>, tables: &mut impl Fill) -> Result<u64, SqlError> {
    parser.word("INSERT")?;
    parser.word("INTO")?;
    let name = parser.table()?;
    let table = describe(tables, &name)?;
    parser.symbol("(")?;
    let columns = parser.list(Parser::name)?;
    parser.symbol(")")?;
    let places = columns.into_iter().map(|column| {
        let is_it = |known: &Column| known.name.eq_ignore_ascii_case(&column);
        let place = table.columns.iter().position(is_it);
        place.ok_or(SqlError::Column(column))
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    parser.word("VALUES")?;
    let rows = parser.list(|parser| {
        parser.symbol("(")?;
        let values = parser.list(literal)?;
        parser.symbol(")")?;
        Ok(values)
    })?;
    if rows.len() > MOST_ROWS || rows.iter().any(|values| values.len() != places.len()) {
        return Err(SqlError::Unknown(format!("these rows of {name}")));
    }
    let count = rows.len() as u64;
    for values in rows {
        let mut row = vec![Value::Null; table.columns.len()];
        for (value, place) in values.into_iter().zip(&places) {
            row[*place] = stored(value, &table.columns[*place])?;
        }
        tables.insert(&name, row)?;
    }
    Ok(count)
}

fn describe(tables: &impl Fill, name: &str) -> Result<Table, SqlError> {
    let table = tables.describe(name);
    table.ok_or_else(|| SqlError::Table(name.to_owned()))
}

fn literal(parser: &mut Parser<'_>) -> Result<Value, SqlError> {
    match parser.primary()? {
        Expression::Literal(value) => Ok(value),
        _ => Err(parser.unknown()),
    }
}

/// A literal as the column stores it.
fn stored(value: Value, column: &Column) -> Result<Value, SqlError> {
    let (Value::Text(text), kind) = (&value, column.kind) else {
        return cast(value, column.kind);
    };
    let unknown = || SqlError::Unknown(format!("a value of column {}", column.name));
    match kind {
        Kind::DateTime => time(text).map(Value::DateTime).ok_or_else(unknown),
        Kind::Guid => guid(text).map(Value::Guid).ok_or_else(unknown),
        Kind::NText => Ok(value),
        Kind::NVarChar(limit) if text.encode_utf16().count() > usize::from(limit) => {
            Err(SqlError::Truncated(column.name.clone()))
        }
        kind => cast(value, kind),
    }
}

/// `YYYY-MM-DDTHH:MM:SS.mmm`: the one form that means the same whatever language a login has.
fn time(text: &str) -> Option<DateTime> {
    let numbers = text.split(['-', 'T', ':', '.']);
    let numbers: Option<Vec<i64>> = numbers.map(|number| number.parse().ok()).collect();
    let &[year, month, day, hour, minute, second, millisecond] = numbers?.as_slice() else {
        return None;
    };
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(DateTime::from_unix_milliseconds(
        seconds * 1_000 + millisecond,
    ))
}

/// Days since 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March end with the leap day.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn guid(text: &str) -> Option<[u8; 16]> {
    let hex = text.replace('-', "");
    let number = u128::from_str_radix(&hex, 16).ok()?;
    (hex.len() == 32).then(|| number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lcslog::LcsLog;

    /// What a script comes to that is run on an empty `LcsLog`.
    fn run(script: &str) -> Result<(), SqlError> {
        LcsLog::filled(script).map(drop)
    }

    #[test]
    fn a_time_is_the_one_that_it_says() {
        let unix = |text| time(text).map(DateTime::to_ticks);

        assert_eq!(unix("1970-01-01T00:00:00.000"), Some(0));
        assert_eq!(
            unix("2024-02-29T12:00:00.003"),
            Some(1_709_208_000 * 300 + 1)
        );
        assert_eq!(unix("10 March 2025"), None);
    }

    #[test]
    fn a_table_that_the_model_has_otherwise_is_refused() {
        let table = |columns: &str| run(&format!("CREATE TABLE dbo.ContentTypes ({columns});"));

        let same = "ContentTypeId int NOT NULL PRIMARY KEY, ContentType nvarchar(256) NOT NULL";
        assert!(table(same).is_ok());
        for other in [
            "ContentTypeId int NOT NULL PRIMARY KEY",
            "ContentTypeId int NOT NULL, ContentType nvarchar(256) NOT NULL",
            "ContentTypeId bigint NOT NULL PRIMARY KEY, ContentType nvarchar(256) NOT NULL",
        ] {
            assert!(table(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_sql_server_would_not_insert_is_refused() {
        let user = "INSERT INTO dbo.Users (UserId, UserUri) VALUES";
        let again = run(&format!("{user} (1, N'a'), (1, N'b');"));
        let null = run(&format!("{user} (NULL, N'a');"));
        let column = run("INSERT INTO dbo.Users (UserId, Uri) VALUES (1, N'a');");
        let long = run(&format!("{user} (1, N'{}');", "a".repeat(451)));

        assert!(matches!(again, Err(SqlError::Duplicate(_))), "{again:?}");
        assert!(matches!(null, Err(SqlError::Null(_))), "{null:?}");
        assert!(matches!(column, Err(SqlError::Column(_))), "{column:?}");
        assert!(matches!(long, Err(SqlError::Truncated(_))), "{long:?}");
    }
}
