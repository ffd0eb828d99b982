//! Plan rows: inserted once and never changed.

use std::collections::{BTreeMap, HashMap, HashSet};

use chatkeep_proto::v1::{Placement, PlanRow, Planned};
use prost::Message as _;

use super::{
    Ledger,
    convert::decode_hashes,
    mailbox::{self, NewDelivery},
    task::TaskRow,
};
use crate::{
    database::{Cell, Connection, DatabaseError, LIST, Row, insert, query},
    error::{During as _, LedgerError},
};

/// An item as planning finds it.
#[derive(Clone, Copy, Debug)]
struct Known {
    key: i64,
    date: i64,
}

/// What a task's plan rows come to.
#[derive(Debug, Default)]
struct Plan {
    run: i64,
    /// Item key, number of deliveries it makes, encoded rows.
    items: Vec<(i64, i64, Vec<u8>)>,
    deliveries: Vec<NewDelivery>,
    /// Item key and row.
    held: Vec<(i64, PlanRow)>,
    externals: BTreeMap<String, i64>,
    /// Items without a mailbox that is known now.
    settled: i64,
}

impl Ledger {
    /// Records the end of a PLAN task. `is_whole`: no other task plans the rest of its items.
    pub(super) async fn planned(
        &self,
        conn: &mut Connection,
        task: &TaskRow,
        planned: Planned,
        is_whole: bool,
    ) -> Result<(), LedgerError> {
        let target = self.target_of(conn, task.run).await?;
        let known = known_items(conn, task, &planned.rows).await?;
        let mut plan = plan(task.run, planned.rows, &known)?;
        if is_whole && covers_all(task) {
            plan.add_empty(&known);
        }
        insert_plans(conn, &plan).await?;
        note_trace(conn, task).await?;
        insert_held(conn, task, &plan.held).await?;
        insert_externals(conn, task.run, &plan.externals).await?;
        mailbox::deliver(
            conn,
            (task.connector, &target),
            self.limits.enough,
            &plan.deliveries,
        )
        .await?;
        let total: i64 = plan.items.iter().map(|(_, planned, _)| planned).sum();
        let update = query(
            "UPDATE runs SET n_planned = n_planned + $1, waiting = waiting + $2, \
             watch_good = watch_good + $3 WHERE id = $4",
        )
        .bind(total)
        .bind(super::capture::signed(plan.deliveries.len() as u64))
        .bind(plan.settled)
        .bind(task.run);
        update.execute(conn).await.during("count deliveries")?;
        Ok(())
    }
}

/// Groups rows by item. Two participants that share a mailbox are one delivery.
fn plan(
    run: i64,
    rows: Vec<PlanRow>,
    known: &HashMap<Vec<u8>, Option<Known>>,
) -> Result<Plan, LedgerError> {
    let mut by_item: BTreeMap<i64, (Known, Vec<PlanRow>)> = BTreeMap::new();
    for row in rows {
        let item = known
            .get(&row.item[..])
            .ok_or(LedgerError::Malformed("plan row's item"))?;
        // Planned before: that plan stands.
        if let Some(item) = item {
            let entry = by_item
                .entry(item.key)
                .or_insert_with(|| (*item, Vec::new()));
            entry.1.push(row);
        }
    }
    let mut plan = Plan {
        run,
        ..Plan::default()
    };
    for (key, (item, rows)) in by_item {
        plan.add(key, item.date, rows)?;
    }
    Ok(plan)
}

/// True when the task is about all items of its CONVERT task.
fn covers_all(task: &TaskRow) -> bool {
    task.first == 0 && (task.count == 0 || task.count >= task.items.1)
}

impl Plan {
    /// Items without any participant are planned too: for nobody. What has no plan when the run closes
    /// was forgotten.
    fn add_empty(&mut self, known: &HashMap<Vec<u8>, Option<Known>>) {
        let planned: HashSet<_> = self.items.iter().map(|(key, ..)| *key).collect();
        let empty = known
            .values()
            .flatten()
            .filter(|item| !planned.contains(&item.key));
        let empty: Vec<_> = empty.map(|item| (item.key, 0, Vec::new())).collect();
        self.settled += i64::try_from(empty.len()).unwrap_or(0);
        self.items.extend(empty);
    }

    fn add(&mut self, key: i64, date: i64, rows: Vec<PlanRow>) -> Result<(), LedgerError> {
        let mut seen = HashSet::new();
        let mut mailboxes = HashSet::new();
        let mut stored = Vec::with_capacity(rows.len());
        let mut planned = 0;
        for row in rows {
            if !seen.insert(row.participant.clone()) {
                continue;
            }
            match row.placement() {
                Placement::Mapped if row.mailbox.is_empty() => {
                    return Err(LedgerError::Malformed("plan row's mailbox"));
                }
                Placement::Mapped => {
                    if mailboxes.insert(row.mailbox.clone()) {
                        planned += 1;
                        self.deliveries.push(NewDelivery {
                            item: key,
                            date,
                            mailbox: row.mailbox.clone(),
                            run: self.run,
                        });
                    }
                }
                Placement::Held | Placement::Conflict => {
                    planned += 1;
                    self.held.push((key, row.clone()));
                }
                Placement::External => {
                    *self.externals.entry(row.participant.clone()).or_default() += 1;
                }
                Placement::Unspecified => {
                    return Err(LedgerError::Malformed("plan row's placement"));
                }
            }
            stored.push(PlanRow {
                item: Vec::new().into(),
                ..row
            });
        }
        self.settled += i64::from(mailboxes.is_empty());
        let stored = Planned { rows: stored };
        self.items.push((key, planned, stored.encode_to_vec()));
        Ok(())
    }
}

/// The items of plan rows by hash; `None` for those that have a plan.
async fn known_items(
    conn: &mut Connection,
    task: &TaskRow,
    rows: &[PlanRow],
) -> Result<HashMap<Vec<u8>, Option<Known>>, LedgerError> {
    let mut known = match listed_items(conn, task).await? {
        Some(listed) => listed,
        None => items_in_range(conn, task).await?,
    };
    // Items that an earlier task had made already: looked up by hash, which is rare and slow.
    let mut missing: Vec<_> = rows.iter().map(|row| &row.item[..]).collect();
    missing.retain(|hash| !known.contains_key(*hash));
    missing.sort_unstable();
    missing.dedup();
    for hashes in missing.chunks(LIST) {
        let cells: Vec<_> = hashes.iter().map(|hash| Cell::bytes(hash)).collect();
        let select = "SELECT i.hash, i.id, i.date, p.item FROM items i \
            LEFT JOIN plans p ON p.item = i.id WHERE i.hash ";
        let statement = query(select).list(&cells);
        for row in statement.fetch(conn).await.during("find items")? {
            read_known(&row, &mut known).during("find items")?;
        }
    }
    Ok(known)
}

/// The items of the task's batch, when it lists them and none of them has a plan: the common case.
async fn listed_items(
    conn: &mut Connection,
    task: &TaskRow,
) -> Result<Option<HashMap<Vec<u8>, Option<Known>>>, LedgerError> {
    let statement = query(
        "SELECT hashes FROM batches WHERE first = $1 AND items = $2 AND NOT EXISTS \
         (SELECT 1 FROM plans WHERE item >= $1 AND item < $1 + $2)",
    );
    let statement = statement.bind(task.items.0).bind(task.items.1);
    let row = statement.fetch_optional(conn).await.during("find items")?;
    let Some(row) = row else {
        return Ok(None);
    };
    let hashes = row.bytes(0).during("find items")?;
    let known: HashMap<_, _> = (task.items.0..)
        .zip(decode_hashes(&hashes))
        .map(|(key, (hash, date))| (hash.to_vec(), Some(Known { key, date })))
        .collect();
    Ok((!known.is_empty()).then_some(known))
}

/// The items of the task's batch, one by one.
async fn items_in_range(
    conn: &mut Connection,
    task: &TaskRow,
) -> Result<HashMap<Vec<u8>, Option<Known>>, LedgerError> {
    let statement = query(
        "SELECT i.hash, i.id, i.date, p.item FROM items i LEFT JOIN plans p ON p.item = i.id \
         WHERE i.id >= $1 AND i.id < $2",
    );
    let statement = statement
        .bind(task.items.0)
        .bind(task.items.0 + task.items.1);
    let found = statement.fetch(conn).await.during("find items")?;
    let mut known = HashMap::with_capacity(found.len());
    for row in &found {
        read_known(row, &mut known).during("find items")?;
    }
    Ok(known)
}

fn read_known(row: &Row, known: &mut HashMap<Vec<u8>, Option<Known>>) -> Result<(), DatabaseError> {
    let item = Known {
        key: row.int(1)?,
        date: row.int(2)?,
    };
    let is_planned = row.maybe_int(3)?.is_some();
    known.insert(row.bytes(0)?, (!is_planned).then_some(item));
    Ok(())
}

async fn insert_plans(conn: &mut Connection, plan: &Plan) -> Result<(), LedgerError> {
    let rows = plan.items.iter();
    let rows: Vec<_> = rows
        .map(|(item, planned, rows)| [Cell::Int(*item), Cell::Int(*planned), Cell::bytes(rows)])
        .collect();
    let table = "plans (item, planned, plan)";
    insert(conn, table, &rows, "").await.during("record plan")?;
    Ok(())
}

/// Notes in which trace a batch was planned, where that is not the one it was rendered in: its message
/// waited for long, or was tried again.
async fn note_trace(conn: &mut Connection, task: &TaskRow) -> Result<(), LedgerError> {
    let Some(trace) = chatkeep_runtime::trace::current_id() else {
        return Ok(());
    };
    let note = query(
        "UPDATE batches SET planned_in = $1 WHERE first = $2 AND items = $3 AND rendered_in <> $1",
    );
    let note = note.bind(trace).bind(task.items.0).bind(task.items.1);
    note.execute(conn).await.during("note trace of plan")?;
    Ok(())
}

async fn insert_held(
    conn: &mut Connection,
    task: &TaskRow,
    held: &[(i64, PlanRow)],
) -> Result<(), LedgerError> {
    let now = super::now();
    let rows = held.iter().map(|(item, row)| {
        [
            Cell::Int(task.connector),
            Cell::Int(task.run),
            Cell::Int(*item),
            Cell::bytes(&row.item),
            Cell::text(&row.participant),
            Cell::text(&row.email),
            Cell::Int(i64::from(row.placement() == Placement::Conflict)),
            Cell::Int(0),
            Cell::text(""),
            Cell::Int(now),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "held (connector, run, item, hash, participant, email, conflict, state, \
        mailbox, since)";
    insert(conn, table, &rows, "")
        .await
        .during("hold deliveries")?;
    Ok(())
}

/// Counts the items of participants that are not ours.
pub(super) async fn insert_externals(
    conn: &mut Connection,
    run: i64,
    externals: &BTreeMap<String, i64>,
) -> Result<(), LedgerError> {
    let rows = externals.iter();
    let rows: Vec<_> = rows
        .map(|(participant, items)| [Cell::Int(run), Cell::text(participant), Cell::Int(*items)])
        .collect();
    let table = "externals (run, participant, items)";
    let tail = " ON CONFLICT (run, participant) DO UPDATE \
        SET items = externals.items + excluded.items";
    insert(conn, table, &rows, tail)
        .await
        .during("count external participants")?;
    Ok(())
}
