//! Long lists, page by page.

use chatkeep_proto::v1::{
    ArchivedDelivery, Exception, Excluded, FailedDelivery, Planned, QuarantinedEntry, UserItems,
    exception::Exception as Kind,
};
use prost::Message as _;

use super::trace::NO_MAILBOX;
use crate::{
    database::{DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger,
        convert::{BATCHES_FROM, decode_info},
        run::decode_blob,
    },
};

/// Rows per page of a stream.
pub(crate) const PAGE: i64 = 500;

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    Findings(i64),
    Quarantined(i64),
    Excluded,
    Held(String),
    External(String),
    /// Item and mailbox of the last delivery.
    Failed(i64, i64),
    Expired(i64),
}

impl Cursor {
    /// Where those begin that are listed behind all of this kind.
    pub(crate) fn following(&self) -> Option<Self> {
        Some(match self {
            Self::Findings(_) => Self::Quarantined(0),
            Self::Quarantined(_) => Self::Excluded,
            Self::Excluded => Self::Held(String::new()),
            Self::Held(_) => Self::External(String::new()),
            Self::External(_) => Self::Failed(0, 0),
            Self::Failed(..) => Self::Expired(0),
            Self::Expired(_) => return None,
        })
    }
}

/// A page and where to go on; `None` at the end.
pub(crate) type Page<T, C> = (Vec<T>, Option<C>);

impl Ledger {
    /// What a report lists of a run, from `cursor` on: so many rows at most.
    pub(crate) async fn exceptions(
        &self,
        run: i64,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Page<Exception, Cursor>, LedgerError> {
        let following = cursor.following();
        let (kinds, last) = match cursor {
            Cursor::Findings(after) => {
                let (findings, last) = self.findings(run, after, limit).await?;
                let findings = findings.into_iter().map(Kind::Finding);
                (findings.collect(), last.map(Cursor::Findings))
            }
            Cursor::Quarantined(after) => self.quarantined(run, after, limit).await?,
            Cursor::Excluded => (self.excluded(run).await?, None),
            Cursor::Held(after) => self.held_users(run, after, limit).await?,
            Cursor::External(after) => self.externals(run, after, limit).await?,
            Cursor::Failed(..) | Cursor::Expired(_) => {
                let (failed, next) = self.failures(run, cursor, limit).await?;
                (failed.into_iter().map(Kind::Failed).collect(), next)
            }
        };
        let exceptions = kinds.into_iter().map(|kind| Exception {
            exception: Some(kind),
        });
        Ok((exceptions.collect(), last.or(following)))
    }

    async fn quarantined(
        &self,
        run: i64,
        after: i64,
        limit: i64,
    ) -> Result<Page<Kind, Cursor>, LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(
            "SELECT id, source, reason, records, original FROM quarantined \
             WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3",
        );
        let rows = statement
            .bind(run)
            .bind(after)
            .bind(limit)
            .fetch(&mut conn)
            .await;
        let rows = rows.during("list quarantined records")?;
        let entries = rows.iter().map(|row| {
            Ok(Kind::Quarantined(QuarantinedEntry {
                source: row.text(1)?,
                reason: row.text(2)?,
                records: row.count(3)?,
                original: decode_blob(&row.bytes(4)?),
            }))
        });
        let entries = entries.collect::<Result<_, DatabaseError>>();
        let last = rows.last().map(|last| last.int(0)).transpose();
        let last = last.during("list quarantined records")?;
        Ok((
            entries.during("list quarantined records")?,
            last.map(Cursor::Quarantined),
        ))
    }

    async fn excluded(&self, run: i64) -> Result<Vec<Kind>, LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(
            "SELECT e.rule, CAST(SUM(e.records) AS BIGINT) FROM tasks t \
             JOIN exclusions e ON e.task = t.id WHERE t.run = $1 GROUP BY e.rule ORDER BY e.rule",
        );
        let rows = statement
            .bind(run)
            .fetch(&mut conn)
            .await
            .during("list excluded records")?;
        let excluded = rows.iter().map(|row| {
            Ok(Kind::Excluded(Excluded {
                rule: row.text(0)?,
                records: row.count(1)?,
            }))
        });
        excluded
            .collect::<Result<_, DatabaseError>>()
            .during("list excluded records")
    }

    async fn held_users(
        &self,
        run: i64,
        after: String,
        limit: i64,
    ) -> Result<Page<Kind, Cursor>, LedgerError> {
        let sql = "SELECT participant, COUNT(*), MAX(conflict) FROM held \
            WHERE run = $1 AND state = 0 AND participant > $2 GROUP BY participant \
            ORDER BY participant LIMIT $3";
        let users = self.users(sql, run, &after, limit).await?;
        let last = users.last();
        let last = last.map(|last| Cursor::Held(last.source_user.clone()));
        Ok((users.into_iter().map(Kind::Held).collect(), last))
    }

    async fn externals(
        &self,
        run: i64,
        after: String,
        limit: i64,
    ) -> Result<Page<Kind, Cursor>, LedgerError> {
        let sql = "SELECT participant, items, CAST(0 AS BIGINT) FROM externals \
            WHERE run = $1 AND participant > $2 ORDER BY participant LIMIT $3";
        let users = self.users(sql, run, &after, limit).await?;
        let last = users.last();
        let last = last.map(|last| Cursor::External(last.source_user.clone()));
        Ok((users.into_iter().map(Kind::External).collect(), last))
    }

    async fn users(
        &self,
        sql: &'static str,
        run: i64,
        after: &str,
        limit: i64,
    ) -> Result<Vec<UserItems>, LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(sql).bind(run).bind(after).bind(limit);
        let rows = statement
            .fetch(&mut conn)
            .await
            .during("list participants")?;
        let users = rows.iter().map(|row| {
            Ok(UserItems {
                source_user: row.text(0)?,
                items: row.count(1)?,
                conflict: row.int(2)? != 0,
            })
        });
        users
            .collect::<Result<_, DatabaseError>>()
            .during("list participants")
    }

    /// A run's failed and partially imported deliveries; starts at `Cursor::Failed(0, 0)`.
    pub(crate) async fn failures(
        &self,
        run: i64,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Page<FailedDelivery, Cursor>, LedgerError> {
        match cursor {
            Cursor::Failed(item, mailbox) => self.failed(run, (item, mailbox), limit).await,
            Cursor::Expired(after) => self.expired(run, after, limit).await,
            _ => Ok((Vec::new(), None)),
        }
    }

    async fn failed(
        &self,
        run: i64,
        after: (i64, i64),
        limit: i64,
    ) -> Result<Page<FailedDelivery, Cursor>, LedgerError> {
        let columns = "d.state, d.reason, (SELECT plan FROM plans WHERE item = d.item)";
        let page = self.outcomes((run, limit), after, (columns, "2, 4"), read_failed);
        let (failed, last) = page.await?;
        let next = last.map_or(Cursor::Expired(0), |(item, mailbox)| {
            Cursor::Failed(item, mailbox)
        });
        Ok((failed, Some(next)))
    }

    async fn expired(
        &self,
        run: i64,
        after: i64,
        limit: i64,
    ) -> Result<Page<FailedDelivery, Cursor>, LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(
            "SELECT id, hash, participant FROM held WHERE run = $1 AND state = 4 AND id > $2 \
             ORDER BY id LIMIT $3",
        );
        let rows = statement
            .bind(run)
            .bind(after)
            .bind(limit)
            .fetch(&mut conn)
            .await;
        let rows = rows.during("list failed deliveries")?;
        let failed = rows.iter().map(|row| {
            Ok(FailedDelivery {
                item: row.bytes(1)?.into(),
                source_user: row.text(2)?,
                reason: NO_MAILBOX.to_owned(),
                ..FailedDelivery::default()
            })
        });
        let failed = failed
            .collect::<Result<_, DatabaseError>>()
            .during("list failed deliveries")?;
        let next = rows.last().map(|last| last.int(0)).transpose();
        Ok((
            failed,
            next.during("list failed deliveries")?.map(Cursor::Expired),
        ))
    }

    /// What a run has in mailboxes, in the order of its items, behind an item and a mailbox.
    pub(crate) async fn archived(
        &self,
        run: i64,
        after: (i64, i64),
    ) -> Result<Page<ArchivedDelivery, (i64, i64)>, LedgerError> {
        self.outcomes(
            (run, PAGE),
            after,
            ("d.date, i.info", "1, 3"),
            read_archived,
        )
        .await
    }

    /// A page of a run's deliveries in these states, behind an item and a mailbox, and where the page
    /// ends. A row has item, mailbox, address, the item's hash and `columns`.
    async fn outcomes<T>(
        &self,
        (run, limit): (i64, i64),
        (item, mailbox): (i64, i64),
        (columns, states): (&str, &str),
        read: fn(&Row) -> Result<T, LedgerError>,
    ) -> Result<Page<T, (i64, i64)>, LedgerError> {
        let mut conn = self.database.read().await?;
        let statement = query(outcomes_behind(columns, states)).bind(run).bind(item);
        let statement = statement.bind(mailbox).bind(limit).long();
        let rows = statement.fetch(&mut conn).await;
        let rows = rows.during("list deliveries")?;
        let last = rows.last().map(|row| Ok((row.int(0)?, row.int(1)?)));
        let last: Result<_, DatabaseError> = last.transpose();
        let page = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok((page, last.during("list deliveries")?))
    }
}

fn outcomes_behind(columns: &str, states: &str) -> String {
    format!(
        "SELECT d.item, d.mailbox, m.address, i.hash, {columns} \
         FROM batches b CROSS JOIN deliveries d CROSS JOIN items i CROSS JOIN mailboxes m \
         WHERE {BATCHES_FROM} AND d.item >= b.first AND d.item < b.first + b.items \
         AND (+d.item > $2 OR +d.item = $2 AND d.mailbox > $3) AND d.state IN ({states}) \
         AND i.id = d.item AND m.id = d.mailbox ORDER BY b.first, d.item, d.mailbox LIMIT $4"
    )
}

fn read_archived(row: &Row) -> Result<ArchivedDelivery, LedgerError> {
    let info = row.bytes(5).during("list deliveries")?;
    let delivery = |parts| {
        Ok(ArchivedDelivery {
            mailbox: row.text(2)?,
            item: row.bytes(3)?.into(),
            date: row.int(4)?,
            parts,
        })
    };
    delivery(decode_info(&info)?.parts).during("list deliveries")
}

fn read_failed(row: &Row) -> Result<FailedDelivery, LedgerError> {
    let delivery = || {
        let mailbox = row.text(2)?;
        // A plan that cannot be read leaves the user unnamed, the mailbox says enough.
        let plan = Planned::decode(&row.bytes(6)?[..]).unwrap_or_default();
        let user = plan.rows.into_iter().find(|row| row.mailbox == mailbox);
        Ok(FailedDelivery {
            item: row.bytes(3)?.into(),
            source_user: user.map_or_else(String::new, |row| row.participant),
            mailbox,
            reason: row.text(5)?,
            partial: row.int(4)? == 2,
        })
    };
    delivery().during("list deliveries")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::{begins_where_the_page_does, goes_by, grows_with_the_items};

    #[tokio::test]
    async fn a_long_list_takes_no_longer_for_each_item() {
        for states in ["1, 3", "2, 4"] {
            let sql = outcomes_behind("d.state", states);
            grows_with_the_items(&sql).await;
            begins_where_the_page_does(&sql).await;
        }
    }

    #[tokio::test]
    async fn failed_deliveries_are_not_looked_for_among_all() {
        goes_by(&outcomes_behind("d.state", "2, 4"), "deliveries_failed").await;
    }
}
