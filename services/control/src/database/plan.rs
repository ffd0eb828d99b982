//! How SQLite goes about a statement: what is quick with a hundred rows may take hours with ten million.

use super::{Database, query};

/// The first steps must begin like these.
pub(crate) async fn begins_with(sql: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    let mut conn = database.read().await.unwrap();
    let explain = query(format!("EXPLAIN QUERY PLAN {sql}"));
    let explain = explain.bind(1).bind(1).bind(1).bind(1);
    let rows = explain.fetch(&mut conn).await.unwrap();
    let steps: Vec<_> = rows.iter().map(|row| row.text(3).unwrap()).collect();
    let mut pairs = steps.iter().zip(expected);
    let is_expected = pairs.all(|(step, expected)| step.starts_with(expected));
    assert!(
        is_expected && steps.len() >= expected.len(),
        "{steps:?}: {sql}"
    );
}
