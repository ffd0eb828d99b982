//! Who directs a connector's runs, of several processes that work with one ledger: one at a time, under
//! a lease that ends by itself. Every step it takes checks the lease in the step's own transaction.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chatkeep_model::identity::Fields;
use data_encoding::HEXLOWER;

use crate::{
    database::{Connection, Tx, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, lock},
};

/// How long a lease lasts that is not renewed.
const TERM: Duration = Duration::from_secs(6);
/// How old a lease becomes before it is renewed.
const RENEWAL: Duration = Duration::from_secs(2);
/// How often a process looks what others did, and whether a lease of theirs has ended.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// What this process directs.
#[derive(Debug)]
pub(crate) struct Direction {
    /// Tells this process from all others.
    pub(crate) process: String,
    known: Mutex<HashMap<i64, Known>>,
}

/// What this process knows of a connector's lease.
#[derive(Clone, Copy, Debug)]
struct Known {
    is_ours: bool,
    since: Instant,
}

impl Default for Direction {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.map_or(0, |now| now.as_nanos());
        let unique = Fields::of("process")
            .text(&format!("{nanos} {}", std::process::id()))
            .text(&format!("{:p}", &raw const nanos))
            .digest();
        Self {
            process: HEXLOWER.encode(&unique[..8]),
            known: Mutex::default(),
        }
    }
}

impl Direction {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<i64, Known>) -> T) -> T {
        f(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, connector: i64, is_ours: bool, since: Instant) {
        self.with(|known| known.insert(connector, Known { is_ours, since }));
    }
}

impl Ledger {
    /// Whether this process directs a connector; takes or renews the lease where that is due.
    pub(crate) async fn directs(&self, connector: i64) -> Result<bool, LedgerError> {
        if !self.database.is_shared() {
            return Ok(true);
        }
        let known = self.direction.with(|known| known.get(&connector).copied());
        let due = |known: &Known| if known.is_ours { RENEWAL } else { LOOK };
        if let Some(known) = known.filter(|known| known.since.elapsed() < due(known)) {
            return Ok(known.is_ours);
        }
        // Before the database is asked: a lease may only seem shorter than it is.
        let asked = Instant::now();
        let was_ours = known.is_some_and(|known| known.is_ours);
        let is_ours = (was_ours || self.is_free(connector).await?) && self.take(connector).await?;
        if is_ours != was_ours {
            tracing::info!(connector, is_ours, "direction of connector changed");
            // What this process remembers is of another time: others may have published since.
            self.outstanding.restart(connector);
        }
        self.direction.note(connector, is_ours, asked);
        Ok(is_ours)
    }

    /// Begins a transaction in which a director takes a step.
    pub(crate) async fn step(&self, connector: i64) -> Result<Tx, LedgerError> {
        let mut tx = self.database.begin().await?;
        lock(&mut tx, connector).await?;
        if self.database.is_shared() && !self.is_ours(&mut tx, connector).await? {
            self.direction.with(|known| known.remove(&connector));
            self.outstanding.restart(connector);
            return Err(LedgerError::Superseded);
        }
        Ok(tx)
    }

    /// Gives up every lease, so that others need not wait for their end.
    pub(crate) async fn resign(&self) -> Result<(), LedgerError> {
        if !self.database.is_shared() {
            return Ok(());
        }
        let mut tx = self.database.begin().await?;
        let end = query("UPDATE directors SET until = 0 WHERE holder = $1");
        let end = end.bind(&self.direction.process).execute(&mut tx).await;
        end.during("resign")?;
        tx.commit().await.during("resign")
    }

    /// True when nobody has the lease, as far as can be seen without waiting.
    async fn is_free(&self, connector: i64) -> Result<bool, LedgerError> {
        let mut conn = self.database.read().await?;
        let sql = format!(
            "SELECT COUNT(*) FROM directors WHERE connector = $1 AND until > {}",
            conn.dialect().clock()
        );
        let row = query(sql).bind(connector).fetch_one(&mut conn).await;
        let held = row.and_then(|row| row.int(0)).during("look at direction")?;
        Ok(held == 0)
    }

    /// Takes or renews the lease; false when somebody else has it. Waits for steps that are under way.
    async fn take(&self, connector: i64) -> Result<bool, LedgerError> {
        let mut tx = self.database.begin().await?;
        lock(&mut tx, connector).await?;
        let clock = tx.dialect().clock();
        let sql = format!(
            "INSERT INTO directors (connector, holder, until) VALUES ($1, $2, $3 + {clock}) \
             ON CONFLICT (connector) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE directors.holder = excluded.holder OR directors.until <= {clock}"
        );
        let term = i64::try_from(TERM.as_millis()).unwrap_or(i64::MAX / 4);
        let take = query(sql).bind(connector).bind(&self.direction.process);
        let taken = take.bind(term).execute(&mut tx).await;
        let taken = taken.during("take direction")?;
        tx.commit().await.during("take direction")?;
        Ok(taken == 1)
    }

    async fn is_ours(&self, conn: &mut Connection, connector: i64) -> Result<bool, LedgerError> {
        let holder = query("SELECT holder FROM directors WHERE connector = $1").bind(connector);
        let holder = holder
            .fetch_optional(conn)
            .await
            .during("check direction")?;
        let holder = holder.map(|row| row.text(0)).transpose();
        Ok(holder.during("check direction")?.as_deref() == Some(&*self.direction.process))
    }
}
