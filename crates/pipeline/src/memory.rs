use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::{Envelope, Queue, QueueError, Received, Receiver, Settle, dead_letters};

/// The queue of the embedded form. It lives in memory: control fills it again from the ledger's open
/// tasks at start.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    queues: Mutex<HashMap<String, VecDeque<Envelope>>>,
    arrived: Notify,
    delayed: TaskTracker,
}

impl MemoryQueue {
    /// Number of messages that wait on `queue`.
    pub fn depth(&self, queue: &str) -> usize {
        self.with(|queues| queues.get(queue).map_or(0, VecDeque::len))
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, VecDeque<Envelope>>) -> T) -> T {
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut queues)
    }

    fn push(&self, queue: &str, envelope: Envelope) {
        self.with(|queues| {
            let waiting = queues.entry(queue.to_owned()).or_default();
            waiting.push_back(envelope);
        });
        self.0.arrived.notify_waiters();
    }

    fn give_back(&self, queue: &str, envelope: Envelope) {
        self.with(|queues| {
            let waiting = queues.entry(queue.to_owned()).or_default();
            waiting.push_front(envelope);
        });
        self.0.arrived.notify_waiters();
    }

    async fn pop(&self, queue: &str) -> Envelope {
        loop {
            let arrived = self.0.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let next = self.with(|queues| queues.get_mut(queue)?.pop_front());
            if let Some(envelope) = next {
                return envelope;
            }
            arrived.await;
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, queue: &str, envelope: Envelope) -> Result<(), QueueError> {
        self.push(queue, envelope);
        Ok(())
    }

    async fn waiting(&self, _queue: &str) -> Result<Option<u64>, QueueError> {
        Ok(None)
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Box<dyn Receiver>, QueueError> {
        Ok(Box::new(MemoryReceiver {
            memory: self.clone(),
            queue: queue.to_owned(),
            slots: Arc::new(Semaphore::new(prefetch.into())),
        }))
    }
}

struct MemoryReceiver {
    memory: MemoryQueue,
    queue: String,
    slots: Arc<Semaphore>,
}

#[async_trait]
impl Receiver for MemoryReceiver {
    async fn receive(&mut self) -> Result<Received, QueueError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|error| QueueError::Consume {
            queue: self.queue.clone(),
            source: error.into(),
        })?;
        let envelope = self.memory.pop(&self.queue).await;
        let settle = MemorySettle {
            memory: self.memory.clone(),
            queue: self.queue.clone(),
            unsettled: Some(envelope.clone()),
            _slot: slot,
        };
        Ok(Received::new(envelope, settle))
    }
}

struct MemorySettle {
    memory: MemoryQueue,
    queue: String,
    unsettled: Option<Envelope>,
    _slot: OwnedSemaphorePermit,
}

#[async_trait]
impl Settle for MemorySettle {
    async fn ack(mut self: Box<Self>) -> Result<(), QueueError> {
        self.unsettled = None;
        Ok(())
    }

    async fn postpone(
        mut self: Box<Self>,
        envelope: Envelope,
        delay: Duration,
    ) -> Result<(), QueueError> {
        self.unsettled = None;
        let (memory, queue) = (self.memory.clone(), self.queue.clone());
        self.memory.0.delayed.spawn(async move {
            tokio::time::sleep(delay).await;
            memory.push(&queue, envelope);
        });
        Ok(())
    }

    async fn bury(mut self: Box<Self>, envelope: Envelope) -> Result<(), QueueError> {
        self.unsettled = None;
        self.memory.push(&dead_letters(&self.queue), envelope);
        Ok(())
    }
}

impl Drop for MemorySettle {
    fn drop(&mut self) {
        if let Some(envelope) = self.unsettled.take() {
            self.memory.give_back(&self.queue, envelope);
        }
    }
}
