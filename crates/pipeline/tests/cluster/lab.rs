use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chatkeep_model::connector::SecretRef;
use chatkeep_pipeline::{AmqpQueue, AmqpSettings};
use chatkeep_testkit::RabbitMq;

/// The broker of all tests that do it no harm, while at least one of them runs.
static SHARED: Mutex<Weak<RabbitMq>> = Mutex::new(Weak::new());

/// A broker, and a queue on it that nobody else uses.
pub(crate) struct Lab {
    pub(crate) broker: Arc<RabbitMq>,
    pub(crate) settings: AmqpSettings,
    pub(crate) queue: AmqpQueue,
}

impl Lab {
    /// A queue on a broker that others use too.
    pub(crate) async fn shared() -> Self {
        let broker = {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let broker = Arc::new(RabbitMq::start().unwrap());
                *shared = Arc::downgrade(&broker);
                broker
            })
        };
        Self::on(broker).await
    }

    /// A queue on this broker.
    pub(crate) async fn on(broker: Arc<RabbitMq>) -> Self {
        let settings = settings(&broker);
        let queue = AmqpQueue::open(&settings).await.unwrap();
        Self {
            broker,
            settings,
            queue,
        }
    }

    /// Deletes a queue of ours behind our back.
    pub(crate) fn delete(&self, queue: &str) {
        let queue = format!("{}.{queue}", self.settings.prefix);
        self.broker.delete_queue(&queue).unwrap();
    }
}

/// Settings for a prefix of its own.
pub(crate) fn settings(broker: &RabbitMq) -> AmqpSettings {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    AmqpSettings {
        url: broker.url(),
        user: Some(SecretRef::File(broker.user_file())),
        password: Some(SecretRef::File(broker.password_file())),
        prefix: format!("test{number}"),
        timeout: Duration::from_secs(10),
        heartbeat: Duration::from_secs(2),
        ..AmqpSettings::default()
    }
}
