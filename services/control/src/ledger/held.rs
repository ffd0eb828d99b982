//! Held deliveries: ours, but without a mailbox yet.

use std::collections::{BTreeMap, HashMap, HashSet};

use chatkeep_proto::v1::{HeldRequest, HeldRow, Placement, PlanRow};

use super::{
    Ledger,
    mailbox::{self, NewDelivery},
    plan::insert_externals,
    run,
    task::TaskRow,
};
use crate::{
    database::{Cell, Connection, DatabaseError, chunks, query},
    error::{During as _, LedgerError},
};

/// What became of a held delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HeldState {
    /// No mailbox is known yet.
    Held = 0,
    /// It is a delivery now.
    Delivered = 1,
    /// Its mailbox has the item already.
    Merged = 2,
    /// It turned out not to be ours.
    External = 3,
    /// It waited longer than it should.
    Failed = 4,
}

/// A held delivery that can be resolved.
#[derive(Clone, Debug)]
struct Open {
    key: i64,
    item: i64,
    run: i64,
    date: i64,
}

impl Ledger {
    /// Held participants, page by page.
    pub(crate) async fn held(&self, request: HeldRequest) -> Result<Vec<HeldRow>, LedgerError> {
        let mut conn = self.database.read().await?;
        let task = self.open_task(&mut conn, &request.task).await?;
        let statement = query(
            "SELECT id, hash, participant, email FROM held \
             WHERE connector = $1 AND state = 0 AND id > $2 ORDER BY id LIMIT $3",
        );
        let limit = request.limit.clamp(1, 10_000);
        let statement = statement
            .bind(task.connector)
            .bind(request.after)
            .bind(i64::from(limit));
        let rows = statement
            .fetch(&mut conn)
            .await
            .during("read held deliveries")?;
        let held = rows.iter().map(|row| {
            Ok(HeldRow {
                row: row.int(0)?,
                item: row.bytes(1)?.into(),
                participant: row.text(2)?,
                email: row.text(3)?,
            })
        });
        held.collect::<Result<_, DatabaseError>>()
            .during("read held deliveries")
    }

    /// Records the end of a RESOLVE task: held deliveries whose mailbox is known now.
    pub(super) async fn resolved(
        &self,
        conn: &mut Connection,
        task: &TaskRow,
        rows: &[PlanRow],
    ) -> Result<(), LedgerError> {
        let target = self.target_of(conn, task.run).await?;
        let open = open_held(conn, task.connector, rows).await?;
        let mut resolution = Resolution::default();
        for row in rows {
            let key = (row.item.to_vec(), row.participant.clone());
            if let Some(held) = open.get(&key) {
                resolution.add(held, row)?;
            }
        }
        let existing = existing_deliveries(conn, task.connector, &resolution.deliveries).await?;
        resolution.merge(&existing);
        for (run, externals) in &resolution.externals {
            insert_externals(conn, *run, externals).await?;
        }
        settle_held(conn, &resolution).await?;
        let deliveries: Vec<_> = resolution
            .deliveries
            .into_iter()
            .map(|(_, new)| new)
            .collect();
        mailbox::deliver(
            conn,
            (task.connector, &target),
            self.limits.enough,
            &deliveries,
        )
        .await?;
        count_earlier(conn, task.run, &deliveries).await
    }
}

/// What a RESOLVE task found out.
#[derive(Debug, Default)]
struct Resolution {
    deliveries: Vec<(i64, NewDelivery)>,
    /// Held rows by what they become: state and mailbox.
    settled: BTreeMap<(HeldState, String), Vec<i64>>,
    externals: BTreeMap<i64, BTreeMap<String, i64>>,
    runs: HashSet<i64>,
}

impl Resolution {
    fn add(&mut self, held: &Open, row: &PlanRow) -> Result<(), LedgerError> {
        match row.placement() {
            Placement::Mapped if row.mailbox.is_empty() => {
                return Err(LedgerError::Malformed("plan row's mailbox"));
            }
            Placement::Mapped => {
                let new = NewDelivery {
                    item: held.item,
                    date: held.date,
                    mailbox: row.mailbox.clone(),
                    run: held.run,
                };
                self.deliveries.push((held.key, new));
                self.runs.insert(held.run);
            }
            Placement::External => {
                let settled = (HeldState::External, String::new());
                self.settled.entry(settled).or_default().push(held.key);
                let externals = self.externals.entry(held.run).or_default();
                *externals.entry(row.participant.clone()).or_default() += 1;
                self.runs.insert(held.run);
            }
            // Still held.
            _ => {}
        }
        Ok(())
    }

    /// Tells deliveries that are new from those whose mailbox gets the item anyway.
    fn merge(&mut self, existing: &HashSet<(i64, String)>) {
        let mut taken = existing.clone();
        let deliveries = std::mem::take(&mut self.deliveries);
        for (key, new) in deliveries {
            let is_new = taken.insert((new.item, new.mailbox.clone()));
            let state = if is_new {
                HeldState::Delivered
            } else {
                HeldState::Merged
            };
            self.settled
                .entry((state, new.mailbox.clone()))
                .or_default()
                .push(key);
            if is_new {
                self.deliveries.push((key, new));
            }
        }
    }
}

async fn open_held(
    conn: &mut Connection,
    connector: i64,
    rows: &[PlanRow],
) -> Result<HashMap<(Vec<u8>, String), Open>, LedgerError> {
    let wanted = rows.iter();
    let wanted: Vec<_> = wanted
        .map(|row| {
            [
                Cell::text(&row.participant),
                Cell::bytes(&row.item),
                Cell::Int(connector),
            ]
        })
        .collect();
    let mut open = HashMap::new();
    for chunk in chunks(&wanted) {
        let select = "SELECT h.id, h.item, h.run, i.date, h.hash, h.participant FROM (";
        let text = ") AS v CROSS JOIN held h CROSS JOIN items i \
            WHERE h.participant = v.column1 AND h.hash = v.column2 AND i.id = h.item \
            AND h.connector = v.column3 AND h.state = 0";
        let statement = query(select).rows(chunk);
        let statement = statement.sql(text);
        let rows = statement.fetch(conn).await;
        for row in rows.during("find held deliveries")? {
            let held = || {
                let held = Open {
                    key: row.int(0)?,
                    item: row.int(1)?,
                    run: row.int(2)?,
                    date: row.int(3)?,
                };
                Ok::<_, DatabaseError>(((row.bytes(4)?, row.text(5)?), held))
            };
            let (key, held) = held().during("find held deliveries")?;
            open.insert(key, held);
        }
    }
    Ok(open)
}

async fn existing_deliveries(
    conn: &mut Connection,
    connector: i64,
    new: &[(i64, NewDelivery)],
) -> Result<HashSet<(i64, String)>, LedgerError> {
    let wanted = new.iter();
    let wanted: Vec<_> = wanted
        .map(|(_, new)| {
            [
                Cell::Int(new.item),
                Cell::text(&new.mailbox),
                Cell::Int(connector),
            ]
        })
        .collect();
    let mut existing = HashSet::new();
    for chunk in chunks(&wanted) {
        let select = "SELECT d.item, m.address FROM (";
        let text = ") AS v CROSS JOIN mailboxes m CROSS JOIN deliveries d \
            WHERE m.address = v.column2 AND d.item = v.column1 AND d.mailbox = m.id \
            AND m.connector = v.column3";
        let statement = query(select).rows(chunk);
        let statement = statement.sql(text);
        let rows = statement.fetch(conn).await;
        for row in rows.during("find deliveries")? {
            let item = row.int(0).during("find deliveries")?;
            existing.insert((item, row.text(1).during("find deliveries")?));
        }
    }
    Ok(existing)
}

async fn settle_held(conn: &mut Connection, resolution: &Resolution) -> Result<(), LedgerError> {
    for ((state, mailbox), keys) in &resolution.settled {
        for keys in keys.chunks(crate::database::LIST) {
            let cells: Vec<_> = keys.iter().map(|&key| Cell::Int(key)).collect();
            let statement = query("UPDATE held SET state = ")
                .int(*state as i64)
                .sql(", mailbox = ")
                .text(mailbox)
                .sql(" WHERE id ")
                .list(&cells);
            let done = statement.execute(conn).await;
            done.during("resolve held deliveries")?;
        }
    }
    for &run in &resolution.runs {
        run::reopen(conn, run).await?;
    }
    Ok(())
}

/// The runs the deliveries belong to wait for them again.
async fn count_earlier(
    conn: &mut Connection,
    resolving: i64,
    deliveries: &[NewDelivery],
) -> Result<(), LedgerError> {
    let mut by_run: BTreeMap<i64, i64> = BTreeMap::new();
    for delivery in deliveries {
        *by_run.entry(delivery.run).or_default() += 1;
    }
    for (&run, &count) in &by_run {
        let update = query("UPDATE runs SET waiting = waiting + $1 WHERE id = $2");
        let update = update.bind(count).bind(run);
        update
            .execute(&mut *conn)
            .await
            .during("count deliveries")?;
    }
    let earlier: i64 = by_run
        .iter()
        .filter(|(run, _)| **run != resolving)
        .map(|(_, n)| n)
        .sum();
    let update = query("UPDATE runs SET n_earlier = n_earlier + $1 WHERE id = $2");
    let update = update.bind(earlier).bind(resolving);
    update
        .execute(conn)
        .await
        .during("count earlier deliveries")?;
    Ok(())
}

/// Fails what was held for longer than the connector says. Their runs get a new balance.
pub(crate) async fn expire(
    conn: &mut Connection,
    connector: i64,
    before: i64,
) -> Result<(), LedgerError> {
    let statement = query(
        "UPDATE held SET state = $1 WHERE connector = $2 AND state = 0 AND since < $3 \
         RETURNING run",
    );
    let statement = statement
        .bind(HeldState::Failed as i64)
        .bind(connector)
        .bind(before);
    let rows = statement
        .fetch(&mut *conn)
        .await
        .during("expire held deliveries")?;
    let runs: Result<HashSet<_>, _> = rows.iter().map(|row| row.int(0)).collect();
    for run in runs.during("expire held deliveries")? {
        run::reopen(conn, run).await?;
    }
    Ok(())
}
