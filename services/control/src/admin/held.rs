//! A connector's users who wait for a mailbox, as administrators turn the pages.

use chatkeep_proto::v1::{ListHeldRequest, ListHeldResponse, UserItems};

use super::exceptions::page_limit;
use crate::{
    database::{DatabaseError, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, capture::connector_key},
};

/// Users from an address on, with all that waits for each.
const USERS: &str = "SELECT participant, COUNT(*), MAX(conflict) FROM held \
    WHERE connector = $1 AND state = 0 AND participant > $2 GROUP BY participant \
    ORDER BY participant LIMIT $3";

impl Ledger {
    /// A page of the users for whom something waits, by address.
    pub(crate) async fn list_held(
        &self,
        request: ListHeldRequest,
    ) -> Result<ListHeldResponse, LedgerError> {
        let limit = page_limit(request.limit);
        let mut conn = self.database.read().await?;
        let connector = connector_key(&mut conn, &request.connector).await?;
        // One more says whether another page follows.
        let statement = query(USERS)
            .bind(connector)
            .bind(&request.page)
            .bind(i64::from(limit) + 1);
        let rows = statement.fetch(&mut conn).await;
        let rows = rows.during("list held users")?;
        let users = rows.iter().map(|row| {
            Ok(UserItems {
                source_user: row.text(0)?,
                items: row.count(1)?,
                conflict: row.int(2)? != 0,
            })
        });
        let users = users.collect::<Result<Vec<_>, DatabaseError>>();
        let mut users = users.during("list held users")?;
        let limit = limit as usize;
        let is_last = users.len() <= limit;
        users.truncate(limit);
        let next = users.last().filter(|_| !is_last);
        Ok(ListHeldResponse {
            next: next.map_or_else(String::new, |last| last.source_user.clone()),
            users,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort;

    #[tokio::test]
    async fn users_who_wait_are_found_by_index_in_the_order_of_their_addresses() {
        effort::looks_nothing_through(USERS).await;
        effort::goes_by(USERS, "held_open").await;
    }
}
