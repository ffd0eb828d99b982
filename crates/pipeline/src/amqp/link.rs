use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lapin::{Channel, Connection};
use tokio::sync::Mutex;

use super::{
    AmqpError,
    broker::{Broker, within},
};

/// How often to look whether an alarm is over.
const GLANCE: Duration = Duration::from_millis(100);

/// One connection to the broker, made anew when it is lost. Nothing happens in the background: who
/// needs it makes it, so that every failure has somebody to tell.
///
/// lapin can recover connections by itself; there, a message that was being published when the broker
/// died is not heard of before the broker is back.
pub(super) struct Link {
    broker: Arc<Broker>,
    /// What the broker lists the connection as.
    name: &'static str,
    attempts: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Apart,
    Up(Arc<Connection>),
    /// Why the last attempt failed.
    Down(AmqpError),
}

/// A channel and the connection it belongs to.
pub(super) struct Open {
    pub(super) channel: Channel,
    pub(super) connection: Arc<Connection>,
}

impl Open {
    /// True as long as it can be used.
    pub(super) fn is_usable(&self) -> bool {
        self.channel.status().connected() && self.connection.status().connected()
    }
}

impl Link {
    pub(super) fn new(broker: Arc<Broker>, name: &'static str) -> Self {
        Self {
            broker,
            name,
            attempts: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// A new channel.
    pub(super) async fn open(&self) -> Result<Open, AmqpError> {
        let connection = self.connection().await?;
        self.wait_out_alarm(&connection).await?;
        let opened = self.ask("open channel", connection.create_channel()).await;
        // It does not answer, or has no channel left.
        if opened.is_err() {
            self.abandon(&connection).await;
        }
        Ok(Open {
            channel: opened?,
            connection,
        })
    }

    /// Asks the broker for something, and waits for its answer, but not for ever.
    pub(super) async fn ask<T>(
        &self,
        action: &'static str,
        operation: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, AmqpError> {
        let answer = within(self.broker.timeout, action, operation).await?;
        answer.map_err(AmqpError::broker(action))
    }

    /// Waits until the broker takes messages again, but not for ever. Meanwhile nothing at all is sent
    /// on a connection that has published. It is the one that hears of the end: it is kept.
    pub(super) async fn wait_out_alarm(&self, connection: &Connection) -> Result<(), AmqpError> {
        let over = async {
            while connection.status().blocked() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        let waited = tokio::time::timeout(self.broker.timeout, over).await;
        waited.map_err(|_| AmqpError::Alarm)
    }

    /// Tells the broker good-bye.
    pub(super) async fn close(&self) {
        let state = mem::take(&mut *self.state.lock().await);
        if let State::Up(connection) = state {
            let closed = self.ask("close connection", connection.close(200, "OK".into()));
            if closed.await.is_err() {
                tracing::debug!("connection was closed before");
            }
        }
    }

    /// Makes sure that there is a connection. Who waits while somebody else tries shares the outcome.
    async fn connection(&self) -> Result<Arc<Connection>, AmqpError> {
        let seen = self.attempts.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        match &*state {
            State::Up(connection) if connection.status().connected() => {
                return Ok(Arc::clone(connection));
            }
            State::Down(error) if self.attempts.load(Ordering::SeqCst) != seen => {
                return Err(error.clone());
            }
            _ => {}
        }
        let connected = self.broker.connect(self.name).await;
        self.attempts.fetch_add(1, Ordering::SeqCst);
        match connected {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *state = State::Up(Arc::clone(&connection));
                Ok(connection)
            }
            Err(error) => {
                *state = State::Down(error.clone());
                Err(error)
            }
        }
    }

    /// Uses this connection no more: it is of no use.
    pub(super) async fn abandon(&self, silent: &Arc<Connection>) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Up(connection) if Arc::ptr_eq(connection, silent)) {
            *state = State::Apart;
        }
    }
}
