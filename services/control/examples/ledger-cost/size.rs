//! What the ledger takes on disk, table by table.

use std::path::Path;

use chatkeep_testkit::Postgres;
use rusqlite::Connection;

/// Name of the schema in PostgreSQL.
pub(crate) const SCHEMA: &str = "measured";

/// Where the ledger is.
pub(crate) enum Store<'a> {
    Sqlite(&'a Path),
    Postgres(&'a Postgres),
}

impl Store<'_> {
    /// Whether a run was pruned.
    pub(crate) fn is_pruned(&self) -> bool {
        let sql = "SELECT COUNT(*) FROM cleared WHERE pruned = 1";
        match self {
            Self::Sqlite(file) => {
                let count = Connection::open(file)
                    .unwrap()
                    .query_row(sql, [], |row| row.get(0));
                count.unwrap_or(0_u32) > 0
            }
            Self::Postgres(server) => {
                let sql = sql.replace("cleared", &format!("{SCHEMA}.cleared"));
                server.run(&sql).unwrap().trim() != "0"
            }
        }
    }

    /// Bytes of each table with its indexes, the largest first, free space left out.
    pub(crate) fn tables(&self) -> Vec<(String, u32)> {
        match self {
            Self::Sqlite(file) => {
                let ledger = Connection::open(file).unwrap();
                ledger.execute_batch("VACUUM").unwrap();
                let sql = "SELECT s.tbl_name, SUM(d.pgsize) FROM dbstat d \
                    JOIN sqlite_schema s ON s.name = d.name GROUP BY 1 ORDER BY 2 DESC";
                let mut statement = ledger.prepare(sql).unwrap();
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
                rows.unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(server) => {
                server.run("VACUUM FULL").unwrap();
                let sql = format!(
                    "SELECT c.relname || ' ' || pg_total_relation_size(c.oid) FROM pg_class c \
                     JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE c.relkind = 'r' AND n.nspname = '{SCHEMA}' \
                     ORDER BY pg_total_relation_size(c.oid) DESC"
                );
                let answer = server.run(&sql).unwrap();
                let lines = answer
                    .lines()
                    .filter_map(|line| line.trim().split_once(' '));
                lines
                    .map(|(table, bytes)| (table.to_owned(), bytes.parse().unwrap()))
                    .collect()
            }
        }
    }
}
