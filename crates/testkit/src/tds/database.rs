use std::fmt;

/// What a test brings along to answer statements.
pub trait Database: Send + Sync + 'static {
    /// Answers one statement. Rows are taken from the answer while they are sent, in the thread of the
    /// connection: an iterator may be endless, but must not block for long.
    fn answer(&self, request: &Request<'_>) -> Answer;
}

impl<F> Database for F
where
    F: Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
{
    fn answer(&self, request: &Request<'_>) -> Answer {
        self(request)
    }
}

/// A statement as a client sent it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The database of the connection, as the server spells it.
    pub database: &'a str,
    /// The name in the comment that the statement starts with, `/* chatkeep:NAME */`; empty without one.
    pub name: &'a str,
    /// All of it, with the comment.
    pub statement: &'a str,
    /// The values of `@P1`, `@P2` and so on.
    pub parameters: &'a [Value],
}

/// A value, of a parameter or in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// NULL of any type.
    Null,
    /// `bit`.
    Bit(bool),
    /// `tinyint`, `smallint` or `int`.
    Int(i32),
    /// `bigint`; every whole number fits a column of whole numbers that is large enough for it.
    BigInt(i64),
    /// `nvarchar` or `ntext`.
    Text(String),
    /// `varbinary`.
    Bytes(Vec<u8>),
    /// `datetime`.
    DateTime(DateTime),
    /// `datetime2(7)`.
    DateTime2(DateTime2),
    /// `uniqueidentifier`, its bytes in the order in which its text shows them.
    Guid([u8; 16]),
}

/// A `datetime`: exact to a three-hundredth of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// Days since 1900-01-01.
    pub days: i32,
    /// Three-hundredths of a second since midnight.
    pub ticks: u32,
}

impl DateTime {
    /// Before every other one.
    pub const MIN: Self = Self {
        days: i32::MIN,
        ticks: 0,
    };
    /// After every other one.
    pub const MAX: Self = Self {
        days: i32::MAX,
        ticks: u32::MAX,
    };
    const TICKS_OF_DAY: i64 = 24 * 60 * 60 * 300;
    /// From 1900-01-01 to 1970-01-01.
    const DAYS_TO_UNIX: i64 = 25_567;

    /// The value that SQL Server stores for this time, in milliseconds since 1970-01-01 UTC: rounded to
    /// .000, .003 or .007 seconds.
    pub fn from_unix_milliseconds(milliseconds: i64) -> Self {
        Self::from_ticks((milliseconds * 3 + 5).div_euclid(10))
    }

    /// This many three-hundredths of a second after 1970-01-01.
    pub fn from_ticks(ticks: i64) -> Self {
        let days = ticks.div_euclid(Self::TICKS_OF_DAY) + Self::DAYS_TO_UNIX;
        let ticks = ticks.rem_euclid(Self::TICKS_OF_DAY);
        Self {
            days: i32::try_from(days).unwrap_or(i32::MAX),
            ticks: u32::try_from(ticks).unwrap_or(0),
        }
    }

    /// Three-hundredths of a second since 1970-01-01.
    pub fn to_ticks(self) -> i64 {
        (i64::from(self.days) - Self::DAYS_TO_UNIX) * Self::TICKS_OF_DAY + i64::from(self.ticks)
    }
}

/// A `datetime2(7)`: units of 100 ns since 0001-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime2(pub u64);

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bit`.
    Bit,
    /// `tinyint`, 0 to 255.
    TinyInt,
    /// `smallint`.
    SmallInt,
    /// `int`.
    Int,
    /// `bigint`.
    BigInt,
    /// `datetime`.
    DateTime,
    /// `datetime2(7)`.
    DateTime2,
    /// `uniqueidentifier`.
    Guid,
    /// `nvarchar` of at most this many UTF-16 units, 4,000 at most.
    NVarChar(u16),
    /// `nvarchar(max)`.
    NVarCharMax,
    /// `ntext`.
    NText,
    /// `varbinary` of at most this many bytes, 8,000 at most.
    VarBinary(u16),
    /// `varbinary(max)`.
    VarBinaryMax,
}

/// A column of an answer. It may be NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

impl Column {
    /// A column of this name and type.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
        }
    }
}

/// One value for each column of the answer.
pub type Row = Vec<Value>;

/// The answer to a statement.
pub enum Answer {
    /// Rows, in the order in which they are sent.
    Rows {
        /// What they consist of.
        columns: Vec<Column>,
        /// The rows; taken one by one while they are sent.
        rows: Box<dyn Iterator<Item = Row> + Send>,
    },
    /// No rows; so many were changed.
    Done(u64),
    /// An error as SQL Server numbers it. From class 20 on the connection ends with it.
    Error {
        /// E.g. 208: no such table.
        number: i32,
        /// How bad it is, 11 to 25.
        class: u8,
        /// What it says.
        message: String,
    },
}

impl Answer {
    /// These rows.
    pub fn rows<R>(columns: Vec<Column>, rows: R) -> Self
    where
        R: IntoIterator<Item = Row>,
        R::IntoIter: Send + 'static,
    {
        Self::Rows {
            columns,
            rows: Box::new(rows.into_iter()),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { columns, .. } => f.debug_struct("Rows").field("columns", columns).finish(),
            Self::Done(count) => f.debug_tuple("Done").field(count).finish(),
            Self::Error { number, .. } => f.debug_struct("Error").field("number", number).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DateTime;

    #[test]
    fn milliseconds_are_rounded_as_sql_server_rounds_them() {
        let ticks = |milliseconds| DateTime::from_unix_milliseconds(milliseconds).ticks;

        let rounded: Vec<u32> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(ticks).to_vec();

        assert_eq!(rounded, [0, 0, 1, 1, 1, 2, 2, 2, 2, 3]);
    }

    #[test]
    fn a_time_before_1970_lies_on_its_own_day() {
        let before = DateTime::from_ticks(-1);

        assert_eq!((before.days, before.ticks), (25_566, 25_919_999));
        assert_eq!(before.to_ticks(), -1);
    }
}
