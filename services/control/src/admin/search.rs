//! Items of a user in a range of time.

use chatkeep_proto::v1::{
    FindItemsRequest, FindItemsResponse, FoundItem, Placement, PlanRow, Planned,
};
use data_encoding::HEXLOWER;
use prost::Message as _;

use super::trace::copies;
use crate::{
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, convert::decode_info, task::narrow},
};

/// Items found per page when nothing is said, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 500;
/// Items of the range that a query reads, and queries of a call at most: what bounds its time.
const READ: i64 = 1_000;
const QUERIES: usize = 20;

/// Items of a range in their order, with their plans; both tables are read by their keys.
const SQL: &str = "SELECT i.id, i.date, i.hash, i.records, i.info, i.batch, p.plan \
    FROM items i CROSS JOIN plans p \
    WHERE (i.date, i.hash) > ($1, $2) AND i.date < $3 AND i.lost = 0 AND p.item = i.id \
    ORDER BY i.date, i.hash LIMIT $4";

/// Where a search goes on: behind the item with this date and hash.
type Place = (i64, Vec<u8>);

impl Ledger {
    /// A page of a user's items. There is no index by user: what one would cost with every delivery is more
    /// than looking through the items of the days somebody asks for.
    pub(crate) async fn find_items(
        &self,
        request: FindItemsRequest,
    ) -> Result<FindItemsResponse, LedgerError> {
        let user = request.user.trim().to_lowercase();
        if user.is_empty() {
            return Err(LedgerError::Malformed("user"));
        }
        let limit = match request.limit as usize {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let mut place = match request.page.as_str() {
            "" => (request.from, Vec::new()),
            page => parse(page).ok_or(LedgerError::Malformed("page"))?,
        };
        let mut conn = self.database.read().await?;
        let mut items = Vec::new();
        for _ in 0..QUERIES {
            let rows = query(SQL).bind(place.0).bind(&place.1[..]).bind(request.to);
            let rows = rows
                .bind(READ)
                .fetch(&mut conn)
                .await
                .during("find items")?;
            for row in &rows {
                place = read_place(row).during("find items")?;
                let of = (user.as_str(), request.connector.as_str());
                if let Some(found) = self.found(&mut conn, row, of).await? {
                    items.push(found);
                }
                if items.len() == limit {
                    return Ok(page(items, Some(&place)));
                }
            }
            if i64::try_from(rows.len()).is_ok_and(|read| read < READ) {
                return Ok(page(items, None));
            }
        }
        Ok(page(items, Some(&place)))
    }

    /// The item with the user's copy, if they have one.
    async fn found(
        &self,
        conn: &mut Connection,
        row: &Row,
        (user, connector): (&str, &str),
    ) -> Result<Option<FoundItem>, LedgerError> {
        let plan = row.bytes(6).during("find items")?;
        let planned =
            Planned::decode(&plan[..]).map_err(|_| LedgerError::Malformed("stored plan"))?;
        // The mailbox of a copy that was held at first is not in its plan.
        let may_be_theirs = |row: &PlanRow| {
            let was_held = matches!(row.placement(), Placement::Held | Placement::Conflict);
            was_held || row.participant == user || row.mailbox == user
        };
        if !planned.rows.iter().any(may_be_theirs) {
            return Ok(None);
        }
        let key = row.int(0).during("find items")?;
        let copies = copies(conn, key, &plan, self.traces()).await?;
        let mut copies = copies.into_iter();
        let Some(copy) = copies.find(|copy| copy.source_user == user || copy.mailbox == user)
        else {
            return Ok(None);
        };
        let (of, run_number) = origin(conn, row).await?;
        if !connector.is_empty() && of != connector {
            return Ok(None);
        }
        let item = || {
            Ok::<_, DatabaseError>(FoundItem {
                item: row.bytes(2)?.into(),
                connector: of,
                run_number,
                date: row.int(1)?,
                records: narrow(row.int(3)?),
                copy: Some(copy),
                ..FoundItem::default()
            })
        };
        let item = item().during("find items")?;
        let info = decode_info(&row.bytes(4).during("find items")?)?;
        Ok(Some(FoundItem {
            kind: info.kind,
            ..item
        }))
    }
}

fn page(items: Vec<FoundItem>, next: Option<&Place>) -> FindItemsResponse {
    let text = |(date, hash): &Place| format!("{date}.{}", HEXLOWER.encode(hash));
    FindItemsResponse {
        items,
        next: next.map_or_else(String::new, text),
    }
}

fn parse(page: &str) -> Option<Place> {
    let (date, hash) = page.split_once('.')?;
    Some((date.parse().ok()?, HEXLOWER.decode(hash.as_bytes()).ok()?))
}

fn read_place(row: &Row) -> Result<Place, DatabaseError> {
    Ok((row.int(1)?, row.bytes(2)?))
}

/// The connector that an item is of, and the number of its run.
async fn origin(conn: &mut Connection, row: &Row) -> Result<(String, i64), LedgerError> {
    let statement = query(
        "SELECT c.name_id, r.number FROM batches b JOIN runs r ON r.id = b.run \
         JOIN connectors c ON c.id = r.connector WHERE b.id = $1",
    );
    let batch = row.int(5).during("find items")?;
    let row = statement.bind(batch).fetch_one(conn).await;
    row.and_then(|row| Ok((row.text(0)?, row.int(1)?)))
        .during("find items")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::looks_nothing_through;

    #[tokio::test]
    async fn items_of_other_days_are_not_looked_through() {
        looks_nothing_through(SQL).await;
    }

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        let place = (-5, vec![0xab, 0x01]);

        let next = page(Vec::new(), Some(&place)).next;

        assert_eq!(parse(&next), Some(place));
        assert_eq!(parse("5"), None);
        assert_eq!(parse("5.x"), None);
    }
}
