//! Tasks on their way to the queues: bounded, and each only once.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use chatkeep_pipeline::{Envelope, Queue, QueueError, publish_span, queue_of};
use chatkeep_proto::v1::TaskKind;
use data_encoding::HEXLOWER;
use tokio::{sync::Notify, time::Instant};
use tracing::Instrument as _;

use crate::{
    error::LedgerError,
    ledger::{
        Ledger,
        task::{self, TaskRow, Which},
    },
};

/// Work messages in one queue at a time; more would only fill memory.
const WINDOW: usize = 256;

/// How long a task may be out without a word of it before it may have been lost; twice as long after each
/// time that it was published again.
const PATIENCE: Duration = Duration::from_secs(20);

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
    out: HashMap<i64, Out>,
    by_name: HashMap<Vec<u8>, Arc<TaskRow>>,
    queued: HashMap<&'static str, usize>,
    /// By run and kind: how far its open tasks were published.
    cursors: HashMap<(i64, i32), Cursor>,
    /// Names of those that ended since somebody began to look for open ones: the rows that they see may be older.
    ended: HashSet<Vec<u8>>,
}

/// A task that is out.
#[derive(Debug)]
struct Out {
    task: Arc<TaskRow>,
    /// When it was published, or a stage spoke of it last.
    heard: Instant,
    patience: Duration,
}

/// How far tasks were published.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// Key of the last one.
    last: i64,
    /// Nothing was behind it when somebody looked.
    is_at_end: bool,
}

impl Outstanding {
    /// A task is closed: there is room for another.
    pub(crate) fn closed(&self, task: i64) {
        self.with(|state| {
            let Some(out) = state.out.remove(&task) else {
                return;
            };
            forget(&mut state.by_name, &mut state.queued, &out.task);
            state.ended.insert(out.task.name.clone());
        });
        self.ring();
    }

    /// A task that is out, by its id, because a stage speaks of it.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<TaskRow>> {
        let name = HEXLOWER.decode(id.as_bytes()).ok()?;
        self.with(|state| {
            let task = state.by_name.get(&name).cloned()?;
            if let Some(out) = state.out.get_mut(&task.key) {
                out.heard = Instant::now();
            }
            Some(task)
        })
    }

    /// A run has new tasks of these kinds.
    pub(crate) fn added(&self, run: i64, kinds: impl IntoIterator<Item = i32>) {
        self.with(|state| {
            for kind in kinds {
                if let Some(cursor) = state.cursors.get_mut(&(run, kind)) {
                    cursor.is_at_end = false;
                }
            }
        });
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

    /// Forgets what was published of a connector: everything that is open is published again.
    pub(crate) fn restart(&self, connector: i64) {
        self.with(|state| {
            let State {
                out,
                by_name,
                queued,
                cursors,
                ..
            } = state;
            out.retain(|_, out| {
                let stays = out.task.connector != connector;
                if !stays {
                    forget(by_name, queued, &out.task);
                }
                stays
            });
            cursors.clear();
        });
    }

    /// How far tasks of each run and kind are out.
    pub(crate) fn reach(&self) -> HashMap<(i64, TaskKind), i64> {
        self.with(|state| {
            let mut reach = HashMap::new();
            for Out { task, .. } in state.out.values() {
                let last = reach.entry((task.run, task.kind)).or_insert(task.key);
                *last = task.key.max(*last);
            }
            reach
        })
    }

    /// Tasks of a run and kind were looked at as far as `last`: these are open, the others were closed
    /// by another process, which may have added some, too.
    pub(crate) fn seen(&self, (run, kind): (i64, TaskKind), last: i64, open: &HashSet<i64>) {
        self.with(|state| {
            let State {
                out,
                by_name,
                queued,
                ended,
                ..
            } = state;
            out.retain(|key, Out { task, .. }| {
                let is_meant = task.run == run && task.kind == kind && *key <= last;
                let stays = !is_meant || open.contains(key);
                if !stays {
                    forget(by_name, queued, task);
                    ended.insert(task.name.clone());
                }
                stays
            });
        });
    }

    /// Other processes may have added tasks to any run.
    pub(crate) fn look_again(&self) {
        self.with(|state| {
            for cursor in state.cursors.values_mut() {
                cursor.is_at_end = false;
            }
        });
    }

    /// Tasks that nobody has spoken of for so long that they may have been lost on their way.
    pub(crate) fn overdue(&self) -> Vec<Arc<TaskRow>> {
        let is_overdue = |out: &&Out| out.heard.elapsed() >= out.patience;
        self.with(|state| {
            let overdue = state.out.values().filter(is_overdue);
            overdue.map(|out| Arc::clone(&out.task)).collect()
        })
    }

    /// A task was published again.
    pub(crate) fn published_again(&self, task: &TaskRow) {
        self.with(|state| {
            if let Some(out) = state.out.get_mut(&task.key) {
                out.heard = Instant::now();
                out.patience *= 2;
            }
        });
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

    /// Where to go on and how many messages there is room for; `None` when there is nothing to do.
    /// Whoever adds tasks or ends them from now on is noticed.
    pub(crate) fn room(&self, run: i64, kind: TaskKind) -> Option<(i64, usize)> {
        self.with(|state| {
            state.ended.clear();
            let queued = state.queued.get(queue_of(kind)).copied().unwrap_or(0);
            let room = WINDOW.saturating_sub(queued);
            let cursor = state.cursors.entry((run, kind as i32)).or_default();
            if room == 0 || cursor.is_at_end {
                return None;
            }
            cursor.is_at_end = true;
            Some((cursor.last, room))
        })
    }

    /// Notes a task as out; false when it is already, or has ended since somebody looked. A run that left no trace is removed with its tasks,
    /// and their keys are given away again: another process may have closed what is out under this one.
    pub(crate) fn note(&self, task: TaskRow) -> bool {
        self.with(|state| {
            let cursor = state.cursors.entry((task.run, task.kind as i32));
            let cursor = cursor.or_default();
            cursor.last = cursor.last.max(task.key);
            if state.ended.contains(&task.name) {
                return false;
            }
            match state.out.remove(&task.key) {
                Some(out) if out.task.name == task.name => {
                    state.out.insert(task.key, out);
                    return false;
                }
                Some(stale) => forget(&mut state.by_name, &mut state.queued, &stale.task),
                None => {}
            }
            *state.queued.entry(queue_of(task.kind)).or_default() += 1;
            let task = Arc::new(task);
            state.by_name.insert(task.name.clone(), Arc::clone(&task));
            let out = Out {
                heard: Instant::now(),
                patience: PATIENCE,
                task,
            };
            state.out.insert(out.task.key, out);
            true
        })
    }
}

/// Makes room for another task.
fn forget(
    by_name: &mut HashMap<Vec<u8>, Arc<TaskRow>>,
    queued: &mut HashMap<&'static str, usize>,
    task: &TaskRow,
) {
    by_name.remove(&task.name);
    if let Some(queued) = queued.get_mut(queue_of(task.kind)) {
        *queued = queued.saturating_sub(1);
    }
}

/// Notes which of the tasks that are out were closed by other processes.
pub(crate) async fn look_at_others(ledger: &Ledger) -> Result<(), LedgerError> {
    let mut conn = ledger.database.read().await?;
    for ((run, kind), last) in ledger.outstanding.reach() {
        let open = task::open_up_to(&mut conn, run, kind, last).await?;
        ledger.outstanding.seen((run, kind), last, &open);
    }
    ledger.outstanding.look_again();
    Ok(())
}

/// Publishes open tasks of a run, as far as its queues have room.
pub(crate) async fn publish(
    ledger: &Ledger,
    queue: &Arc<dyn Queue>,
    run: i64,
) -> Result<(), PublishError> {
    publish_some(ledger, queue, run, (&KINDS, Which::All)).await
}

/// Publishes only those open tasks of a run that hold something others may wait for.
pub(crate) async fn publish_holding(
    ledger: &Ledger,
    queue: &Arc<dyn Queue>,
    run: i64,
) -> Result<(), PublishError> {
    let kinds = [TaskKind::Import, TaskKind::Capture];
    publish_some(ledger, queue, run, (&kinds, Which::Holding)).await?;
    // The others come when it is the run's turn.
    ledger.outstanding.forget(run);
    Ok(())
}

async fn publish_some(
    ledger: &Ledger,
    queue: &Arc<dyn Queue>,
    run: i64,
    (kinds, which): (&[TaskKind], Which),
) -> Result<(), PublishError> {
    for &kind in kinds {
        let Some((after, room)) = ledger.outstanding.room(run, kind) else {
            continue;
        };
        let published = publish_kind(ledger, queue, (run, kind, which), (after, room)).await;
        if published.is_err() {
            ledger.outstanding.forget(run);
        }
        // There may be more than there was room for.
        if published? == room {
            ledger.outstanding.added(run, [kind.into()]);
        }
    }
    Ok(())
}

/// Publishes tasks of one kind; returns how many it looked at.
async fn publish_kind(
    ledger: &Ledger,
    queue: &Arc<dyn Queue>,
    (run, kind, which): (i64, TaskKind, Which),
    range: (i64, usize),
) -> Result<usize, PublishError> {
    let tasks = open_tasks(ledger, (run, kind), which, range).await;
    let tasks = tasks.map_err(|source| PublishError::Ledger { source })?;
    let looked_at = tasks.len();
    for task in tasks {
        let key = task.key;
        let sent = send(queue, &task);
        if !ledger.outstanding.note(task) {
            continue;
        }
        if let Err(source) = sent.await {
            ledger.outstanding.closed(key);
            return Err(PublishError::Queue { source });
        }
    }
    Ok(looked_at)
}

/// Publishes a task's work message.
pub(crate) fn send(
    queue: &Arc<dyn Queue>,
    task: &TaskRow,
) -> impl Future<Output = Result<(), QueueError>> + Send + use<> {
    let envelope = Envelope::new(HEXLOWER.encode(&task.name), task::encode(&task.to_proto()));
    let span = publish_span(queue_of(task.kind), task.kind, &task.trace);
    let envelope = span.in_scope(|| envelope.published(SystemTime::now()));
    let (queue, name) = (Arc::clone(queue), queue_of(task.kind));
    async move { queue.publish(name, envelope).await }.instrument(span)
}

async fn open_tasks(
    ledger: &Ledger,
    of: (i64, TaskKind),
    which: Which,
    range: (i64, usize),
) -> Result<Vec<TaskRow>, LedgerError> {
    let mut conn = ledger.database.read().await?;
    task::open_after(&mut conn, of, which, range).await
}
