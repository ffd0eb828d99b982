//! Everything in which SQL dialects differ, in one place. Here: SQLite.

use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _, path::Path};

/// Type and constraint of a table's own integer key.
pub(super) const KEY: &str = "INTEGER PRIMARY KEY";
/// Type of bytes.
pub(super) const BYTES: &str = "BLOB";
/// Behind a table whose rows lie in the order of its primary key.
pub(super) const CLUSTERED: &str = "WITHOUT ROWID";

/// What every connection starts with. A commit is on disk when it returns.
pub(super) const SETUP: &str = "PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 30000;
PRAGMA foreign_keys = OFF;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;";

/// Pages the writer keeps in memory; readers mostly look at what was written last.
pub(super) const WRITER_CACHE: &str = "PRAGMA cache_size = -8192;";
/// Pages a reader keeps in memory.
pub(super) const READER_CACHE: &str = "PRAGMA cache_size = -1024;";

/// Writes the placeholder of the next value of a list. Without a number: SQLite finds numbered
/// placeholders by name, one after the other, which makes long lists quadratic.
pub(super) fn placeholder(sql: &mut String, _number: usize) {
    sql.push('?');
}

/// The hexadecimal digits of a column of bytes.
pub(super) fn hex_of_bytes(column: &str) -> String {
    format!("hex({column})")
}

/// The hexadecimal digits of a column of text, as UTF-8.
pub(super) fn hex_of_text(column: &str) -> String {
    format!("hex({column})")
}

/// Where the ledger is.
pub(super) fn url(path: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                url.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => _ = write!(url, "%{byte:02X}"),
        }
    }
    url.push_str("?mode=rwc");
    url
}
