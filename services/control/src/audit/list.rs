//! The audit trail, page by page.

use chatkeep_proto::v1::{ListAuditRequest, ListAuditResponse};

use super::{COLUMNS, read};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::Ledger,
};

/// Entries per page when nothing is said, and at most.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1_000;

impl Ledger {
    /// A page of the audit trail.
    pub(crate) async fn list_audit(
        &self,
        request: ListAuditRequest,
    ) -> Result<ListAuditResponse, LedgerError> {
        let action = "list audit trail";
        let mut conn = self.database.read().await?;
        let limit = match request.limit {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let (first, end) = bounds(&mut conn, &request).await?;
        let filters = filters(&request);
        let mut statement = query(sql(&filters, request.newest_first));
        statement = statement.bind(first).bind(end).bind(i64::from(limit));
        for (_, value) in filters {
            statement = statement.bind(value);
        }
        let rows = statement.fetch(&mut conn).await.during(action)?;
        let entries: Result<Vec<_>, _> = rows.iter().map(read).collect();
        let entries = entries.during(action)?;
        let is_full = entries.len() >= limit as usize;
        let next = entries.last().filter(|_| is_full);
        Ok(ListAuditResponse {
            next: next.map_or(0, |last| last.sequence),
            entries,
        })
    }
}

/// Columns that must have these values.
fn filters(request: &ListAuditRequest) -> Vec<(&'static str, &str)> {
    let mut filters = vec![
        ("connector", &*request.connector),
        ("object", &request.object),
        ("action", &request.action),
        ("subject", &request.subject),
    ];
    filters.retain(|(_, value)| !value.is_empty());
    filters
}

/// An index gives the entries in their order, whatever is asked for.
fn sql(filters: &[(&str, &str)], newest_first: bool) -> String {
    let order = if newest_first { "DESC" } else { "ASC" };
    let conditions = (4..).zip(filters);
    let conditions =
        conditions.map(|(place, (column, _)): (i32, _)| format!(" AND {column} = ${place}"));
    let conditions: String = conditions.collect();
    format!(
        "SELECT {COLUMNS} FROM audit WHERE sequence >= $1 AND sequence < $2{conditions} \
         ORDER BY sequence {order} LIMIT $3"
    )
}

/// Sequence numbers between which the entries are, the first inclusive: times grow with them.
async fn bounds(
    conn: &mut Connection,
    request: &ListAuditRequest,
) -> Result<(i64, i64), LedgerError> {
    let first = match request.from {
        Some(from) => first_since(conn, from).await?,
        None => 1,
    };
    let end = match request.to {
        Some(to) => first_since(conn, to).await?,
        None => i64::MAX,
    };
    Ok(match (request.cursor, request.newest_first) {
        (0, _) => (first, end),
        (before, true) => (first, end.min(before)),
        (after, false) => (first.max(after.saturating_add(1)), end),
    })
}

/// Sequence number of the first entry that is not older; behind the last one when all are.
async fn first_since(conn: &mut Connection, time: i64) -> Result<i64, LedgerError> {
    let statement =
        query("SELECT sequence FROM audit WHERE time >= $1 ORDER BY time, sequence LIMIT 1");
    let row = statement.bind(time).fetch_optional(conn).await;
    let row = row.during("list audit trail")?;
    row.map_or(Ok(i64::MAX), |row| row.int(0))
        .during("list audit trail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::looks_nothing_through;

    #[tokio::test]
    async fn no_list_looks_the_trail_through() {
        let all = [
            ("connector", "a"),
            ("object", "b"),
            ("action", "c"),
            ("subject", "d"),
        ];
        let each = [&all[..1], &all[1..2], &all[2..3], &all[3..]];
        for filters in each.into_iter().chain([&[][..], &all]) {
            for newest_first in [false, true] {
                looks_nothing_through(&sql(filters, newest_first)).await;
            }
        }
    }
}
