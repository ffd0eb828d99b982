//! Everything in which the databases' SQL differs, in one place.

#[cfg(feature = "postgres")]
mod postgres;

use std::borrow::Cow;

use super::{Statement, statement::Piece};

/// Which SQL a database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

/// Keys of a connector's rows begin at a multiple of this where several connectors write at a time.
#[cfg(feature = "postgres")]
const RANGE: i64 = 1 << 40;

impl Dialect {
    /// A statement of the schema: `{KEY}` is a table's own integer key, `{BYTES}` the type of bytes,
    /// `{CLUSTERED}` stands behind a table whose rows lie in the order of its primary key.
    pub(super) fn schema(self, text: &str) -> String {
        let words = match self {
            Self::Sqlite => [
                ("{KEY}", "INTEGER PRIMARY KEY"),
                ("{BYTES}", "BLOB"),
                ("{CLUSTERED}", "WITHOUT ROWID"),
                (" TEXT ", " TEXT "),
            ],
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::WORDS,
        };
        let replace = |text: String, (word, meaning): &(&str, &str)| text.replace(word, meaning);
        words.iter().fold(text.to_owned(), replace)
    }

    /// Counts the tables of this name.
    pub(super) fn tables_named(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
            #[cfg(feature = "postgres")]
            Self::Postgres => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass($1)",
        }
    }

    /// The keys that rows of a connector have which the ledger numbers itself: above the first, below
    /// the second. One writer at a time counts for all connectors; several count for one each.
    pub(crate) fn keys_of(self, connector: i64) -> (i64, i64) {
        match self {
            Self::Sqlite => {
                let _ = connector;
                (0, i64::MAX)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres => (connector * RANGE, (connector + 1) * RANGE),
        }
    }

    /// The database's own time, Unix milliseconds: the same for all that work with it.
    pub(crate) fn clock(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)",
            #[cfg(feature = "postgres")]
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// The text of a statement.
    pub(super) fn text<'a>(self, statement: &'a Statement<'_>) -> Cow<'a, str> {
        if let [Piece::Text(text)] = &statement.pieces[..] {
            return Cow::Borrowed(text);
        }
        Cow::Owned(match self {
            Self::Sqlite => sqlite(statement),
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::text(statement),
        })
    }
}

fn sqlite(statement: &Statement<'_>) -> String {
    let mut text = String::with_capacity(100 + 3 * statement.values.len());
    for piece in &statement.pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            // An insert that fails fails its transaction, so SQLite need not keep a journal for undoing
            // the statement alone.
            Piece::Insert => text.push_str("INSERT OR ROLLBACK INTO "),
            // Without a number: SQLite finds numbered places by name, one after the other, which makes
            // long lists quadratic.
            Piece::One => text.push('?'),
            Piece::List { length } => {
                text.push_str("IN ");
                push_list(&mut text, *length);
            }
            Piece::Rows { columns, count } => {
                text.push_str("VALUES ");
                for row in 0..*count {
                    text.push_str(if row == 0 { "" } else { ", " });
                    push_list(&mut text, *columns);
                }
            }
        }
    }
    text
}

fn push_list(text: &mut String, length: usize) {
    text.push('(');
    for index in 0..length {
        text.push_str(if index == 0 { "?" } else { ", ?" });
    }
    text.push(')');
}
