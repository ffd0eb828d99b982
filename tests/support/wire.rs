//! The way to a mail server, on which a message can be held up.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

use chatkeep_testkit::Interposer;

const OPEN: u8 = 0;
const CATCHING: u8 = 1;
const WAITING: u8 = 2;
const HOLDING: u8 = 3;

/// What an importer may take to send the rest of a message: it looks at its lease before the last bytes.
const REST: Duration = Duration::from_secs(1);

/// Passes on what importers send, but for one message.
pub(crate) struct Wire {
    state: Arc<AtomicU8>,
    interposer: Interposer,
}

impl Wire {
    /// Leads to this server.
    pub(crate) fn to(server: SocketAddr) -> Self {
        let state = Arc::<AtomicU8>::default();
        let seen = Arc::clone(&state);
        let interposer = Interposer::start(server, move |_, line| {
            let becomes = |from, to| {
                let changed = seen.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
                changed.is_ok()
            };
            if line.contains(" APPEND ") && becomes(CATCHING, WAITING) {
                thread::sleep(REST);
                let is_held = becomes(WAITING, HOLDING);
                while is_held && seen.load(Ordering::SeqCst) == HOLDING {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            None
        });
        let interposer = interposer.unwrap();
        Self { state, interposer }
    }

    /// A connector's target.
    pub(crate) fn target(&self) -> String {
        format!(
            "[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             password = \"file:password\"\n",
            self.interposer.address().port()
        )
    }

    /// The next message will be held up.
    pub(crate) fn catch(&self) {
        self.state.store(CATCHING, Ordering::SeqCst);
    }

    /// True while one is held up, all of which was sent.
    pub(crate) fn has_caught(&self) -> bool {
        self.state.load(Ordering::SeqCst) == HOLDING
    }

    /// Lets everything pass.
    pub(crate) fn release(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
    }
}
