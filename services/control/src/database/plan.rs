//! How SQLite goes about a statement: what is quick with a hundred rows may take hours with ten million.

use super::{Database, query};

/// The first step must begin like this.
pub(crate) async fn starts_with(sql: &str, step: &str) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    let mut conn = database.read().await.unwrap();
    let explain = query(format!("EXPLAIN QUERY PLAN {sql}"));
    let explain = explain.bind(1).bind(1).bind(1).bind(1);
    let steps = explain.fetch(&mut conn).await.unwrap();
    let first = steps[0].text(3).unwrap();
    assert!(first.starts_with(step), "{first}: {sql}");
}
