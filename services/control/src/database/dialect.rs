//! Everything in which SQL dialects differ, in one place. Here: SQLite.

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

/// KiB of pages the writer keeps in memory; readers mostly look at what was written last.
pub(super) const WRITER_CACHE: u32 = 8192;
/// KiB of pages a reader keeps in memory.
pub(super) const READER_CACHE: u32 = 1024;

/// How an insert of many rows begins. One that fails fails its transaction, so SQLite need not keep a
/// journal for undoing the statement alone.
pub(crate) const INSERT: &str = "INSERT OR ROLLBACK INTO ";

/// Writes the placeholder of the next value of a list. Without a number: SQLite finds numbered
/// placeholders by name, one after the other, which makes long lists quadratic.
pub(super) fn placeholder(sql: &mut String, _number: usize) {
    sql.push('?');
}
