//! Tasks on their way to the queues: bounded, and each only once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use chatkeep_pipeline::{Envelope, Queue, QueueError, queue_of};
use chatkeep_proto::v1::TaskKind;
use data_encoding::HEXLOWER;
use tokio::sync::Notify;

use crate::{
    error::LedgerError,
    ledger::{
        Ledger,
        task::{self, TaskRow},
    },
};

/// Work messages in one queue at a time; more would only fill memory.
const WINDOW: usize = 256;

/// Every kind, in the order in which work gets done: what is nearest to the mailboxes first.
const KINDS: [TaskKind; 8] = [
    TaskKind::Import,
    TaskKind::Resolve,
    TaskKind::Plan,
    TaskKind::Convert,
    TaskKind::Assemble,
    TaskKind::Capture,
    TaskKind::List,
    TaskKind::Refresh,
];

/// Why tasks could not be published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The ledger could not be read.
    #[error("read open tasks")]
    Ledger {
        /// The reason.
        source: LedgerError,
    },
    /// The queue did not take a message.
    #[error("publish task")]
    Queue {
        /// The reason.
        source: QueueError,
    },
}

/// Which tasks are out, and the bell that wakes the director.
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    out: HashMap<i64, &'static str>,
    queued: HashMap<&'static str, usize>,
    /// By run and kind: the key up to which everything was published.
    cursors: BTreeMap<(i64, i32), i64>,
}

impl Outstanding {
    /// A task is closed: there is room for another.
    pub(crate) fn closed(&self, task: i64) {
        self.with(|state| {
            if let Some(queue) = state.out.remove(&task)
                && let Some(queued) = state.queued.get_mut(queue)
            {
                *queued = queued.saturating_sub(1);
            }
        });
        self.ring();
    }

    /// Looks at a run's open tasks from the start again, those that are out left aside.
    pub(crate) fn rewind(&self, run: i64) {
        self.forget(run);
        self.ring();
    }

    /// A run needs no looking at until it is opened again.
    pub(crate) fn forget(&self, run: i64) {
        self.with(|state| state.cursors.retain(|(of, _), _| *of != run));
    }

    /// Something changed that the director should look at.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits until somebody rings.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many messages there is room for, and where to go on.
    fn room(&self, run: i64, kind: TaskKind) -> (i64, usize) {
        self.with(|state| {
            let queued = state.queued.get(queue_of(kind)).copied().unwrap_or(0);
            let cursor = state.cursors.get(&(run, kind as i32)).copied().unwrap_or(0);
            (cursor, WINDOW.saturating_sub(queued))
        })
    }

    /// Notes a task as out; false when it is already.
    fn note(&self, task: &TaskRow) -> bool {
        let queue = queue_of(task.kind);
        self.with(|state| {
            state.cursors.insert((task.run, task.kind as i32), task.key);
            let is_new = state.out.insert(task.key, queue).is_none();
            if is_new {
                *state.queued.entry(queue).or_default() += 1;
            }
            is_new
        })
    }
}

/// Publishes open tasks of a run, as far as its queues have room. `open` is the set of kinds it has open.
pub(crate) async fn publish(
    ledger: &Ledger,
    queue: &Arc<dyn Queue>,
    run: i64,
    open: u32,
) -> Result<(), PublishError> {
    for kind in KINDS {
        if !task::any_open(open, &[kind]) {
            continue;
        }
        let (cursor, room) = ledger.outstanding.room(run, kind);
        if room == 0 {
            continue;
        }
        let tasks = open_tasks(ledger, run, kind, (cursor, room)).await;
        for task in tasks.map_err(|source| PublishError::Ledger { source })? {
            if !ledger.outstanding.note(&task) {
                continue;
            }
            let body = task::encode(&task.to_proto());
            let envelope = Envelope::new(HEXLOWER.encode(&task.name), body);
            let published = queue.publish(queue_of(kind), envelope).await;
            if let Err(source) = published {
                ledger.outstanding.closed(task.key);
                ledger.outstanding.rewind(run);
                return Err(PublishError::Queue { source });
            }
        }
    }
    Ok(())
}

async fn open_tasks(
    ledger: &Ledger,
    run: i64,
    kind: TaskKind,
    range: (i64, usize),
) -> Result<Vec<TaskRow>, LedgerError> {
    let mut conn = ledger.database.read().await?;
    task::open_after(&mut conn, run, kind, range).await
}
