//! The release of deliveries to import: at most one open task per shard, across runs.

use chatkeep_proto::v1::{NewTask, TaskKind};

use crate::{
    database::{Connection, DatabaseError, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger, now,
        task::{self, Family, narrow},
    },
};

/// What waits for a shard without an open task.
#[derive(Clone, Copy, Debug)]
struct Lane {
    shard: i64,
    is_ripe: bool,
    /// When the oldest came that no task was opened for; 0 when there was one.
    since: i64,
    /// They all wait until then; 0 when not.
    due: i64,
}

/// When to open a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Nothing more will be planned for now.
    pub(crate) planning_is_complete: bool,
    /// Longest wait for company, milliseconds.
    pub(crate) linger: i64,
}

impl Lane {
    /// When a task is to be opened, in milliseconds; a time in the past means now.
    fn release_at(&self, rules: Rules) -> i64 {
        if self.due > 0 {
            self.due
        } else if rules.planning_is_complete || self.is_ripe {
            0
        } else {
            self.since.saturating_add(rules.linger)
        }
    }
}

/// Opens import tasks as tasks of `run` for the lanes of its connector that are due. Returns when to
/// look again, Unix milliseconds.
pub(crate) async fn release(
    ledger: &Ledger,
    (run, connector): (i64, i64),
    rules: Rules,
) -> Result<Option<i64>, LedgerError> {
    let mut conn = ledger.database.read().await?;
    let now = now();
    let lanes = free_lanes(&mut conn, connector, rules, now).await?;
    let oldest = oldest(&mut conn, connector).await?;
    drop(conn);
    let lingering = oldest.map(|since| since.saturating_add(rules.linger));
    let later = lanes
        .iter()
        .map(|lane| lane.release_at(rules))
        .chain(lingering)
        .filter(|&at| at > now)
        .min();
    let due: Vec<_> = lanes
        .iter()
        .filter(|lane| lane.release_at(rules) <= now)
        .collect();
    if due.is_empty() {
        return Ok(later);
    }
    let mut tx = ledger.step(connector).await?;
    // In the order of the shards, which connectors share.
    for lane in due {
        open_import(&mut tx, (run, connector), lane.shard).await?;
    }
    tx.commit().await.during("open import tasks")?;
    let imports = [TaskKind::Import.into()];
    ledger.outstanding.added(run, imports);
    Ok(later)
}

/// Lanes without an open task that may be due: most are not while a run plans, and are not looked at.
async fn free_lanes(
    conn: &mut Connection,
    connector: i64,
    rules: Rules,
    now: i64,
) -> Result<Vec<Lane>, LedgerError> {
    let statement = query(
        "SELECT l.shard, l.ripe, l.since, l.due FROM lanes l \
         LEFT JOIN shards s ON s.shard = l.shard \
         WHERE l.connector = $1 AND l.waiting > 0 AND COALESCE(s.task, 0) = 0 \
         AND ($2 = 1 OR l.ripe = 1 OR l.due > 0 OR l.since <= $3) ORDER BY l.shard",
    )
    .bind(connector)
    .bind(i64::from(rules.planning_is_complete))
    .bind(now.saturating_sub(rules.linger));
    let rows = statement.fetch(conn).await.during("look at shards")?;
    let lanes = rows.iter().map(|row| {
        Ok(Lane {
            shard: row.int(0)?,
            is_ripe: row.int(1)? != 0,
            since: row.int(2)?,
            due: row.int(3)?,
        })
    });
    lanes
        .collect::<Result<_, DatabaseError>>()
        .during("look at shards")
}

/// Since when the oldest delivery waits that no task was opened for.
async fn oldest(conn: &mut Connection, connector: i64) -> Result<Option<i64>, LedgerError> {
    let statement = query(
        "SELECT MIN(l.since) FROM lanes l LEFT JOIN shards s ON s.shard = l.shard \
         WHERE l.connector = $1 AND l.waiting > 0 AND l.since > 0 AND l.due = 0 \
         AND COALESCE(s.task, 0) = 0",
    );
    let row = statement.bind(connector).fetch_one(conn).await;
    row.and_then(|row| row.maybe_int(0))
        .during("look at shards")
}

/// Opens a shard's import task, unless another connector's director was faster.
async fn open_import(
    conn: &mut Connection,
    (run, connector): (i64, i64),
    shard: i64,
) -> Result<(), LedgerError> {
    let count = query(
        "INSERT INTO shards (shard, task, releases, fence) VALUES ($1, 0, 1, 0) \
         ON CONFLICT (shard) DO UPDATE SET releases = shards.releases + 1 \
         WHERE shards.task = 0 RETURNING releases",
    );
    let row = count.bind(shard).fetch_optional(&mut *conn).await;
    let Some(row) = row.during("open import task")? else {
        return Ok(());
    };
    let releases = row.int(0).during("open import task")?;
    let task = NewTask {
        kind: TaskKind::Import.into(),
        // Tells the shard's import tasks apart; they have no input.
        first: narrow(releases),
        shard: narrow(shard),
        ..NewTask::default()
    };
    task::add(conn, Family::of_run(run, connector), &[task]).await?;
    let hold = query(
        "UPDATE shards SET task = (SELECT MAX(id) FROM tasks WHERE run = $1 AND kind = 8) \
         WHERE shard = $2",
    );
    hold.bind(run)
        .bind(shard)
        .execute(&mut *conn)
        .await
        .during("open import task")?;
    let empty =
        query("UPDATE lanes SET ripe = 0, since = 0, due = 0 WHERE connector = $1 AND shard = $2");
    empty
        .bind(connector)
        .bind(shard)
        .execute(conn)
        .await
        .during("open import task")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: Lane = Lane {
        shard: 0,
        is_ripe: false,
        since: 1_000,
        due: 0,
    };
    const RULES: Rules = Rules {
        planning_is_complete: false,
        linger: 500,
    };

    #[test]
    fn a_lane_waits_for_company_no_longer_than_linger() {
        assert_eq!(LANE.release_at(RULES), 1_500);
    }

    #[test]
    fn a_ripe_lane_or_a_complete_plan_does_not_wait() {
        let ripe = Lane {
            is_ripe: true,
            ..LANE
        };
        let complete = Rules {
            planning_is_complete: true,
            ..RULES
        };

        assert_eq!(ripe.release_at(RULES), 0);
        assert_eq!(LANE.release_at(complete), 0);
    }

    #[test]
    fn a_throttled_lane_waits_for_its_time_whatever_else() {
        let throttled = Lane {
            due: 9_000,
            is_ripe: true,
            ..LANE
        };

        assert_eq!(throttled.release_at(RULES), 9_000);
    }
}
