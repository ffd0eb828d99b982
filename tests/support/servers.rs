//! The servers that the programs need, each a real one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use chatkeep_testkit::{Azurite, LabError, Postgres, RabbitMq};

/// Queue, staging and ledger of a cluster.
pub(crate) struct Servers {
    rabbitmq: Mutex<RabbitMq>,
    azurite: Mutex<Azurite>,
    postgres: Mutex<Postgres>,
}

impl Servers {
    /// Those that all tests share which do them no harm. They end with the last of these.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Servers>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let servers = Self::start(Azurite::start, Postgres::start);
            *shared = Arc::downgrade(&servers);
            servers
        })
    }

    /// Starts all at the same time.
    pub(crate) fn start(
        azurite: impl FnOnce() -> Result<Azurite, LabError> + Send,
        postgres: impl FnOnce() -> Result<Postgres, LabError> + Send,
    ) -> Arc<Self> {
        thread::scope(|scope| {
            let rabbitmq = scope.spawn(RabbitMq::start);
            let azurite = scope.spawn(azurite);
            let postgres = scope.spawn(postgres);
            Arc::new(Self {
                rabbitmq: Mutex::new(rabbitmq.join().unwrap().unwrap()),
                azurite: Mutex::new(azurite.join().unwrap().unwrap()),
                postgres: Mutex::new(postgres.join().unwrap().unwrap()),
            })
        })
    }

    pub(crate) fn rabbitmq(&self) -> MutexGuard<'_, RabbitMq> {
        self.rabbitmq.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn azurite(&self) -> MutexGuard<'_, Azurite> {
        self.azurite.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn postgres(&self) -> MutexGuard<'_, Postgres> {
        self.postgres.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
